"""An orchestrator that a test plays: PJP1 from the other side, over a ROUTER.

It keeps jobs and their events in memory, and can lose an EVENT on purpose.
"""

import json
import struct
import threading
import time
import uuid

import zmq


def fields_of(raw):
    """An event's lines, as EVENTS answers them."""
    return b"".join(b"%d %s %s\n" % (seq, kind.encode(), body) for seq, kind, body in raw)


class Orchestrator(threading.Thread):
    def __init__(self, endpoint, jobs):
        """jobs: id -> list of (seq, type, body), shared by several as a database is"""
        super().__init__(daemon=True)
        self.jobs, self.endpoint = jobs, endpoint
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.bind(endpoint)
        self.lock = threading.Lock()
        self.watches = {}         # job id, or owner, -> identities
        self.peers = set()
        self.asked = []           # commands, in their order
        self.inbox, self.wake = self.pair()
        self.ended = False
        self.start()

    def pair(self):
        name = f"inproc://{uuid.uuid4()}"
        there, here = self.context.socket(zmq.PULL), self.context.socket(zmq.PUSH)
        there.bind(name)
        here.connect(name)
        return there, here

    # -- from the test's thread --

    def post(self, frames):
        with self.lock:
            self.wake.send_multipart(frames)

    def publish(self, job, owner, seq, kind, body):
        """EVENT to each peer that watches the job or its owner."""
        self.post([b"event", uuid.UUID(job).bytes, owner.encode(), struct.pack(">I", seq), kind.encode(), body])

    def lag(self):
        """Forgets all watches, and says so."""
        self.post([b"lag"])

    def end(self):
        self.post([b"end"])
        self.join(5)

    # -- its own --

    def run(self):
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.inbox, zmq.POLLIN)
        while not self.ended:
            ready = dict(poller.poll(1000))
            if self.inbox in ready:
                self.told(self.inbox.recv_multipart())
            if self.socket in ready:
                self.heard(self.socket.recv_multipart())
        self.socket.close()
        self.inbox.close()
        self.wake.close()
        self.context.term()

    def told(self, frames):
        if frames[0] == b"event":
            job, owner = frames[1], frames[2]
            for peer in self.watches.get(job, set()) | self.watches.get(owner, set()):
                self.socket.send_multipart([peer, b"PJP1", b"EVENT", *frames[1:]])
        elif frames[0] == b"lag":
            self.watches = {}
            for peer in self.peers:
                self.socket.send_multipart([peer, b"PJP1", b"LAGGED"])
        else:
            self.ended = True

    def heard(self, frames):
        peer, _, command, rid = frames[:4]
        user, rest = frames[5], frames[10:]
        command = command.decode()
        self.peers.add(peer)
        self.asked.append(command)
        handler = getattr(self, "do_" + command.lower(), None)
        body = handler(peer, user, *rest) if handler else None
        if body is None:
            self.socket.send_multipart([peer, b"PJP1", b"PROBLEM", rid, b"not_found", b"", b"\0\0\0\0", b""])
        else:
            self.socket.send_multipart([peer, b"PJP1", b"OK", rid, body])

    def last(self, job):
        return self.jobs[job][-1][0] if self.jobs[job] else 0

    def document(self, job):
        return json.dumps({"id": str(uuid.UUID(bytes=job)), "status": "running"}).encode()

    def do_watch(self, peer, user, job):
        if job and job not in self.jobs:
            return None
        self.watches.setdefault(job or user, set()).add(peer)
        return self.document(job) if job else b"{}"

    def do_unwatch(self, peer, user, job):
        self.watches.get(job or user, set()).discard(peer)
        return b"{}"

    def do_get(self, peer, user, job):
        return self.document(job) if job in self.jobs else None

    def do_events(self, peer, user, job, after):
        after = struct.unpack(">I", after)[0]
        return fields_of([e for e in self.jobs.get(job, []) if e[0] > after][:1000])

    def do_sync(self, peer, user, marks):
        answer = b""
        for at in range(0, len(marks), 20):
            job, seq = marks[at:at + 16], struct.unpack(">I", marks[at + 16:at + 20])[0]
            self.watches.setdefault(job, set()).add(peer)
            if job in self.jobs and self.last(job) > seq:
                answer += job + struct.pack(">I", self.last(job))
        return answer

    def do_changed(self, peer, user, since):
        return json.dumps({"jobs": [{"job": str(uuid.UUID(bytes=job)), "seq": self.last(job), "status": "running"}
                                    for job in self.jobs], "more": False}, separators=(",", ":")).encode()

    def do_health(self, peer, user):
        return b'{"database":true,"storage":true}'
