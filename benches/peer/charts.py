"""Draws the tables of compare.py as SVG charts.

Usage: charts.py FOLDER < tables.md, where the tables are the output of compare.py, or
docs/performance.md. Writes three files to the folder: `ratios.svg`, how many times faster than the
Python client; `growth.svg`, time by size; `floor.svg`, time over the floor. The colours follow the
reader's choice of light or dark.
"""

import math
import re
import sys
from collections import namedtuple
from html import escape
from pathlib import Path

# A row of a table: the work, both times in seconds (or bytes), the ratio, its middle half, the target.
Row = namedtuple("Row", "work ours other ratio low high target")

UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "MiB": 1024.0 * 1024}
WIDTH, LABELS, FIGURES, TOP, LINE = 800, 280, 70, 56, 22

STYLE = """
  svg { font: 13px system-ui, sans-serif; background: #ffffff }
  text { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d1d9e0; fill: none }
  .ours { fill: #0969da; stroke: #0969da } .other { fill: #bc4c00; stroke: #bc4c00 }
  .slower { fill: #bc4c00 } .mark { stroke: #1f2328; stroke-width: 2 }
  .line { fill: none; stroke-width: 2 } .whisker { stroke: #1f2328 }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 } text { fill: #f0f6fc } .quiet { fill: #9198a1 }
    .grid { stroke: #3d444d } .mark, .whisker { stroke: #f0f6fc }
    .ours { fill: #4493f8; stroke: #4493f8 } .other { fill: #f0883e; stroke: #f0883e }
    .slower { fill: #f0883e }
  }
"""


def main(folder, text):
    tables = parse(text)
    charts = {
        "ratios.svg": ratios(tables["Beside the Python client"]),
        "growth.svg": growth(tables["Growth"]),
        "floor.svg": floor(tables["Beside the floor"]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in charts.items():
        (folder / name).write_text(svg)


# Tables


def parse(text):
    """The rows of each table, by the heading above it."""
    tables, heading = {}, ""
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 6 and cells[3].startswith("**"):
            tables.setdefault(heading, []).append(row(*cells))
    return tables


def row(work, ours, other, ratio, middle_half, target):
    low, high = map(float, middle_half.split(" to "))
    return Row(
        work.replace("`", ""),
        quantity(ours),
        quantity(other),
        float(ratio.strip("*")),
        low,
        high,
        float(target) if target else None,
    )


def quantity(text):
    number, unit = text.split()
    return float(number) * UNITS[unit]


# Charts


def ratios(rows):
    """Times faster than the peer: a bar for each row, from 1, with its middle half and its target."""
    title = "Times faster than the Python client"
    note = "Logarithmic. Line: middle half of the rounds. Mark: target. Left of 1: slower."
    return bars(title, note, rows, [0.1, 1, 10, 100, 1000], better_is_more=True)


def floor(rows):
    """The time over that of the floor: a bar for each row, from 1."""
    title = "Time over the floor: the same work with the bare libraries"
    note = "Logarithmic. Line: middle half of the rounds. Mark: target, at most. Left of 1: faster."
    return bars(title, note, rows, [0.5, 1, 2, 4, 8], better_is_more=False)


def bars(title, note, rows, ticks, better_is_more):
    left, right = LABELS, WIDTH - FIGURES
    x = logarithmic(ticks[0], ticks[-1], left, right)
    bottom = TOP + LINE * len(rows)
    parts = [grid_line(x(tick), TOP, bottom, f"{tick:g}") for tick in ticks]
    for at, one in enumerate(rows):
        middle = TOP + LINE * at + LINE / 2
        start, end = sorted((x(1), x(one.ratio)))
        kind = "ours" if (one.ratio >= 1) == better_is_more else "slower"
        parts += [
            label(left - 8, middle + 4, one.work, "end"),
            bar(kind, start, end, middle),
            line("whisker", x(one.low), middle, x(one.high), middle),
            label(right + 8, middle + 4, f"{one.ratio:g}", "start"),
        ]
        if one.target:
            parts.append(line("mark", x(one.target), middle - 9, x(one.target), middle + 9))
    return document(title, note, bottom + 24, parts)


def growth(rows):
    """Time by size: a panel for each call, both axes logarithmic."""
    panels = {}
    for one in rows:
        work, size = re.fullmatch(r"(.*?)(?:,| of) (\S+(?: \S+)?)", one.work).groups()
        panels.setdefault(work, []).append((size, one))
    width, top, bottom = (WIDTH - 20) / len(panels), TOP + 24, TOP + 264
    times = [time for one in rows for time in (one.ours, one.other)]
    lowest = 10 ** math.floor(math.log10(min(times)))
    highest = 10 ** math.ceil(math.log10(max(times)))
    y = logarithmic(lowest, highest, bottom, top)
    parts = []
    for at, (work, points) in enumerate(panels.items()):
        left, right = 20 + width * at + 50, 20 + width * (at + 1) - 24
        parts.append(label((left + right) / 2, top - 10, work, "middle"))
        parts += panel(points, left, right, bottom, y, lowest, highest)
    parts += [
        legend("ours", 70, bottom + 52, "ours"),
        legend("other", 160, bottom + 52, "Python client"),
    ]
    note = "Both axes are logarithmic; lower is faster."
    return document("Time of a call by size", note, bottom + 68, parts)


def panel(points, left, right, bottom, y, lowest, highest):
    """One call: a line for each client, over the sizes."""
    tick = lowest
    while tick <= highest * 1.01:
        yield f'<path class="grid" d="M{left:.1f} {y(tick):.1f}H{right:.1f}"/>'
        yield label(left - 6, y(tick) + 4, duration(tick), "end", "quiet")
        tick *= 10
    step = (right - left) / max(1, len(points) - 1)
    for at, (size, _) in enumerate(points):
        yield label(left + step * at, bottom + 22, size, "middle", "quiet")
    for side in "ours", "other":
        places = [(left + step * at, y(getattr(one, side))) for at, (_, one) in enumerate(points)]
        drawn = " ".join(f"{place:.1f},{height:.1f}" for place, height in places)
        yield f'<polyline class="{side} line" style="fill:none" points="{drawn}"/>'
        for place, height in places:
            yield f'<circle class="{side}" cx="{place:.1f}" cy="{height:.1f}" r="3"/>'


# Parts of a chart


def logarithmic(low, high, start, end):
    """A scale from low at start to high at end, on which what lies outside lies at the ends."""
    span = math.log(high / low)
    return lambda value: start + (end - start) * math.log(min(max(value, low), high) / low) / span


def grid_line(x, top, bottom, text):
    return f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>' + label(
        x, bottom + 16, text, "middle", "quiet"
    )


def bar(kind, start, end, middle):
    width, top = end - start, middle - 7
    return f'<rect class="{kind}" x="{start:.1f}" y="{top:.1f}" width="{width:.1f}" height="14"/>'


def line(kind, x1, y1, x2, y2):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def label(x, y, text, anchor, kind="name"):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def legend(kind, x, y, text):
    return f'<circle class="{kind}" cx="{x}" cy="{y - 4}" r="5"/>' + label(x + 12, y, text, "start")


def duration(seconds):
    for unit in "s", "ms", "µs", "ns":
        if seconds >= UNITS[unit] * 0.99:
            return f"{seconds / UNITS[unit]:.0f} {unit}"
    return f"{seconds} s"


def document(title, note, height, parts):
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n{label(12, 22, title, 'start')}\n"
        f"{label(12, 40, note, 'start', 'quiet')}\n{body}\n</svg>\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.read())
