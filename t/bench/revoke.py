"""Signs sessions out under a steady load, and tells how long each was accepted.

The clock of a sign-out starts before its DELETE is handed to psql, and stops with the last
answer 200 that comes in: both ends are against us."""

import argparse
import base64
import hashlib
import hmac
import math
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections import deque

RATE = 5000             # requests a second
WATCHED = 0.25          # s that a session is asked for after it ended
EVERY = 0.01            # s between
CONNECTIONS = 64
SIGNERS = 4             # psqls; each signs out one after the other
STREAMS = 100
UNHEARD = 40


class Relay:
    """What nginx's listening connections go through, until it is cut."""

    def __init__(self, port, target):
        self.target = target
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [client, server]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass

    def cut(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Signer:
    """A psql that deletes; fileno() is readable when it has done so."""

    def __init__(self, port):
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres",
             "pitchey"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.idle = True

    def fileno(self):
        return self.psql.stdout.fileno()

    def end(self, token):
        self.idle = False
        self.psql.stdin.write(f"DELETE FROM \"session\" WHERE token = '{token}';\n\\echo done\n".encode())

    def done(self):
        os.read(self.fileno(), 100)
        self.idle = True


class Session:
    def __init__(self, token, secret):
        mac = hmac.new(secret, token.encode(), hashlib.sha256).digest()
        self.token = token
        self.cookie = f"better-auth.session_token={token}.{base64.b64encode(mac).decode()}"
        self.request = (f"GET /in HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n\r\n").encode()
        self.ended = None       # when it was signed out
        self.accepted = None    # the last answer 200
        self.refused = 0
        self.next = 0.0


class Load:
    """Keep-alive connections over both workers, one request under way on each."""

    def __init__(self, port):
        self.port = port
        self.epoll = select.epoll()
        self.by_fd = {}
        self.idle = {}
        self.sent = self.wrong = 0

    def open(self, session):
        workers = {}
        for _ in range(400):
            s = socket.create_connection(("127.0.0.1", self.port))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(session.request)
            answer = s.recv(65536).decode("latin-1")
            pid = answer.split("X-Pid: ")[1].split("\r")[0]
            mine = workers.setdefault(pid, [])
            if len(mine) < CONNECTIONS // 2:
                mine.append(s)
            else:
                s.close()
            if len(workers) == 2 and all(len(m) == CONNECTIONS // 2 for m in workers.values()):
                break
        if len(workers) != 2:
            sys.exit(f"{len(workers)} workers answer, not 2")
        for pid, sockets in workers.items():
            self.idle[pid] = deque(sockets)
            for s in sockets:
                s.setblocking(False)
                self.by_fd[s.fileno()] = [s, pid, None]
                self.epoll.register(s, select.EPOLLIN)
        self.pids = list(workers)

    def ask(self, session, turn):
        """False if all connections to that worker are busy."""
        idle = self.idle[self.pids[turn % 2]]
        if not idle:
            return False
        s = idle.popleft()
        self.by_fd[s.fileno()][2] = session
        s.send(session.request)
        self.sent += 1
        return True

    def answer(self, fd):
        entry = self.by_fd[fd]
        s, pid, session = entry
        status = s.recv(65536)[9:12]
        if status == b"200":
            session.accepted = time.monotonic()
            session.refused = 0
        elif status == b"401":
            session.refused += 1
        else:
            self.wrong += 1
        if status == b"401" and session.ended is None:
            self.wrong += 1
        self.idle[pid].append(s)


def sign_out(load, signers, sessions, filler, rate, watched):
    """Ends each session; the latencies in ms, and the load there was."""
    waiting = deque(sessions)
    watch = deque()
    start = now = time.monotonic()
    sent, turn = load.sent, 0
    warm = deque()

    while waiting or warm or watch:
        now = time.monotonic()

        # a session that ends was in use just before
        while waiting and len(warm) < 2 * len(signers):
            session = waiting.popleft()
            if not load.ask(session, turn):
                waiting.appendleft(session)
                break
            turn += 1
            warm.append(session)

        pace = (now - start) * rate
        for signer in signers:
            if signer.idle and warm and warm[0].accepted and len(sessions) - len(waiting) - len(warm) < pace:
                session = warm.popleft()
                session.ended = session.next = now = time.monotonic()
                session.accepted = None
                signer.end(session.token)
                watch.append(session)

        budget = int((now - start) * RATE) - (load.sent - sent)
        for session in list(watch):
            if now - session.ended > watched and session.refused >= 4:
                watch.remove(session)
            elif now - session.ended > 10:
                sys.exit("a session is accepted for ten seconds")
            elif now >= session.next and budget > 0 and load.ask(session, turn):
                session.next = now + EVERY
                budget -= 1
                turn += 1
        while budget > 0 and load.ask(filler, turn):
            budget -= 1
            turn += 1

        for fd, _ in load.epoll.poll(0.0005, 256):
            if fd in load.by_fd:
                load.answer(fd)
            else:
                next(s for s in signers if s.fileno() == fd).done()

    took = [max(0.0, (s.accepted or s.ended) - s.ended) * 1000 for s in sessions]
    return took, (load.sent - sent) / (time.monotonic() - start)


def streams(port, job, signers, sessions):
    """Ends sessions whose event streams are open; ms until each stream has ended."""
    took = []
    for session in sessions:
        s = socket.create_connection(("127.0.0.1", port), timeout=5)
        s.sendall(f"GET /api/containers/jobs/{job}/events HTTP/1.0\r\nHost: localhost\r\nCookie: {session.cookie}\r\n\r\n".encode())
        head = s.recv(65536)
        if b" 200 " not in head[:20]:
            sys.exit(f"no stream: {head[:200]!r}")
        session.stream = s
    for session in sessions:
        session.ended = time.monotonic()
        signers[0].end(session.token)
        while session.stream.recv(65536):
            pass
        took.append((time.monotonic() - session.ended) * 1000)
        signers[0].done()
    return took


def main():
    p = argparse.ArgumentParser()
    for name in ("port", "database-port", "relay", "revokes"):
        p.add_argument("--" + name, type=int)
    for name in ("secret", "job", "out"):
        p.add_argument("--" + name)
    o = p.parse_args()

    with open(o.secret, "rb") as f:
        secret = f.read().rstrip(b"\n")

    def make(prefix, n):
        psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(o.database_port), "-U", "postgres", "pitchey"]
        subprocess.run(psql, check=True, text=True, input=f"""
            INSERT INTO "session" (id, "expiresAt", token, "updatedAt", "userId")
            SELECT '{prefix}' || n, now() + interval '30 days', '{prefix}' || n, now(),
                   (SELECT id FROM "user" WHERE email = 'alex.creator@demo.com')
              FROM generate_series(1, {n}) AS n""")
        return [Session(f"{prefix}{i}", secret) for i in range(1, n + 1)]

    relay = Relay(o.relay, o.database_port)
    filler, = make("filler", 1)
    load = Load(o.port)
    time.sleep(3)
    load.open(filler)
    signers = [Signer(o.database_port) for _ in range(SIGNERS)]
    for signer in signers:
        load.epoll.register(signer, select.EPOLLIN)

    took, rate = sign_out(load, signers, make("ends", o.revokes), filler, RATE * EVERY / WATCHED, WATCHED)
    took.sort()
    ended = streams(o.port, o.job, signers, make("streams", STREAMS))
    relay.cut()
    time.sleep(0.2)
    unheard, _ = sign_out(load, signers, make("unheard", UNHEARD), filler, 20, 2.0)

    for name, value in (("p99", took[math.ceil(len(took) * 0.99) - 1]), ("max", took[-1]), ("streams", max(ended)),
                        ("unheard", max(unheard)), ("load", rate)):
        with open(os.path.join(o.out, name), "w") as f:
            f.write(f"{value:.3f}\n")
    if load.wrong:
        sys.exit(f"{load.wrong} answers were neither 200 nor 401, or 401 too early")


main()
