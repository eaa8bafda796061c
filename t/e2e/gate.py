"""A gate alone: nginx with pitchey_auth before a location, and a PostgreSQL with
sessions. For tests of who is let in, which need no jobs and so no other services."""

import atexit
import json
import os
import pwd
import signal
import socket
import subprocess

from harness import SOURCE

MODULE = os.path.join(os.environ.get("PITCHEY_BUILD", os.path.join(SOURCE, "build")),
                      "ngx_pitchey_module", "ngx_http_pitchey_module.so")
PGBIN = "/usr/lib/postgresql/15/bin"
NGINX = os.environ.get("TEST_NGINX_BINARY", "nginx")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Postgres:
    """A private one, on a socket in its folder; PostgreSQL refuses root."""

    def __init__(self, folder):
        self.data = os.path.join(folder, "postgres")
        self.user = "postgres" if os.getuid() == 0 else None
        os.mkdir(self.data, 0o700)
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.data, entry.pw_uid, entry.pw_gid)
        self.call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        atexit.register(self.end)
        self.start()

    def call(self, program, *arguments):
        command = [os.path.join(PGBIN, program), "-D", self.data, *arguments]
        if self.user:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] + command
        subprocess.run(command, cwd="/", check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def psql(self):
        return ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.data, "-U", "postgres"]

    def sql(self, text):
        """The answer's lines."""
        return subprocess.run(self.psql(), input=text, text=True, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout.splitlines()

    def load(self, name, schema):
        """One of the file's schemas, with its rows, in a schema of that name."""
        statements = [f"CREATE SCHEMA v_{name}; SET search_path = v_{name};"]
        statements += [text + ";" for text in schema["sql"]]
        for table in ("user", "session"):
            target = schema.get("tables", {}).get(table, table)
            rows = schema["rows"].get(target, [])
            text = json.dumps(rows).replace("'", "''")
            statements.append(f'INSERT INTO "{target}" SELECT * FROM '
                              f"jsonb_populate_recordset(NULL::\"{target}\", '{text}');"
                              if rows else "")
        self.sql("\n".join(statements))

    def start(self):
        self.call("pg_ctl", "-s", "-w", "-l", os.path.join(self.data, "log"), "-o",
                  f"-c listen_addresses='' -c unix_socket_directories={self.data} -c fsync=off", "start")

    def end(self):
        """Leaves none behind, however the test ended."""
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.stop()

    def stop(self):
        self.call("pg_ctl", "-s", "-w", "-m", "immediate", "stop")


class Gate:
    """server is what stands in server{}, http in http{}, main outside; /up is open."""

    def __init__(self, folder, name, server, http, main="", events=""):
        self.port = free_port()
        self.folder = os.path.join(folder, name)
        os.makedirs(os.path.join(self.folder, "logs"))
        self.conf = os.path.join(self.folder, "nginx.conf")
        with open(self.conf, "w") as f:
            f.write(f"""load_module {MODULE};
                daemon off;
                {main}
                {'user root;' if os.getuid() == 0 else ''}
                pid {self.folder}/nginx.pid;
                error_log {self.folder}/logs/error.log info;
                events {{ accept_mutex off; {events} }}
                http {{
                    access_log off;
                    client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2;
                    fastcgi_temp_path {self.folder}/t3; uwsgi_temp_path {self.folder}/t4;
                    scgi_temp_path {self.folder}/t5;
                    {http}
                    server {{ listen 127.0.0.1:{self.port}; location = /up {{ empty_gif; }} {server} }}
                }}""")
        self.process = subprocess.Popen([NGINX, "-p", self.folder, "-c", self.conf], stdin=subprocess.DEVNULL)

    def send(self, path, headers):
        """A connection that the request has gone out on; the headers byte for byte."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
                  .encode("latin-1"))
        return s

    @staticmethod
    def read(s):
        """(status, user, headers); status 0 where the connection just ended."""
        answer = b""
        with s:
            while True:
                data = s.recv(65536)
                if not data:
                    break
                answer += data
        if not answer:
            return 0, None, []
        head = answer.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        user = [line.split(": ", 1)[1] for line in head if line.startswith("X-User: ")]
        return int(head[0].split(" ")[1]), user[0] if user else None, head[1:]

    def ask(self, path, headers):
        return self.read(self.send(path, headers))[:2]

    def up(self):
        try:
            return self.ask("/up", [])[0] == 200
        except OSError:
            return False

    def workers(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return [int(pid) for pid in f.read().split()]

    def signal(self, how):
        self.process.send_signal(how)

    def log(self):
        with open(os.path.join(self.folder, "logs", "error.log")) as f:
            return f.readlines()

    def stop(self, but="no such line"):
        """What nginx logged as wrong, beside what the test provoked."""
        self.signal(signal.SIGQUIT)
        self.process.wait(20)
        return [line for line in self.log()
                if ("[alert]" in line or "[emerg]" in line or "[error]" in line) and but not in line]
