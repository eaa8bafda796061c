"""PJP1 from the edge's side, for tests that speak to an orchestrator without nginx.

Written from the grammar in processors/common/base/pt_wire.h, not from our codec:
a second reading of the same contract.
"""

import hashlib
import json
import os
import struct
import time
import uuid

import zmq

PROBLEM, OK, EVENT, LAGGED = "PROBLEM", "OK", "EVENT", "LAGGED"


def u8(v):
    return struct.pack(">B", v)


def u16(v):
    return struct.pack(">H", v)


def u32(v):
    return struct.pack(">I", v)


def u64(v):
    return struct.pack(">Q", v)


def i64(v):
    return struct.pack(">q", v)


def text(v):
    return b"" if v is None else v.encode()


def ident(v):
    return b"" if v is None else uuid.UUID(str(v)).bytes


def uuid7():
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))


class Problem(Exception):
    def __init__(self, code, detail, retry_after, errors):
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.retry_after, self.errors = code, detail, retry_after, errors


class Timeout(Exception):
    pass


class Edge:
    """One nginx worker's connection."""

    def __init__(self, endpoint, context=None):
        self.endpoint = endpoint
        self.context = context or zmq.Context.instance()
        self.rid = 0
        self.events = []
        self.lagged = 0
        self.answers = {}
        self.connect()

    def connect(self):
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.connect(self.endpoint)

    def close(self):
        self.socket.close()

    def send(self, command, *fields, user="alice", role="user", admin=0, tier="", deadline_ms=10000):
        self.rid += 1
        self.socket.send_multipart([b"PJP1", command.encode(), u64(self.rid), u32(deadline_ms),
                                    text(user), text(role), u8(admin), text(tier), b"", *fields])
        return self.rid

    def take(self, limit):
        """One message into its place; False when none came within limit seconds."""
        if not self.socket.poll(limit * 1000):
            return False
        frames = self.socket.recv_multipart()
        assert frames[0] == b"PJP1", frames
        command, f = frames[1].decode(), frames[2:]
        if command == EVENT:
            self.events.append({"job": str(uuid.UUID(bytes=f[0])), "owner": f[1].decode(),
                                "seq": struct.unpack(">I", f[2])[0], "type": f[3].decode(),
                                "body": json.loads(f[4])})
        elif command == LAGGED:
            self.lagged += 1
        elif command == OK:
            self.answers[struct.unpack(">Q", f[0])[0]] = f[1]
        elif command == PROBLEM:
            self.answers[struct.unpack(">Q", f[0])[0]] = Problem(
                f[1].decode(), f[2].decode(), struct.unpack(">I", f[3])[0],
                json.loads(f[4]) if f[4] else None)
        else:
            raise AssertionError(f"an orchestrator sent {command}")
        return True

    def answer(self, rid, limit=10):
        end = time.monotonic() + limit
        while rid not in self.answers:
            left = end - time.monotonic()
            if left <= 0 or not self.take(left):
                if rid not in self.answers:
                    raise Timeout(f"no answer to {rid}")
        got = self.answers.pop(rid)
        if isinstance(got, Problem):
            raise got
        return got

    def ask(self, command, *fields, limit=10, **who):
        return self.answer(self.send(command, *fields, **who), limit)

    def submit_fields(self, action="noop", params=None, job=None, service="test-service", key=None,
                      body=None, priority=1, inputs=(), run_at=0, expires_at=0, max_attempts=0,
                      timeout_s=0, metadata=None, batch=None, retry_of=None, user_type="creator",
                      no_cache=0, secrets=None):
        params = json.dumps(params if params is not None else {})
        digest = hashlib.sha256((body if body is not None else params).encode()).digest()
        return [ident(job or uuid7()), ident(batch), text(service), text(action), text(user_type),
                u8(priority), text(key), digest, text(params),
                text(json.dumps(metadata) if metadata is not None else None),
                b"".join(ident(i) for i in inputs), i64(run_at), i64(expires_at), b"",
                u16(max_attempts), u32(timeout_s), ident(retry_of), u8(no_cache),
                text(json.dumps(secrets) if secrets is not None else None)]

    def submit(self, action="noop", params=None, user="alice", limit=10, tier="", **more):
        return json.loads(self.ask("SUBMIT", *self.submit_fields(action, params, **more),
                                   user=user, limit=limit, tier=tier))

    def batch_fields(self, jobs, batch=None, key=None, body=None, user_type="creator", no_cache=0):
        """jobs: (action, params) or what submit_fields() takes besides, as a dict."""
        packed = b""
        for j in jobs:
            more = dict(j)
            f = self.submit_fields(more.pop("action", "noop"), more.pop("params", None), **more)
            for i in (0, 2, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 18):
                packed += u32(len(f[i])) + f[i]
        digest = hashlib.sha256((body if body is not None else repr(jobs)).encode()).digest()
        return [ident(batch or uuid7()), text(user_type), text(key), digest, packed, u8(no_cache)]

    def submit_batch(self, jobs, user="alice", limit=10, **more):
        return json.loads(self.ask("SUBMIT_BATCH", *self.batch_fields(jobs, **more), user=user, limit=limit))

    def batch(self, batch, **who):
        return json.loads(self.ask("BATCH", ident(batch), **who))

    def retry(self, of, job=None, key=None, user_type="creator", **who):
        return json.loads(self.ask("RETRY", ident(job or uuid7()), ident(of), text(user_type), text(key),
                                   hashlib.sha256(of.encode()).digest(), **who))

    def usage(self, owner=None, month=0, by_user=0, **who):
        return json.loads(self.ask("USAGE", text(owner), i64(month), u8(by_user), **who))

    def metrics(self):
        return self.ask("METRICS", user="", role="").decode()

    def get(self, job, **who):
        return json.loads(self.ask("GET", ident(job), **who))

    def cancel(self, job, **who):
        return json.loads(self.ask("CANCEL", ident(job), **who))

    def list(self, cursor=None, limit=0, status=None, service=None, after=0, before=0, batch=None,
             action=None, owner=None, **who):
        return json.loads(self.ask("LIST", text(cursor), u16(limit), text(status), text(service),
                                   text(action), i64(after), i64(before), ident(batch),
                                   text(owner), **who))

    def history(self, job, after=0, **who):
        out = []
        for line in self.ask("EVENTS", ident(job), u32(after), **who).decode().splitlines():
            seq, kind, body = line.split(" ", 2)
            out.append((int(seq), kind, json.loads(body)))
        return out

    def open(self, kind, ident_, name="", **who):
        return json.loads(self.ask("OPEN", u8(kind), ident(ident_), text(name), **who))

    def watch(self, job=None, **who):
        return json.loads(self.ask("WATCH", ident(job), **who))

    def unwatch(self, job=None, **who):
        return self.ask("UNWATCH", ident(job), **who)

    def sync(self, marks):
        raw = self.ask("SYNC", b"".join(ident(j) + u32(n) for j, n in marks), user="", role="")
        return {str(uuid.UUID(bytes=raw[i:i + 16])): struct.unpack(">I", raw[i + 16:i + 20])[0]
                for i in range(0, len(raw), 20)}

    def file_add(self, file, name, media_type, size, digest, key, **who):
        return json.loads(self.ask("FILE_ADD", ident(file), text(name), text(media_type), u64(size),
                                   digest, text(key), **who))

    def file_get(self, file, **who):
        return json.loads(self.ask("FILE_GET", ident(file), **who))

    def file_list(self, cursor=None, limit=0, **who):
        return json.loads(self.ask("FILE_LIST", text(cursor), u16(limit), **who))

    def file_delete(self, file, **who):
        return json.loads(self.ask("FILE_DELETE", ident(file), **who))

    def health(self):
        return json.loads(self.ask("HEALTH", user="", role=""))

    def ended(self, job, limit=15, **who):
        """The job once it has ended; raises Timeout."""
        end = time.monotonic() + limit
        while True:
            got = self.get(job, **who)
            if got["status"] in ("succeeded", "failed", "cancelled", "expired"):
                return got
            if time.monotonic() > end:
                raise Timeout(f"{job} is still {got['status']}")
            time.sleep(0.02)
