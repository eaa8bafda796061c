"""A WebSocket client that can do everything wrong: raw frames over a socket.

Written from RFC 6455, with the standard library alone.
"""

import base64
import hashlib
import json
import os
import socket
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    def __init__(self, status, headers, body):
        super().__init__(f"{status}: {body[:200]!r}")
        self.status, self.headers, self.body = status, headers, body


def frame(payload=b"", opcode=TEXT, fin=True, rsv=0, mask=True, length=None):
    """length: how to write it, as 7, 16 or 64 bits; None: the shortest"""
    if isinstance(payload, str):
        payload = payload.encode()
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    n = len(payload)
    length = length or (7 if n < 126 else 16 if n < 65536 else 64)
    bit = 0x80 if mask else 0
    head = struct.pack(">BB", first, bit | n) if length == 7 else \
        struct.pack(">BBH", first, bit | 126, n) if length == 16 else \
        struct.pack(">BBQ", first, bit | 127, n)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


class WebSocket:
    def __init__(self, port, cookie, path="/api/containers/ws", headers=None, version="HTTP/1.1",
                 method="GET", buffer=None, first=b""):
        """headers: instead of, or with None without, the usual ones; first: sent with them"""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": f"localhost:{port}", "Upgrade": "websocket", "Connection": "Upgrade",
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, "Cookie": cookie}
        lines.update(headers or {})
        text = "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v is not None)
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"{method} {path} {version}\r\n{text}\r\n".encode() + first)
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            piece = self.socket.recv(65536)
            if not piece:
                raise Refused(0, {}, self.data)
            self.data += piece
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        status, *rows = head.decode().split("\r\n")
        self.headers = {k.lower(): v for k, v in (row.split(": ", 1) for row in rows)}
        status = int(status.split()[1])
        if status != 101:
            raise Refused(status, self.headers, self.data)
        want = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert self.headers["sec-websocket-accept"] == base64.b64encode(want).decode()
        self.code = None          # of the close frame, or 0 for an end without

    def send(self, data, pieces=False):
        """pieces: byte for byte"""
        try:
            for one in ([data[i:i + 1] for i in range(len(data))] if pieces else [data]):
                self.socket.sendall(one)
        except OSError:
            pass
        return self

    def say(self, message, **options):
        return self.send(frame(json.dumps(message), **options))

    def need(self, n):
        while len(self.data) < n:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                return False
            self.data += piece
        return True

    def read(self):
        """(opcode, payload); (None, b"") at the end"""
        if not self.need(2):
            return None, b""
        first, n, at = self.data[0], self.data[1], 2
        assert first & 0xf0 == 0x80 and n < 128, "a whole frame without a mask"
        if n > 125:
            at = 4 if n == 126 else 10
            if not self.need(at):
                return None, b""
            n = struct.unpack(">H" if n == 126 else ">Q", self.data[2:at])[0]
        if not self.need(at + n):
            return None, b""
        payload, self.data = self.data[at:at + n], self.data[at + n:]
        return first & 15, payload

    def take(self, seconds=20):
        """The next message; None when it was closed, and then code says why."""
        self.socket.settimeout(seconds)
        while True:
            opcode, payload = self.read()
            if opcode == TEXT:
                return json.loads(payload)
            if opcode == PING:
                self.send(frame(payload, PONG))
            elif opcode == CLOSE:
                self.code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                self.send(frame(payload, CLOSE))
                return None
            elif opcode is None:
                self.code = 0
                return None

    def until(self, condition, seconds=20):
        """The messages up to the first for which it holds."""
        end, messages = time.monotonic() + seconds, []
        while True:
            message = self.take(max(0.1, end - time.monotonic()))
            if message is None:
                return messages
            messages.append(message)
            if condition(message):
                return messages

    def closed(self, seconds=10):
        """The code of its close; what comes before is read over."""
        try:
            while self.take(seconds) is not None:
                pass
        except socket.timeout:
            return "open"
        return self.code

    def close(self):
        self.socket.close()
