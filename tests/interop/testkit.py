"""Runs every file of the testkit through the published Python client (the peer).

Usage: testkit.py FOLDER. The peer's own client connects and reads with a session that answers what
the file says, so that its own functions, in its own order, decide. Each outcome has to be the one
that the file claims for the peer: `peer`, or else `expect`.
"""

import base64
import functools
import json
import multiprocessing
import sys
from collections import Counter
from pathlib import Path

import requests
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from helvetisafe import exceptions
from helvetisafe.client import HelvetisafeClient
from helvetisafe.crypto import derive_key_from_password

GROUPS = {"wrapped-org-key", "locked-private-key", "jwk", "pem", "envelope", "payload"}
# The peer administers no organization.
NOT_OF_THE_PEER = {
    "chain",
    "fingerprint-words",
    "invitation-code",
    "join-request",
    "sealed-invitation",
    "signing-key",
}
AT_LEAST = 150
KEY = "db"


class Case:
    """One file: headers, an empty line, and the body."""

    def __init__(self, path):
        head, self.body = path.read_bytes().split(b"\n\n", 1)
        lines = [line.split(":", 1) for line in head.decode().split("\n")]
        self.headers = {name: value.strip() for name, value in lines}
        assert len(self.headers) == len(lines), "a header is there twice"
        assert self.headers["testkit"] == "1" and self.headers["group"] == path.parent.name
        assert ("fault" in self.headers) != ("control" in self.headers)
        differs = {"why-stricter", "why-different"} & self.headers.keys()
        assert bool(differs) == ("peer" in self.headers), "a difference needs a reason"
        self.folder = path.parent.parent

    def bytes(self, name):
        return base64.b64decode(self.headers[name], validate=True)

    def file(self, name):
        return (self.folder / self.headers[name]).read_bytes()

    def expected(self):
        """What the file claims for the peer: the class, and what comes out."""
        result = "peer-result" if "peer-result" in self.headers else "result"
        outcome = self.headers.get("peer", self.headers["expect"])
        return outcome, self.bytes(result) if outcome == "ok" and result in self.headers else None


class Vault:
    """A session that knows one answer per path."""

    def __init__(self, **answers):
        self._answers = {name.replace("_", "-"): body for name, body in answers.items()}

    def get(self, url, **_):
        response = requests.Response()
        response.status_code = 200
        response._content = self._answers[url.rsplit("/", 1)[1]]
        return response


def wrapped(org_key):
    return json.dumps({"encrypted_org_key": org_key.decode()}).encode()


def org_key_of(client):
    return client.secrets._crypto._org_key


def connect(vault, **key_source):
    return HelvetisafeClient("http://vault", api_token="token", session=vault, **key_source)


def run_wrapped_org_key(case):
    return org_key_of(connect(Vault(org_key=case.body), private_key_pem=case.file("private-key")))


def run_locked_private_key(case):
    vault = Vault(org_key=wrapped(case.file("unwraps")), private_key=case.body)
    return org_key_of(connect(vault, password=case.bytes("password-base64").decode()))


def run_jwk(case):
    """Locked first, since the peer reads a JWK in this way only."""
    salt, nonce = bytes(16), bytes(12)
    sealed = AESGCM(derive_key_from_password("", salt)).encrypt(nonce, case.body, b"")
    parts = {
        "encrypted_private_key": sealed[:-16],
        "nonce": nonce,
        "salt": salt,
        "auth_tag": sealed[-16:],
    }
    answer = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    vault = Vault(org_key=wrapped(case.file("unwraps")), private_key=json.dumps(answer).encode())
    return org_key_of(connect(vault, password=""))


def run_pem(case):
    vault = Vault(org_key=wrapped(case.file("unwraps")))
    return org_key_of(connect(vault, private_key_pem=case.body))


@functools.cache
def reader(keys):
    """A client to read secrets with; only the answer and the org key change."""
    vault = Vault(org_key=wrapped((keys / "rsa-2048.wrapped").read_bytes()))
    return connect(vault, private_key_pem=(keys / "rsa-2048.pem").read_bytes()).secrets


def read(case, answer, org_key):
    """The value of the secret in this answer, by a client that has the org key."""
    secrets = reader(case.folder / "keys")
    secrets._session = Vault(db=answer)
    secrets._crypto._org_key = org_key
    value = secrets.get(KEY).value
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


def run_envelope(case):
    return read(case, case.body, case.bytes("org-key"))


def run_payload(case):
    org_key, nonce = bytes(32), bytes(12)
    value = AESGCM(org_key).encrypt(nonce, case.body, b"")
    answer = {"key": case.headers["key"], "value": value, "nonce": nonce}
    answer = {
        name: part if name == "key" else base64.b64encode(part).decode()
        for name, part in answer.items()
    }
    return read(case, json.dumps(answer).encode(), org_key)


def outcome(case):
    """The class of what the peer does, and what comes out."""
    try:
        result = globals()["run_" + case.headers["group"].replace("-", "_")](case)
    except exceptions.HelvetisafeCryptoError:
        return "crypto-error", None
    except exceptions.HelvetisafeError:
        return "api-error", None
    except Exception:
        return "other-error", None
    return "ok", result


def check(path):
    case = Case(path)
    expected, found = case.expected(), outcome(case)
    right = found[0] == expected[0] and expected[1] in (None, found[1])
    if not right:
        print(f"FAILED {path}: expected {expected}, found {found}", flush=True)
    return (
        case.headers["group"],
        case.headers["expect"],
        "differs" if "peer" in case.headers else "agrees",
        right,
    )


def main(folder):
    paths = sorted(Path(folder).glob("*/*.case"))
    paths = [path for path in paths if path.parent.name not in NOT_OF_THE_PEER]
    with multiprocessing.Pool() as pool:
        checked = pool.map(check, paths, chunksize=8)
    counts = Counter(row[:3] for row in checked)
    for (group, expected, agreement), count in sorted(counts.items()):
        print(f"{count:4} {group}, {expected}, the peer {agreement}")
    failed = sum(not row[3] for row in checked)
    print(f"{len(checked) - failed} files as claimed, {failed} failed")
    complete = len(checked) >= AT_LEAST and {row[0] for row in checked} == GROUPS
    return 0 if complete and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
