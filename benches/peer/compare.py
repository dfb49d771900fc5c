"""Measures the published Python client and ours in turn, and prints tables in Markdown.

Usage: compare.py FOLDER ROUNDS, where the folder has the release builds. The figure of a round is the
median of its samples. The figure of a row is the median of its rounds' ratios, since the machine may be
busy with other work in one round and not in the next. One more round warms up.
"""

import contextlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

PEER = Path(__file__).with_name("peer.py")
SIZES = {"64 B": 64, "1 KiB": 1 << 10, "64 KiB": 64 << 10, "1 MiB": 1 << 20}
# The calls of an operation for one sample, by size.
CALLS = {"64 B": 200, "1 KiB": 200, "64 KiB": 10, "1 MiB": 1}

# A request to measure, and the lines of the table that come from it.
Job = namedtuple("Job", "request lines")
# A line of a table; the target is text, and the statistic turns the answer of a round into a number.
Line = namedtuple("Line", "work statistic target", defaults=["median", ""])

STATISTICS = {
    "median": lambda answer: statistics.median(answer["ns"]),
    "p99": lambda answer: statistics.quantiles(answer["ns"], n=100)[98],
    "peak": lambda answer: answer["peak_kib"],
}


def request(op, samples, calls=1, **arguments):
    return {"op": op, "samples": samples, "calls": calls, **arguments}


def get(size, samples, op="get"):
    return request(op, samples, organization="sizes", key=f"value_{SIZES[size]}")


def envelope(op, size):
    return request(op, 20, CALLS[size], size=SIZES[size])


def many(op, number, samples):
    return request(op, samples, organization=str(number), number=number)


def listing(number):
    # Shorter calls need more samples, until both sides run warm.
    return many("list", number, max(5, 2000 // number))


def beside_the_peer():
    for by, target in ("PEM key", "20"), ("password", "6"):
        yield Job(
            {"op": "start", "by": by},
            [
                Line(f"process start to first secret, {by}", target=target),
                Line(f"its peak memory, {by}", "peak", "5" if by == "PEM key" else ""),
            ],
        )
    yield Job(
        get("64 B", 500),
        [Line("warm `get`, p50", target="8"), Line("warm `get`, p99", "p99", "8")],
    )
    yield Job(many("get_many", 1000, 1), [Line("1 000 secrets, `get_many`", target="10")])
    yield Job(listing(10_000), [Line("`list` of 10 000", target="5")])
    for op, target in ("seal", "10 8 5 5"), ("open", "10 8 5 5"), ("read", ""):
        name = {"read": "open and read the JSON in it"}.get(op, op)
        for at, size in enumerate(SIZES):
            target_here = target.split()[at] if target else ""
            yield Job(envelope(op, size), [Line(f"{name}, {size}", target=target_here)])
    yield Job(request("unlock", 5), [Line("unlock by password (Argon2id)", target="1.0")])
    for bits in 2048, 3072, 4096:
        yield Job(request("load_pem", 20, bits=bits), [Line(f"read a PEM, {bits} bits")])
        yield Job(request("unwrap", 20, bits=bits), [Line(f"unwrap the org key, {bits} bits")])


def growth():
    for size in SIZES:
        yield Job(get(size, 100), [Line(f"warm `get`, {size}")])
    for number in 10, 100, 1000, 10_000:
        yield Job(listing(number), [Line(f"`list` of {number}")])
    for number in 10, 100, 1000:
        yield Job(many("get_many", number, 1000 // number), [Line(f"`get_many` of {number}")])


def beside_the_floor():
    for size in SIZES:
        yield get(size, 300), get(size, 300, "bare_get"), Line(f"warm `get`, {size}", target="1.10")
    for op, floor in ("seal", "bare_seal"), ("open", "bare_open"), ("read", "bare_open"):
        name = {"read": "open and read the JSON in it"}.get(op, op)
        for size in SIZES:
            line = Line(f"{name}, {size}", target="1.25")
            yield envelope(op, size), envelope(floor, size), line


class Worker:
    """A client behind the line protocol."""

    def __init__(self, command, world):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, encoding="utf-8")
        self._write(world)

    def __call__(self, request):
        self._write(request)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{request} was not answered")
        return json.loads(line)

    def _write(self, value):
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def stop(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)


class Side:
    """Answers every request: it starts whole processes itself, and its worker does the other work."""

    def __init__(self, worker, program, folder, world):
        self._worker, self._program = Worker(worker, world), program
        self._starter, self._home, self._world = folder / "peer-bench", world["home"], world

    def __call__(self, request):
        return self._start(request["by"]) if request["op"] == "start" else self._worker(request)

    def _start(self, by):
        credentials = self._world["organizations"]["sizes"]
        names = ["client_id", "client_secret"] + ["password"] * (by == "password")
        given = {name: credentials[name] for name in names}
        given["base_url"] = self._world["base_url"]
        if by == "PEM key":
            given["private_key_path"] = self._world["private_key_path"]
        variables = {f"HELVETISAFE_{name.upper()}": value for name, value in given.items()}
        environment = {"PATH": os.environ["PATH"], "HOME": self._home, **variables}
        command = [self._starter, "start", *self._program, "value_64"]
        answer = json.loads(subprocess.check_output(command, env=environment))
        assert answer["printed"] == "v" * 64, answer
        return answer

    def stop(self):
        self._worker.stop()


def in_turn(rounds, one, other):
    """The answers of both, round by round."""
    pairs = [(one(), other()) for _ in range(rounds + 1)]
    return pairs[1:]


def row(line, pairs, ratio):
    """Prints a row of a table: both medians, the ratio, and the bounds of its middle half."""
    figures = [[STATISTICS[line.statistic](answer) for answer in pair] for pair in pairs]
    low, middle, high = statistics.quantiles([ratio(*pair) for pair in figures], n=4)
    middles = [statistics.median(side) for side in zip(*figures)]
    shown = [memory(one) if line.statistic == "peak" else duration(one) for one in middles]
    cells = [line.work, *shown, f"**{figure(middle)}**", f"{figure(low)} to {figure(high)}"]
    print("|", " | ".join([*cells, line.target]), "|", flush=True)


def heading(title, columns):
    print(f"\n## {title}\n\n| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")


def figure(number):
    return f"{number:.0f}" if number >= 20 else f"{number:.1f}" if number >= 3 else f"{number:.2f}"


def duration(ns):
    for unit, size in ("s", 1e9), ("ms", 1e6), ("µs", 1e3):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.0f} ns"


def memory(kib):
    return f"{kib / 1024:.1f} MiB"


def print_tables(rounds, ours, peer):
    columns = ["work", "ours", "Python client", "times faster", "middle half", "target"]
    for title, jobs in ("Beside the Python client", beside_the_peer), ("Growth", growth):
        heading(title, columns)
        for job in jobs():
            pairs = in_turn(rounds, lambda: ours(job.request), lambda: peer(job.request))
            for line in job.lines:
                row(line, pairs, lambda mine, theirs: theirs / mine)
    heading("Beside the floor", ["work", "ours", "floor", "ratio", "middle half", "at most"])
    for mine, floor, line in beside_the_floor():
        pairs = in_turn(rounds, lambda: ours(mine), lambda: ours(floor))
        row(line, pairs, lambda mine, floor: mine / floor)


def machine():
    """The machine and the versions, in one line."""
    cpu = platform.processor()
    with contextlib.suppress(OSError):
        names = [one for one in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in one]
        cpu = names[0].partition(": ")[2]
    packages = ["helvetisafe-client", "cryptography", "argon2-cffi", "requests"]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    rust = subprocess.check_output(["rustc", "--version"], text=True).strip()
    return f"{cpu}, {os.cpu_count()} cores; {rust}; Python {platform.python_version()}, " + ", ".join(
        versions
    )


def main(folder, rounds):
    bench = folder / "peer-bench"
    # The command refuses a key file that other users can read.
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        vault = Worker([bench, "vault", home], {})
        stack.callback(vault.stop)
        world = {**vault({}), "home": home}
        ours = Side([bench, "ours"], [folder / "helvetisafe", "get"], folder, world)
        stack.callback(ours.stop)
        python = [sys.executable, PEER]
        peer = Side(python, [*python, "start"], folder, world)
        stack.callback(peer.stop)
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"{machine()}; {rounds} rounds; load before: {load}")
        print_tables(rounds, ours, peer)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
