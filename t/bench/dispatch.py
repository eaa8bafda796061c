"""From the POST of a job to the start of its action, in milliseconds, a line each.

usage: dispatch.py warm PORT N          100 a second, by the clock that the action reads
       dispatch.py zero PORT N ACTION BODY BINARY
                                        one after the other, each after the processes of
                                        that binary have been told to leave
The cookie comes from the environment.
"""

import calendar
import http.client
import json
import os
import re
import signal
import sys
import threading
import time

API, COOKIE = "/api/containers", os.environ["COOKIE"]


def call(connection, method, path, body=None):
    connection.request(method, API + path, body, {"Cookie": COOKIE, "Content-Type": "application/json",
                                                   "Cache-Control": "no-cache"})
    answer = connection.getresponse()
    data = json.loads(answer.read())
    if answer.status not in (200, 202):
        raise SystemExit(f"{method} {path} was answered {answer.status}: {data}")
    return data


def ended(connection, job):
    while True:
        got = call(connection, "GET", f"/jobs/{job}")
        if got["status"] in ("succeeded", "failed"):
            return got
        time.sleep(0.01)


def warm(port, n):
    jobs = []

    def client(number, clients=4):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        begin = time.monotonic() + number * 0.01
        for k in range(n // clients):
            time.sleep(max(0, begin + k * 0.01 * clients - time.monotonic()))
            sent = time.time()
            jobs.append((sent, call(connection, "POST", "/test-service/clock", "{}")["id"]))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for sent, job in jobs[n // 10:]:
        print((ended(connection, job)["result"]["now_us"] / 1e6 - sent) * 1000)


def milliseconds(text):
    whole, part = re.fullmatch(r"(.*)\.(\d\d\d)Z", text).groups()
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 1000 + int(part)


def running(binary):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == binary:
                found.append(int(pid))
        except OSError:
            pass
    return found


def leave(binary):
    """Tells the processors to leave, not their children, and waits until they have."""
    pids = running(binary)
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
            if parent not in pids:
                os.kill(pid, signal.SIGTERM)
        except OSError:
            pass
    end = time.monotonic() + 30
    while running(binary):
        if time.monotonic() > end:
            raise SystemExit(f"{binary} does not leave")
        time.sleep(0.02)


def zero(port, n, action, body, binary):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(n):
        leave(binary)
        time.sleep(0.3)
        sent = time.time() * 1000
        job = ended(connection, call(connection, "POST", "/" + action, body)["id"])
        print(milliseconds(job["started_at"]) - sent)


if sys.argv[1] == "warm":
    warm(int(sys.argv[2]), int(sys.argv[3]))
else:
    zero(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
