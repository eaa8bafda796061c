"""usage: fanout.py FAN FOLDER N MESSAGES sse|ws|nchan...

One nginx worker, N clients of one channel, ten messages of 240 bytes a second.  For
each kind a line: kind, messages delivered of those that were due, p50, p99, maximum
(ms), KiB of the worker for an idle client, us of its CPU for a delivery.

Ours come by the EVENTs of an orchestrator that is played, so that nchan and we are
given the messages in the same way.
"""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from gate import Gate, Postgres
from harness import wait_for
from orchestra import Orchestrator
from stream import SECRET, cookie, session_tables

FAN, FOLDER, N, MESSAGES = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
JOB = "0198c3a2-0000-7000-8000-0000000000b1"
MAIN = "worker_processes 1; worker_rlimit_nofile 20000;"
NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"
KEY = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def message(n, time_ns=0):
    return b'{"name":"o%06d","T=%020d":1,"pad":"%s"}' % (n, time_ns, b"x" * 190)


class Publisher(Orchestrator):
    """Its messages are as old as their sending is; nchan's as their POST."""

    def told(self, frames):
        if frames[0] == b"event":
            frames[5] = frames[5].replace(b"T=" + b"0" * 20, b"T=%020d" % time.monotonic_ns())
        super().told(frames)


class Ours:
    def __init__(self, gate, jobs, orchestrator):
        self.gate, self.jobs, self.orchestrator = gate, jobs, orchestrator

    def publish(self, n):
        events = self.jobs[uuid.UUID(JOB).bytes]
        event = (len(events) + 1, "output", message(n))
        events.append(event)
        self.orchestrator.publish(JOB, "alex", *event)


class SSE(Ours):
    def request(self):
        return f"GET /api/jobs/{JOB}/events HTTP/1.1\r\nHost: x\r\nCookie: {cookie('alex')[0][1]}\r\n\r\n".encode()


class WS(Ours):
    def request(self):
        from ws import frame
        return (f"GET /api/ws HTTP/1.1\r\nHost: x\r\nCookie: {cookie('alex')[0][1]}\r\n{KEY}\r\n".encode()
                + frame('{"type":"subscribe","job":"%s"}' % JOB))


class Nchan:
    def __init__(self, gate):
        self.gate = gate
        self.connection = http.client.HTTPConnection("127.0.0.1", gate.port)

    def request(self):
        return b"GET /sub HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"

    def publish(self, n):
        self.connection.request("POST", "/pub", message(n, time.monotonic_ns()), {"Content-Type": "application/json"})
        self.connection.getresponse().read()


def memory(gate):
    with open(f"/proc/{gate.workers()[0]}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def cpu(gate):
    """ms that the worker has had"""
    with open(f"/proc/{gate.workers()[0]}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def first(server):
    """What the first one alone makes resident is not the price of each."""
    s = socket.create_connection(("127.0.0.1", server.gate.port))
    s.sendall(server.request())
    s.recv(4096)
    time.sleep(0.2)
    return s


def measure(kind, server):
    one = first(server)
    before = memory(server.gate)
    fan = subprocess.Popen([FAN, str(server.gate.port), str(N)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    fan.stdin.write(server.request())
    fan.stdin.close()
    assert fan.stdout.readline() == b"up\n", "the clients are up"
    time.sleep(2)
    each = (memory(server.gate) - before) / N
    busy, start = cpu(server.gate), time.monotonic()
    for n in range(MESSAGES):
        time.sleep(max(0, start + n / 10 - time.monotonic()))
        server.publish(n)
    time.sleep(1.5)
    busy = cpu(server.gate) - busy
    one.close()
    fan.terminate()
    count, *ages = fan.stdout.read().split()
    fan.wait()
    print(kind, f"{int(count) / (N * MESSAGES):.4f}", *[a.decode() for a in ages], f"{each:.2f}",
          f"{busy * 1000 / max(1, int(count)):.2f}", flush=True)


def main():
    folder = os.path.join(FOLDER, "fanout")
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    postgres = Postgres(folder)
    session_tables(postgres, "alex")
    for turn, kind in enumerate(sys.argv[5:]):
        name = f"{turn}-{kind}"
        # the worker's memory is of a fresh one
        if kind == "nchan":
            gate = Gate(folder, name, """location = /pub { nchan_publisher; nchan_channel_id c;
                    nchan_message_buffer_length 10; }
                location = /sub { nchan_subscriber eventsource; nchan_channel_id c;
                    nchan_subscriber_first_message newest; }""",
                        "keepalive_requests 1000000; nchan_shared_memory_size 128M;",
                        f"load_module {NCHAN}; {MAIN}", "worker_connections 12000;")
            orchestrator, server = None, Nchan(gate)
        else:
            jobs = {uuid.UUID(JOB).bytes: []}
            orchestrator = Publisher(f"ipc://{folder}/{name}.sock", jobs)
            gate = Gate(folder, name, f"location /api/ {{ pitchey on; pitchey_auth_secret '{SECRET}'; }}",
                        f"""pitchey_database "host={postgres.data} user=postgres";
                            pitchey_orchestrator ipc://{folder}/{name}.sock;
                            request_pool_size 6528; connection_pool_size 416;""", MAIN, "worker_connections 12000;")
            server = {"sse": SSE, "ws": WS}[kind](gate, jobs, orchestrator)
        wait_for(10, gate.up)
        time.sleep(1.2)
        measure(kind, server)
        gate.signal(15)
        gate.process.wait(10)
        if orchestrator:
            orchestrator.end()


main()
