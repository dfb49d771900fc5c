"""Measures the published Python client and ours in turn, and prints tables in Markdown.

Usage: compare.py FOLDER ROUNDS [network], where the folder has the release builds. With `network`, only the
table of the rows over a network is printed. The figure of a round is the
median of its samples. The figure of a row is the median of its rounds' ratios, since the machine may be
busy with other work in one round and not in the next. One more round warms up. The middle half of a single round
is that round.
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


def get(size, samples, op="get", route="http"):
    return request(op, samples, route=route, organization="sizes", key=f"value_{SIZES[size]}")


def envelope(op, size):
    return request(op, 20, CALLS[size], size=SIZES[size])


def many(op, number, samples, route="http"):
    return request(op, samples, route=route, organization=str(number), number=number)


def start(by, route="http"):
    return {"op": "start", "by": by, "route": route}


def listing(number):
    # Shorter calls need more samples, until both sides run warm.
    return many("list", number, max(5, 2000 // number))


def beside_the_peer():
    for by, target in ("PEM key", "20"), ("password", "6"):
        yield Job(
            start(by),
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


def over_a_network():
    """The rows over TLS on loopback, and over TLS with a round-trip time."""
    for route, name in ("https", "TLS"), ("slow", "TLS, 20 ms"):
        yield Job(start("nothing", route), [Line(f"one bare request in a new process, {name}")])
        for by in "PEM key", "API token", "kept token", "password":
            yield Job(start(by, route), [Line(f"process start to first secret, {by}, {name}")])
        samples = {"https": 500, "slow": 5}[route]
        yield Job(get("64 B", samples, route=route), [Line(f"warm `get`, {name}")])
        number = {"https": 1000, "slow": 100}[route]
        yield Job(many("get_many", number, 1, route), [Line(f"`get_many` of {number}, {name}")])


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


def beside_plain_http():
    for by in "PEM key", "API token":
        line = Line(f"process start to first secret, {by}")
        yield start(by, "https"), start(by), line


class Worker:
    """A client behind the line protocol."""

    def __init__(self, command, world, **variables):
        pipe, environment = subprocess.PIPE, {**os.environ, **variables}
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, encoding="utf-8", env=environment
        )
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

    def __init__(self, worker, programs, folder, world):
        """`programs` start a client and a bare request."""
        self._authority = {"REQUESTS_CA_BUNDLE": world["authority_path"]}
        self._worker = Worker(worker, world, **self._authority)
        self._program, self._bare = programs
        self._starter, self._home, self._world = folder / "peer-bench", world["home"], world

    def __call__(self, request):
        if request["op"] != "start":
            return self._worker(request)
        url = self._world["base_urls"][request["route"]]
        if request["by"] == "nothing":
            return self._start(self._bare(url), {}, "404")
        return self._start([*self._program, "value_64"], self._settings(request["by"], url), "v" * 64)

    def _settings(self, by, url):
        """The variables of a client. Only the command can keep a token; the other side fetches one."""
        credentials = self._world["organizations"]["sizes"]
        names = ["api_token"] if by == "API token" else ["client_id", "client_secret"]
        names += ["password"] * (by == "password")
        given = {name: credentials[name] for name in names}
        given["base_url"] = url
        if by != "password":
            given["private_key_path"] = self._world["private_key_path"]
        if by == "kept token":
            given["keep_token"] = "true"
        if url.startswith("https:"):
            given["ca_certificate"] = self._world["authority_path"]
        return {f"HELVETISAFE_{name.upper()}": value for name, value in given.items()}

    def _start(self, program, settings, output):
        environment = {"PATH": os.environ["PATH"], "HOME": self._home, **self._authority, **settings}
        command = [self._starter, "start", *program]
        answer = json.loads(subprocess.check_output(command, env=environment))
        assert answer["printed"] == output, answer
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
    ratios = [ratio(*pair) for pair in figures]
    # A single round has no quartiles.
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
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


def print_table(title, jobs, rounds, ours, peer):
    heading(title, ["work", "ours", "Python client", "times faster", "middle half", "target"])
    for job in jobs:
        pairs = in_turn(rounds, lambda: ours(job.request), lambda: peer(job.request))
        for line in job.lines:
            row(line, pairs, lambda mine, theirs: theirs / mine)


def print_network(rounds, ours, peer):
    print_table("Over a network", over_a_network(), rounds, ours, peer)
    heading("TLS beside plain HTTP", ["work", "TLS", "HTTP", "ratio", "middle half", "at most"])
    for tls, plain, line in beside_plain_http():
        # Both take milliseconds, so a few rounds more cost little.
        pairs = in_turn(3 * rounds, lambda: ours(tls), lambda: ours(plain))
        row(line, pairs, lambda mine, floor: mine / floor)


def print_tables(rounds, ours, peer):
    print_table("Beside the Python client", beside_the_peer(), rounds, ours, peer)
    print_table("Growth", growth(), rounds, ours, peer)
    print_network(rounds, ours, peer)
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


def main(folder, rounds, only_network):
    bench = folder / "peer-bench"
    # The command refuses a key file that other users can read.
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        vault = Worker([bench, "vault", home], {})
        stack.callback(vault.stop)
        world = {**vault({}), "home": home}
        bare = lambda url: [bench, "bare", url, world["authority_path"]]
        ours = Side([bench, "ours"], ([folder / "helvetisafe", "get"], bare), folder, world)
        stack.callback(ours.stop)
        python = [sys.executable, PEER]
        bare = lambda url: [*python, "bare", url]
        peer = Side(python, ([*python, "start"], bare), folder, world)
        stack.callback(peer.stop)
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"{machine()}; {rounds} rounds; load before: {load}")
        if only_network:
            print_network(rounds, ours, peer)
        else:
            print_tables(rounds, ours, peer)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]), sys.argv[3:] == ["network"])
