"""The daemon beside what people would use instead: one command, one table.

    cargo build --release && python3 benches/peer/compare.py

Each contender has a `sandbox` process of its own with the platform's limits enforced, the same seed and the same traffic:
120 callbacks that arrive within half a minute and are to be raised every 30 s. They are watched for 90 s. Then the network
is cut for 60 s while 12 more arrive, and 150 s later it is seen who was lost: the raises of a minute and the looks that they
take fit into the limit within two thirds of that. All run side by side, which takes about six minutes.

Needs Python 3 with venv, and PyPI once, for the official SDK. Linux, because it reads /proc.
"""

import concurrent.futures
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import datetime

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = pathlib.Path(os.environ.get("PROGRAM", ROOT / "target/release/callback-prioritizer"))
VENV = ROOT / "target/peer"
WAIT = 30
CALLBACKS, NEW_IN_THE_CUT = 120, 12
ARRIVING, WATCHED, CUT, AFTER = 30, 90, 60, 150
ON_SCHEDULE = 2.0


class Relay:
    """The network between a contender and the platform, which can be cut."""

    def __init__(self, port):
        self.port, self.cut, self.pairs = port, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            if self.cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.port))
            self.pairs.append((near, far))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def set_cut(self, cut):
        self.cut = cut
        if cut:
            for pair in self.pairs:
                for end in pair:
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
            self.pairs.clear()


class Platform:
    """A sandbox process and its control endpoints."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [PROGRAM, "sandbox", "--listen", f"127.0.0.1:{self.port}", "--seed", "7"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/sandbox/{path}", data)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def arrive(self):
        """A callback enters the queue: its id, and when that was."""
        answer = self.ask("callbacks", {"queue": "Support"})
        return answer["conversationId"], time.time()


def proc(pid, name):
    return pathlib.Path(f"/proc/{pid}/{name}").read_text()


def memory(pid):
    """Resident memory, bytes."""
    line = next(line for line in proc(pid, "status").splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def processor(pid):
    """Processor time used, seconds."""
    fields = proc(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at(moment):
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def measure(start):
    """Lets one contender work, and says what became of it."""
    platform = Platform()
    relay = Relay(platform.port)
    process = start(relay.url)
    try:
        time.sleep(8)
        idle = memory(process.pid)
        entered = {}
        for _ in range(CALLBACKS):
            name, moment = platform.arrive()
            entered[name] = moment
            time.sleep(ARRIVING / CALLBACKS)
        time.sleep(WAIT)
        since, used = time.time(), processor(process.pid)
        time.sleep(WATCHED)
        until, used = time.time(), processor(process.pid) - used
        result = watched(platform, entered, since, until)
        result["memory a callback"] = f"{(memory(process.pid) - idle) / CALLBACKS / 1024:.1f} KiB"
        result["processor"] = f"{used / (until - since) * 100:.1f} %"
        relay.set_cut(True)
        for _ in range(NEW_IN_THE_CUT):
            name, moment = platform.arrive()
            entered[name] = moment
            time.sleep(CUT / NEW_IN_THE_CUT)
        relay.set_cut(False)
        time.sleep(AFTER)
        result["lost over a 60 s cut"] = f"{lost(platform, entered)} of {len(entered)}"
        return result
    finally:
        process.kill()
        process.wait()
        platform.process.kill()
        platform.process.wait()


def watched(platform, entered, since, until):
    """What was written and asked while everything was well."""
    requests = [one for one in platform.ask("requests") if since <= at(one["at"]) < until]
    writes = [one for one in platform.ask("writes") if since <= at(one["at"]) < until]
    # A raise from 2 to 3 was due when the third wait was over.
    late = [at(one["at"]) - entered[one["conversationId"]] - WAIT * one["to"] for one in writes]
    kept = {name: 0 for name in entered}
    for one, seconds in zip(writes, late):
        kept[one["conversationId"]] += seconds <= ON_SCHEDULE
    due = WATCHED // WAIT
    ranks = statistics.quantiles(late, n=100) if len(late) > 1 else [float("nan")] * 99
    return {
        "requests a raise": f"{len(requests) / max(len(writes), 1):.2f}",
        "on schedule": f"{sum(count >= due for count in kept.values())} of {len(entered)}",
        "429s": str(sum(one["status"] == 429 for one in requests)),
        "lateness p50": f"{ranks[49] * 1000:.0f} ms",
        "lateness p99": f"{ranks[98] * 1000:.0f} ms",
    }


def lost(platform, entered):
    """How many wait with less than the schedule gives them, by more than one step."""
    behind = 0
    for name, moment in entered.items():
        due = int((time.time() - moment) / WAIT)
        behind += platform.ask(f"conversations/{name}")["priority"] < due - 1
    return behind


def python(script):
    def start(url):
        environment = {**os.environ, "API_URL": url, "WAIT_SECONDS": str(WAIT)}
        return subprocess.Popen(
            [VENV / "bin/python", HERE / script],
            env=environment,
            # A thread or a task that dies says so at length.
            stderr=subprocess.DEVNULL,
        )

    return start


def daemon(url):
    folder = tempfile.mkdtemp(prefix="callback-prioritizer-peer-")
    environment = {
        "GENESYSCLOUD_OAUTHCLIENT_ID": "sandbox",
        "GENESYSCLOUD_OAUTHCLIENT_SECRET": "sandbox",
        "CALLBACK_PRIORITIZER__GENESYS__API_URL": url,
        "CALLBACK_PRIORITIZER__GENESYS__LOGIN_URL": url,
        "CALLBACK_PRIORITIZER__POLICY__WAIT": f"{WAIT}s",
        "CALLBACK_PRIORITIZER__JOURNAL__PATH": f"{folder}/journal.db",
        "CALLBACK_PRIORITIZER__STATUS__LISTEN": "127.0.0.1:0",
        "CALLBACK_PRIORITIZER__LOG__LEVEL": "warn",
    }
    return subprocess.Popen([PROGRAM, "run"], env=environment)


def main():
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is missing: run `cargo build --release` first")
    if not (VENV / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        install = [VENV / "bin/pip", "install", "-q", "-r", HERE / "requirements.txt"]
        subprocess.run(install, check=True)
    contenders = {
        "callback-prioritizer": daemon,
        "SDK, threads": python("blueprint_threads.py"),
        "asyncio": python("lean_asyncio.py"),
    }
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = dict(zip(contenders, pool.map(measure, contenders.values())))
    rows = list(next(iter(results.values())))
    print("| | " + " | ".join(results) + " |")
    print("| --- |" + " --- |" * len(results))
    for row in rows:
        print(f"| {row} | " + " | ".join(result[row] for result in results.values()) + " |")


main()
