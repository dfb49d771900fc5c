"""The published Python client behind the line protocol of `src/ours.rs`.

`peer.py` answers requests; `peer.py start KEY` is a whole program that reads one secret, and
`peer.py bare URL` one that makes a single request.
"""

import functools
import json
import os
import sys
import time
from pathlib import Path

import requests
from helvetisafe import HelvetisafeClient, crypto

DATA = Path(__file__).parents[2] / "crates/helvetisafe-crypto/tests/data"
KEY = bytes([7] * 32)
NAME = "db"


def start(key):
    variables = ["base_url", "client_id", "client_secret", "private_key_path", "password", "api_token"]
    given = {name: os.environ.get(f"HELVETISAFE_{name.upper()}") for name in variables}
    client = HelvetisafeClient(**{name: value for name, value in given.items() if value})
    print(client.secrets.get(key).value)


def bare(url):
    print(requests.get(url).status_code)


def get(request):
    secrets, key = client(request["route"], request["organization"]).secrets, request["key"]
    return lambda: secrets.get(key)


def get_many(request):
    secrets = client(request["route"], request["organization"]).secrets
    keys = [f"value_{at}" for at in range(request["number"])]
    return lambda: [secrets.get(key) for key in keys]


def list_all(request):
    secrets = client(request["route"], request["organization"]).secrets
    number = request["number"]

    def call():
        assert len(secrets.list()) == number

    return call


def seal(request):
    plain = "v" * request["size"]
    return lambda: crypto.encrypt_secret(plain, KEY)


def open_sealed(request):
    value, nonce = seal(request)()
    return lambda: crypto.decrypt_secret(value, nonce, KEY)


def read(request):
    value, nonce = crypto.encrypt_secret(json.dumps({NAME: "v" * request["size"]}), KEY)
    return lambda: json.loads(crypto.decrypt_secret(value, nonce, KEY))[NAME]


def unlock(request):
    locked = dict(vectors()["locked_private_keys"][0])
    names = ["encrypted_private_key", "nonce", "salt", "auth_tag"]
    texts = [locked[name] for name in names] + [locked["password"]]
    return lambda: crypto.load_private_key_from_jwk(crypto.decrypt_private_key(*texts))


def unwrap(request):
    key = crypto.load_private_key_from_pem(pem(request))
    (wrapped,) = [one for one in vectors()["wrapped"] if one["bits"] == request["bits"]]
    return lambda: crypto.unwrap_org_key(wrapped["encrypted_org_key"], key)


def load_pem(request):
    text = pem(request)
    return lambda: crypto.load_private_key_from_pem(text)


OPERATIONS = {
    "get": get,
    "get_many": get_many,
    "list": list_all,
    "seal": seal,
    "open": open_sealed,
    "read": read,
    "unlock": unlock,
    "unwrap": unwrap,
    "load_pem": load_pem,
}


@functools.lru_cache(maxsize=None)
def client(route, organization):
    credentials = world["organizations"][organization]
    return HelvetisafeClient(
        world["base_urls"][route],
        client_id=credentials["client_id"],
        client_secret=credentials["client_secret"],
        private_key_path=world["private_key_path"],
    )


def vectors():
    return json.loads((DATA / "peer-vectors.json").read_text())


def pem(request):
    return (DATA / f"rsa-{request['bits']}-pkcs8.pem").read_bytes()


def times(call, samples, calls):
    """The times of one call in ns."""
    taken = []
    for _ in range(samples):
        begin = time.perf_counter_ns()
        for _ in range(calls):
            call()
        taken.append((time.perf_counter_ns() - begin) / calls)
    return taken


if sys.argv[1:2] == ["start"]:
    start(sys.argv[2])
elif sys.argv[1:2] == ["bare"]:
    bare(sys.argv[2])
else:
    world = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        request = json.loads(line)
        call = OPERATIONS[request["op"]](request)
        print(json.dumps({"ns": times(call, request["samples"], request["calls"])}), flush=True)
