#!/usr/bin/env python3
"""Checks what no schema knows: the references of the compose file, and the expressions of alerts and dashboard.

    deployment.py compose FILE        each network, secret, config, volume, file and server of haproxy exists
    deployment.py expressions FILE…   each expression is PromQL, with a selector of the vault's metrics
"""

import json
import re
import sys
from pathlib import Path

import promql_parser
import yaml


def names(value):
    """Returns the names in a list or a mapping of references."""
    return [it.get("source", "") if isinstance(it, dict) else it for it in value or []]


def references(file):
    """Yields the kind and the name of each reference of a compose file that leads nowhere."""
    compose = yaml.safe_load(file.read_text())
    for service in compose["services"].values():
        for kind in ("networks", "secrets", "configs"):
            yield from ((kind, it) for it in names(service.get(kind)) if it not in compose.get(kind, {}))
        yield from (("services", it) for it in service.get("depends_on", []) if it not in compose["services"])
        for source in (it.split(":")[0] for it in service.get("volumes", [])):
            is_file = source.startswith(".")
            if not ((file.parent / source).is_file() if is_file else source in compose.get("volumes", {})):
                yield "volumes", source
    servers = re.findall(r"^\s*server \S+ ([^:\s]+):", (file.parent / "haproxy.cfg").read_text(), re.MULTILINE)
    yield from (("servers", it) for it in servers if it not in compose["services"])
    nodes = [name for name, it in compose["services"].items() if it.get("command") == ["serve"]]
    yield from (("nodes without a server", it) for it in nodes if it not in servers)


def expressions(file):
    """Returns the expressions of a file of rules or of a dashboard."""
    text = file.read_text()
    if file.suffix == ".json":
        panels = json.loads(text)["panels"]
        found = [target["expr"] for panel in panels for target in panel["targets"]]
        # Grafana replaces its variables.
        return [it.replace("$__rate_interval", "1m") for it in found]
    return [rule["expr"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def is_wrong(expression):
    try:
        promql_parser.parse(expression)
        return None
    except ValueError as error:
        return f"{expression}: {error}"


def main():
    what, *files = sys.argv[1:]
    files = [Path(it) for it in files]
    if what == "compose":
        wrong = [f"{it}: {kind} {name!r}" for it in files for kind, name in references(it)]
    else:
        found = [expression for it in files for expression in expressions(it)]
        assert found, "no expression was found"
        wrong = list(filter(None, map(is_wrong, found)))
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
