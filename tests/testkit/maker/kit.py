"""What a file of the kit is. README.md says what its headers mean."""

from rsa_numbers import b64

VERSION = 1


class Kit:
    """The files of one group."""

    def __init__(self, group, **headers):
        self.group = group
        self.headers = headers
        self.files = {}

    def ok(self, name, control, body, result, **more):
        """A positive control: nothing is wrong with it."""
        headers = {"control": control, "expect": "ok"}
        self._add(f"ok-{name}", headers, body, result=b64(result), **more)

    def refused(self, name, fault, cause, body, **more):
        """One fault. `cause` is the error of the Rust crate; the class follows from it."""
        if cause in ("api", "config"):
            headers = {"fault": fault, "expect": f"{cause}-error"}
        else:
            headers = {"fault": fault, "expect": "crypto-error", "cause": cause}
        self._add(name, headers, body, **more)

    def _add(self, name, headers, body, peer=None, peer_result=None, why=None, **more):
        assert (peer is None and peer_result is None) == (why is None), (self.group, name)
        if why is not None:
            headers["peer"] = peer or headers["expect"]
            if peer_result is not None:
                headers["peer-result"] = b64(peer_result)
            ours_takes_it = headers["expect"] == "ok"
            headers["why-different" if ours_takes_it else "why-stricter"] = why
        headers = {"testkit": VERSION, "group": self.group, **headers, **self.headers, **more}
        lines = [
            f"{key.replace('_', '-')}: {value}".rstrip() + "\n" for key, value in headers.items()
        ]
        assert all(line.count("\n") == 1 for line in lines), lines
        body = body.encode() if isinstance(body, str) else body
        assert f"{name}.case" not in self.files, (self.group, name)
        self.files[f"{name}.case"] = "".join(lines).encode() + b"\n" + body
