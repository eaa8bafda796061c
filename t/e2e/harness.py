"""What the end-to-end tests share: services of their own, HTTP, event streams, TAP.

A test is an executable file beside this one: it starts a private set of services
in a fresh folder by scripts/quickstart, as a user would, speaks HTTP to it, and
prints TAP.  Nothing here sleeps for luck: it waits for a condition, with a limit.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
MEDIA = os.environ.get("PITCHEY_MEDIA", os.path.join(SOURCE, "..", "shared", "media"))
API = "/api/containers"
TERMINAL = ("succeeded", "failed", "cancelled", "expired")

NDA = {
    "type": "mutual",
    "disclosing_party": {"name": "Alex Rivera", "address": "14 Harbour Street, Wellington",
                         "representative": {"name": "Alex Rivera", "title": "Writer"}},
    "receiving_party": {"name": "Sarah Chen", "address": "220 Montgomery Street, San Francisco",
                        "representative": {"name": "Sarah Chen", "title": "Investor"}},
    "project": {"title": "The Salt Line"},
    "effective_date": "2026-11-23",
    "term_years": 3,
    "governing_law": "the State of California",
}


# ---- TAP ----

class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0
        self.lock = threading.Lock()

    def ok(self, condition, name, *why):
        with self.lock:
            self.count += 1
            if condition:
                print(f"ok {self.count} - {name}")
            else:
                self.failed += 1
                print(f"not ok {self.count} - {name}")
                for line in why:
                    print("#   " + str(line)[:1500].replace("\n", "\n#   "))
            sys.stdout.flush()
        return bool(condition)

    def equal(self, got, want, name):
        return self.ok(got == want, name, f"got  {got!r}", f"want {want!r}")

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed or not self.count else 0


tap = Tap()
ok, equal, skip = tap.ok, tap.equal, tap.skip


def wait_for(seconds, condition):
    """The condition's first true value, or its last false one after the limit."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.05)


# ---- services ----

class Services:
    """A private PostgreSQL, orchestrator and nginx; ends them on exit."""

    def __init__(self, test_service=False, workers=2, **environment):
        self.dir = tempfile.mkdtemp(prefix="pitchey-e2e.")
        os.chmod(self.dir, 0o755)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.environment = dict(os.environ, NGINX_WORKERS=str(workers), **environment)
        if test_service:
            self.environment["WITH_TEST_SERVICE"] = "1"

    def quickstart(self, *arguments):
        return subprocess.run([os.path.join(SOURCE, "scripts", "quickstart"), *arguments],
                              env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        run = self.quickstart("--no-demo", "--dir", self.dir, "--port", str(self.port))
        if run.returncode != 0:
            print("Bail out! the services did not start")
            print("# " + run.stdout.replace("\n", "\n# "))
            self.logs()
            self.__exit__(None, None, None)
            sys.exit(1)
        self.read_env()
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None or tap.failed:
            self.logs()
        self.quickstart("--stop", "--dir", self.dir)
        if os.environ.get("PITCHEY_KEEP") is None:
            shutil.rmtree(self.dir, ignore_errors=True)
        return False

    def read_env(self):
        text = subprocess.run(["sh", "-c", f". {self.dir}/env; for v in PITCHEY_URL DATABASE_URL "
                               "BETTER_AUTH_SECRET PITCHEY_COOKIE_CREATOR PITCHEY_COOKIE_INVESTOR "
                               "PITCHEY_COOKIE_PRODUCTION PITCHEY_COOKIE_ADMIN; do eval "
                               "printf '%s\\\\n' \\\"\\$$v\\\"; done"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
        (self.url, self.database, self.secret, self.creator, self.investor,
         self.production, self.admin) = text[:7]

    def logs(self, lines=25):
        for name in ("orchestrator.log", "nginx.log", "postgres.log"):
            path = os.path.join(self.dir, "log", name)
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    for line in f.readlines()[-lines:]:
                        print(f"# {name}: {line.rstrip()}")

    def log(self, name):
        with open(os.path.join(self.dir, "log", name), errors="replace") as f:
            return f.read()

    # -- the database, as the operator sees it --

    def sql(self, query):
        """Rows as lists of strings."""
        run = subprocess.run(["psql", "-X", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                              "-d", self.database, "-c", query],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            raise RuntimeError(run.stderr)
        return [line.split("\t") for line in run.stdout.splitlines()]

    def postgres(self, action, mode="fast"):
        command = ["/usr/lib/postgresql/15/bin/pg_ctl", "-D", os.path.join(self.dir, "postgres"),
                   "-s", "-w", "-t", "60", "-m", mode, action]
        if action != "stop":
            command += ["-l", os.path.join(self.dir, "log", "postgres.log")]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] + command
        subprocess.run(command, cwd="/", check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # -- processes --

    def pids(self, name):
        """Of this set's daemons, by the name of their binary."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == os.path.join(self.dir, "bin", name):
                    found.append(int(pid))
            except OSError:
                pass
        return sorted(found)

    def nginx_workers(self):
        with open(os.path.join(self.dir, "nginx", "nginx.pid")) as f:
            master = f.read().strip()
        with open(f"/proc/{master}/task/{master}/children") as f:
            return [int(pid) for pid in f.read().split()]

    @staticmethod
    def kill(pid, how=signal.SIGKILL):
        try:
            os.kill(pid, how)
            return True
        except ProcessLookupError:
            return False

    # -- HTTP --

    def request(self, method, path, cookie=None, body=None, headers=None, timeout=30):
        """(status, headers, bytes); status 0 where no answer came."""
        headers = dict(headers or {})
        if cookie:
            headers["Cookie"] = cookie
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, API + path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as error:
            return 0, {}, str(error).encode()
        finally:
            connection.close()

    def json(self, method, path, cookie=None, body=None, headers=None, timeout=30):
        status, _, data = self.request(method, path, cookie, body, headers, timeout)
        try:
            return status, json.loads(data)
        except ValueError:
            return status, {"text": data.decode(errors="replace")}

    def upload(self, cookie, path, media_type=None, name=None):
        headers = {"Content-Type": media_type} if media_type else {}
        with open(path, "rb") as f:
            data = f.read()
        return self.json("POST", f"/files?name={name or os.path.basename(path)}", cookie, data, headers)

    def submit(self, cookie, action, parameters):
        status, job = self.json("POST", "/" + action, cookie, parameters, {"Cache-Control": "no-cache"})
        if status != 202:
            raise RuntimeError(f"{action} was answered {status}: {job}")
        return job["id"]

    def finish(self, cookie, job, seconds=60):
        """The job's document once it has ended, or as it was at the limit."""
        last = {}

        def ended():
            nonlocal last
            status, document = self.json("GET", f"/jobs/{job}", cookie)
            if status == 200:
                last = document
            return last.get("status") in TERMINAL

        wait_for(seconds, ended)
        return last


class Stream(threading.Thread):
    """Follows a job's events as a browser's EventSource does: it reconnects with
    Last-Event-ID until it has seen a terminal state."""

    def __init__(self, services, cookie, job, limit=120):
        super().__init__(daemon=True)
        self.services, self.cookie, self.job = services, cookie, job
        self.events = []          # (id, type, document), numbered ones only
        self.progress = []
        self.connects = 0
        self.end = time.monotonic() + limit
        self.final = None
        self.start()

    def run(self):
        while self.final is None and time.monotonic() < self.end:
            try:
                self.follow()
            except (OSError, http.client.HTTPException, ValueError):
                pass
            if self.final is None:
                time.sleep(0.05)

    def follow(self):
        headers = {"Cookie": self.cookie, "Accept": "text/event-stream"}
        if self.events:
            headers["Last-Event-ID"] = str(self.events[-1][0])
        connection = http.client.HTTPConnection("127.0.0.1", self.services.port, timeout=20)
        try:
            connection.request("GET", f"{API}/jobs/{self.job}/events", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                return
            self.connects += 1
            event = {}
            for raw in answer:
                line = raw.decode().rstrip("\n")
                if line:
                    key, _, value = line.partition(":")
                    event[key] = value.lstrip(" ")
                    continue
                if "data" in event:
                    self.take(event)
                event = {}
                if self.final is not None:
                    return
        finally:
            connection.close()

    def take(self, event):
        document = json.loads(event["data"])
        kind = event.get("event", "message")
        if "id" not in event:
            self.progress.append(document)
            return
        self.events.append((int(event["id"]), kind, document))
        if kind == "state" and document.get("status") in TERMINAL:
            self.final = document["status"]


def promtool(text):
    """What Prometheus' own checker says of a text in its format."""
    return subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def run(main):
    """The last line of a test: TAP's plan and the exit status."""
    # at its time limit a test ends its services, too
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        main()
    except Exception as error:                # a test that cannot go on has failed
        import traceback
        tap.ok(False, "the test ran to its end", traceback.format_exc(), error)
    sys.exit(tap.end())
