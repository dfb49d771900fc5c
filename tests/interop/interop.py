"""The published Python client (the peer) and ours at one vault.

Usage: interop.py COMMAND..., where the command starts `interop-host`: our vault and our client
behind a line protocol. Prints one line per check.
"""

import base64
import functools
import itertools
import json
import os
import re
import subprocess
import sys
import time
import traceback
from datetime import datetime, timedelta, timezone

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from helvetisafe import exceptions
from helvetisafe.client import HelvetisafeClient
from helvetisafe.crypto import derive_key_from_password

COMBINATIONS = [
    f"{by}+{key_source}"
    for by in ("ServiceAccount", "ApiToken")
    for key_source in ("PemFile", "PemBytes", "Password")
]

VALUES = {
    "empty": "",
    "ASCII": "s3cr3t-v@lue",
    "Unicode": "Grüezi, Zürich – 東京 שלום \u0301\ufeff\u2028\ud7ff\ue000\uffff",
    "emoji": "🔐👩‍👩‍👧 \U0010ffff",
    "NUL": "\0a\0b\0",
    "control characters": "".join(map(chr, range(0x20))) + "\x7f\x80\x9f",
    "quotes": "\"'`\\\"\\\\'; --",
    "newlines": "line\nline\r\nline\r",
    "spaces": "  leading and trailing  ",
    "an object": '{"DB_HOST": "not a multi-field secret"}',
    "null": "null",
    "an escape": "\\u0041 \\n %41 &amp;",
    "100 KB": "0123456789" * 10_000,
    # ASCII: the peer escapes all else, and the vault takes 2 MiB at most.
    "1 MiB": "x" * (1 << 20),
}

# What other tools may have sealed for the key `k`.
PLAINTEXTS = {
    "plain text": "legacy_value",
    "empty text": "",
    "a number": "42",
    "a string": '"quoted"',
    "null": "null",
    "an array": '["k", "v"]',
    "broken JSON": '{"k": "v"',
    "a byte order mark": '\ufeff{"k": "v"}',
    "one value": '{"k":"v"}',
    "white space": ' \n{ "k" : "v" }\t',
    "escapes": r'{"\u006b": "\ud83d\udd10\n\"\\\/"}',
    "a doubled name": '{"k": "first", "k": "last"}',
    "several fields": '{"DB_HOST": "db.example", "DB_PASS": "p\\"ä"}',
    "several fields and the key": '{"DB_HOST": "db.example", "k": "v"}',
    "other types": '{"port": 5432, "nested": {"k": "v"}, "none": null}',
    "an empty object": "{}",
}


class Refused(Exception):
    """Our client's error; its text is the kind."""


class Ours:
    """Our vault and our client."""

    def __init__(self, command):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, encoding="utf-8")
        self.credentials = self._read()

    def __call__(self, op, combination=COMBINATIONS[0], **arguments):
        request = {"op": op, "combination": combination, **arguments}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["ok"]

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("our client and vault have ended")
        return json.loads(line)

    def stop(self):
        self._process.stdin.close()
        return self._process.wait(timeout=30)


ours = None


def new_peer(combination, who=None, **changes):
    """A peer client, with some of its arguments changed."""
    has = {**(who or ours.credentials["member"]), **changes}
    by, key_source = combination.split("+")
    names = {
        "ServiceAccount": ["client_id", "client_secret"],
        "ApiToken": ["api_token"],
        "PemFile": ["private_key_path"],
        "PemBytes": ["private_key_pem"],
        "Password": ["password"],
    }
    arguments = {name: has[name] for name in names[by] + names[key_source]}
    if key_source == "PemBytes":
        arguments["private_key_pem"] = arguments["private_key_pem"].encode()
    return HelvetisafeClient(has.get("base_url", ours.credentials["base_url"]), **arguments)


@functools.lru_cache(maxsize=None)
def peer(combination=COMBINATIONS[0]):
    return new_peer(combination).secrets


def peer_seals(key, plaintext):
    """Stores any plaintext with the peer's own encryption, as the portal does."""
    value, nonce = peer()._crypto.encrypt(plaintext)
    url = f"{ours.credentials['base_url']}/api/v1/secrets"
    body = {"key": key, "value": value, "nonce": nonce}
    requests.post(url, json=body, headers=peer()._auth_headers()).raise_for_status()


def raises(error, function, *arguments, **named):
    """The error, which has to be of just this class."""
    try:
        function(*arguments, **named)
    except Exception as caught:
        assert type(caught) is error, f"{caught!r} instead of {error.__name__}"
        return caught
    raise AssertionError(f"no {error.__name__}")


def ours_refuses(kind, *arguments, **named):
    assert str(raises(Refused, ours, *arguments, **named)) == kind


def in_seconds(seconds):
    return datetime.now(timezone.utc) + timedelta(seconds=seconds)


def parse(time):
    return time and datetime.fromisoformat(time.replace("Z", "+00:00"))


def wait_for(end):
    time.sleep(max(0, (end - datetime.now(timezone.utc)).total_seconds()) + 0.02)


CHECKS = []
counter = itertools.count()


def check(*tables):
    """A check that runs once for each entry of the tables, with a key of its own."""

    def register(function):
        for entries in itertools.product(*tables):
            CHECKS.append((function, entries))
        return function

    return register


def run(function, entries):
    name = " · ".join([function.__name__.replace("_", " "), *entries])
    try:
        function(f"key_{next(counter)}", *entries)
    except Exception:
        traceback.print_exc()
        print(f"FAILED {name}", flush=True)
        return False
    print(f"ok     {name}", flush=True)
    return True


# The peer at our vault.


@check(COMBINATIONS)
def the_peer_can_do_everything(key, combination):
    secrets = peer(combination)
    created = secrets.create(key, "first")
    assert created.key == key and created.created_at and created.expires_at is None
    assert secrets.get(key).value == "first"
    updated = secrets.update(key, "second")
    assert updated.key == key and updated.updated_at >= created.created_at
    assert secrets.get(key).value == "second"
    (listed,) = [item for item in secrets.list() if item.key == key]
    assert (listed.created_at, listed.updated_at) == (created.created_at, updated.updated_at)
    assert secrets.delete(key) is None
    assert key not in [item.key for item in secrets.list()]


@check()
def every_time_can_be_read_by_an_old_python(key):
    # Before 3.11, datetime.fromisoformat takes three or six digits of a fraction, or none.
    for number in range(40):
        ours("create", key=f"{key}_{number}", value="v")
    url = f"{ours.credentials['base_url']}/api/v1/secrets"
    for item in requests.get(url, headers=peer()._auth_headers()).json()["keys"]:
        assert re.search(r":\d\d(\.\d{3}(\d{3})?)?Z$", item["created_at"]), item["created_at"]


@check(COMBINATIONS)
def the_peer_learns_what_does_not_exist_and_what_does(key, combination):
    secrets = peer(combination)
    for call in (
        lambda: secrets.get(key),
        lambda: secrets.update(key, "v"),
        lambda: secrets.delete(key),
    ):
        assert raises(exceptions.HelvetisafeNotFoundError, call).status_code == 404
    secrets.create(key, "first")
    error = raises(exceptions.HelvetisafeConflictError, secrets.create, key, "second")
    assert error.status_code == 409
    assert secrets.get(key).value == "first"


@check(COMBINATIONS)
def the_peer_sees_a_secret_expire(key, combination):
    secrets, end = peer(combination), in_seconds(1)
    assert secrets.create(key, "value", expires_at=end).expires_at == end
    assert secrets.get(key).expires_at == end
    wait_for(end)
    raises(exceptions.HelvetisafeNotFoundError, secrets.get, key)
    assert key not in [item.key for item in secrets.list()]


@check(COMBINATIONS)
def the_peer_learns_what_it_may_not_do(key, combination):
    peer().create(key, "value")
    secrets = new_peer(combination, ours.credentials["reader"]).secrets
    assert secrets.get(key).value == "value"
    for call in (
        lambda: secrets.create(f"{key}_new", "v"),
        lambda: secrets.update(key, "v"),
        lambda: secrets.delete(key),
        lambda: secrets.list(),
    ):
        assert raises(exceptions.HelvetisafeForbiddenError, call).status_code == 403


@check(COMBINATIONS)
def the_peer_is_refused_with_a_wrong_credential(key, combination):
    if combination.startswith("ServiceAccount"):
        wrong = {"client_secret": "wrong"}
        error = raises(exceptions.HelvetisafeAuthError, new_peer, combination, **wrong)
        assert "invalid_client" in str(error)
    else:
        error = raises(exceptions.HelvetisafeError, new_peer, combination, api_token="wrong")
        assert "401" in str(error)


@check()
def the_peer_is_refused_with_a_wrong_password(key):
    for combination in ("ServiceAccount+Password", "ApiToken+Password"):
        raises(exceptions.HelvetisafeCryptoError, new_peer, combination, password="wrong")


@check()
def a_name_that_the_peer_lets_slip_is_refused_by_the_vault(key):
    error = raises(exceptions.HelvetisafeAPIError, peer().create, f"{key}\n", "value")
    assert error.status_code == 422


# What one writes, the other reads.


@check(COMBINATIONS, COMBINATIONS)
def every_combination_reads_every_other(key, combination_of_ours, combination_of_peer):
    ours("create", combination_of_ours, key=key, value="of ours")
    assert peer(combination_of_peer).get(key).value == "of ours"
    peer(combination_of_peer).update(key, "of the peer")
    assert ours("get", combination_of_ours, key=key)["value"] == "of the peer"
    peer(combination_of_peer).delete(key)
    assert ours("exists", combination_of_ours, key=key) is False


@check(VALUES)
def the_peer_reads_what_ours_wrote(key, value):
    ours("create", key=key, value="before")
    ours("update", key=key, value=VALUES[value])
    assert peer().get(key).value == VALUES[value]


@check(VALUES)
def ours_reads_what_the_peer_wrote(key, value):
    peer().create(key, "before")
    peer().update(key, VALUES[value])
    read = ours("get", key=key)
    assert read["value"] == VALUES[value] and read["is_bound"]


@check(PLAINTEXTS)
def both_read_the_same_in_what_another_tool_sealed(key, plaintext):
    peer_seals("k", PLAINTEXTS[plaintext])
    assert ours("get", key="k")["value"] == peer().get("k").value
    ours("delete", key="k")


@check()
def ours_reads_the_fields_that_the_peer_sealed(key):
    fields = {"DB_HOST": "db.example", "DB_PASS": 'p"ä🔐\0\n', "EMPTY": ""}
    for number, text in enumerate([json.dumps(fields), json.dumps(fields, ensure_ascii=False)]):
        peer_seals(f"{key}_{number}", text)
        read = ours("get", key=f"{key}_{number}")
        assert read["value"] == text and not read["is_bound"]
        assert read["fields"] == [list(field) for field in fields.items()]


@check()
def the_peer_reads_the_fields_that_ours_sealed(key):
    fields = {"DB_HOST": "db.example", "DB_PASS": 'p"ä🔐\0\n', "EMPTY": ""}
    ours("create_fields", key=key, fields=list(fields.items()))
    text = peer().get(key).value
    assert list(json.loads(text).items()) == list(fields.items())
    assert ours("get", key=key)["value"] == text


@check()
def the_peer_reads_the_field_that_ours_set_beside_the_others(key):
    peer_seals(key, '{ "port": 5432, "DB_PASS": "old", "caf\\u00e9": [1, {"a": null}] }')
    ours("set_field", key=key, field="DB_PASS", value='new "ä🔐')
    fields = json.loads(peer().get(key).value)
    assert fields == {"port": 5432, "DB_PASS": 'new "ä🔐', "café": [1, {"a": None}]}


@check()
def half_a_character_of_the_peer_is_an_error_of_ours(key):
    peer().create(key, "\ud83d")
    ours_refuses("Crypto", "get", key=key)


@check()
def both_list_the_same(key):
    peer().create(key, "value")
    ours("create", key=f"{key}_ours", value="value")
    listed = [(item.key, item.expires_at) for item in peer().list()]
    assert listed == [(item["key"], parse(item["expires_at"])) for item in ours("list")]
    assert {key, f"{key}_ours"} <= {name for name, _ in listed}


@check()
def a_conflict_and_an_absence_are_seen_across(key):
    ours("create", key=key, value="value")
    raises(exceptions.HelvetisafeConflictError, peer().create, key, "value")
    peer().delete(key)
    ours_refuses("NotFound", "get", key=key)
    peer().create(key, "value")
    ours_refuses("Conflict", "create", key=key, value="value")
    ours("put", key=key, value="put")
    assert peer().get(key).value == "put"


# Expiry across.


@check()
def the_peer_sees_the_expiry_that_ours_set(key):
    end = in_seconds(60)
    ours("create", key=key, value="value", expires_at=end.isoformat())
    assert peer().get(key).expires_at == end
    assert peer().update(key, "again").expires_at == end
    later = end + timedelta(seconds=60)
    ours("update", key=key, value="value", expires_at=later.isoformat())
    assert peer().get(key).expires_at == later
    ours("update", key=key, value="value", expires_at=None)
    assert peer().get(key).expires_at is None


@check()
def ours_sees_the_expiry_that_the_peer_set(key):
    end = in_seconds(60).astimezone(timezone(timedelta(hours=-5, minutes=-30)))
    peer().create(key, "value", expires_at=end)
    assert parse(ours("get", key=key)["expires_at"]) == end
    assert parse(ours("update", key=key, value="again")["expires_at"]) == end
    whole_second = (end + timedelta(seconds=60)).replace(microsecond=0)
    peer().update(key, "value", expires_at=whole_second)
    assert parse(ours("get", key=key)["expires_at"]) == whole_second


@check()
def what_one_let_expire_is_gone_for_the_other(key):
    end = in_seconds(1)
    ours("create", key=f"{key}_ours", value="value", expires_at=end.isoformat())
    peer().create(key, "value", expires_at=end)
    wait_for(end)
    raises(exceptions.HelvetisafeNotFoundError, peer().get, f"{key}_ours")
    ours_refuses("NotFound", "get", key=key)


# Credentials across.


@check(["2048", "3072"], ["PKCS8", "TraditionalOpenSSL"])
def an_account_can_have_a_key_that_the_peers_library_made(key, bits, form):
    made = rsa.generate_private_key(public_exponent=65537, key_size=int(bits))
    pem = made.private_bytes(Encoding.PEM, getattr(PrivateFormat, form), NoEncryption()).decode()
    who = ours("adopt", pem=pem)
    peer().create(key, "value")
    # With its own PEM; with what our vault made of it; with what our vault locked.
    for combination, changes in [
        ("ServiceAccount+PemBytes", {"private_key_pem": pem}),
        ("ApiToken+PemFile", {}),
        ("ServiceAccount+Password", {}),
    ]:
        assert new_peer(combination, who, **changes).secrets.get(key).value == "value"


def as_jwk(key):
    """The JWK of an RSA key, RFC 7518 section 6.3."""
    private = key.private_numbers()
    public = private.public_numbers
    members = {
        "n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q,
        "dp": private.dmp1, "dq": private.dmq1, "qi": private.iqmp,
    }

    def encode(number):
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    return {"kty": "RSA", **{name: encode(number) for name, number in members.items()}}


@check(["2048", "3072"], ["password", "pässwörd-🔐", ""])
def ours_unlocks_and_unwraps_what_the_peers_library_made(key, bits, password):
    made = rsa.generate_private_key(public_exponent=65537, key_size=int(bits))
    salt, nonce, org_key = os.urandom(16), os.urandom(12), os.urandom(32)
    cipher = AESGCM(derive_key_from_password(password, salt))
    locked = cipher.encrypt(nonce, json.dumps(as_jwk(made)).encode(), b"")
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    parts = {
        "encrypted_private_key": locked[:-16],
        "auth_tag": locked[-16:],
        "nonce": nonce,
        "salt": salt,
        "encrypted_org_key": made.public_key().encrypt(org_key, oaep),
    }
    request = {name: base64.b64encode(data).decode() for name, data in parts.items()}
    assert base64.b64decode(ours("unwrap", password=password, **request)) == org_key
    ours_refuses("Crypto", "unwrap", password=f"{password}!", **request)


# An organization with a chain, and the replacement of its org key.


def new_organization(accepts):
    """A founder's credentials, and calls of our client in the new organization."""
    founded = ours("found", accepts_writes_without_epoch=accepts)
    number = founded["organization"]
    return founded["credentials"], functools.partial(ours, organization=number)


def all_can_be_done(secrets, key):
    secrets.create(key, "first")
    assert secrets.get(key).value == "first"
    secrets.update(key, "second")
    assert secrets.get(key).value == "second"
    assert key in [item.key for item in secrets.list()]
    secrets.delete(key)


@check()
def before_a_rotation_the_peer_works_in_an_organization_with_a_chain(key):
    who, _ = new_organization(accepts=False)
    for combination in COMBINATIONS:
        all_can_be_done(new_peer(combination, who).secrets, key)


@check()
def after_a_rotation_a_running_peer_reads_nothing_and_a_restarted_one_reads(key):
    who, ours_there = new_organization(accepts=False)
    running = new_peer(COMBINATIONS[0], who).secrets
    running.create(key, "value")
    assert ours_there("rotate") == 2
    ours_there("create", key=f"{key}_ours", value="later")
    for name in (key, f"{key}_ours"):
        error = raises(exceptions.HelvetisafeCryptoError, running.get, name)
        assert str(error) == "Failed to decrypt secret: ", str(error)
    assert [item.key for item in running.list()] == [key, f"{key}_ours"]
    for combination in COMBINATIONS:
        restarted = new_peer(combination, who).secrets
        assert restarted.get(key).value == "value"
        assert restarted.get(f"{key}_ours").value == "later"
    running.delete(key)
    ours_refuses("NotFound", "get", organization=ours_there.keywords["organization"], key=key)


@check()
def after_a_rotation_writes_of_the_peer_are_refused_by_default(key):
    who, ours_there = new_organization(accepts=False)
    running = new_peer(COMBINATIONS[0], who).secrets
    running.create(key, "value")
    ours_there("rotate")
    for secrets in (running, new_peer(COMBINATIONS[0], who).secrets):
        for call in (
            lambda: secrets.create(f"{key}_new", "v"),
            lambda: secrets.update(key, "v"),
        ):
            error = raises(exceptions.HelvetisafeAPIError, call)
            assert error.status_code == 412
            assert "keyEpoch is missing, and the org key has been replaced" in str(error)
            assert error.response_body["code"] == "key_epoch_mismatch"
    assert ours_there("get", key=key)["value"] == "value"


@check()
def after_a_rotation_a_setting_accepts_the_writes_of_the_peer(key):
    who, ours_there = new_organization(accepts=True)
    running = new_peer(COMBINATIONS[0], who).secrets
    running.create(key, "value")
    ours_there("rotate")
    for combination in COMBINATIONS:
        all_can_be_done(new_peer(combination, who).secrets, f"{key}_new")
    new_peer(COMBINATIONS[0], who).secrets.update(key, "of a restarted one")
    assert ours_there("get", key=key)["value"] == "of a restarted one"
    # The danger of the setting: a process that was not restarted seals with the old key. No client with the new key reads it.
    running.update(key, "of a running one")
    assert running.get(key).value == "of a running one"
    number = ours_there.keywords["organization"]
    ours_refuses("Crypto", "get", organization=number, key=key)
    raises(exceptions.HelvetisafeCryptoError, new_peer(COMBINATIONS[0], who).secrets.get, key)
    ours_refuses("Crypto", "rotate", organization=number)
    # Once the value is written again, the rotation goes on.
    ours_there("put", key=key, value="again")
    assert ours_there("rotate") == 3


def main(command):
    global ours
    ours = Ours(command)
    outcomes = [run(function, entries) for function, entries in CHECKS]
    assert ours.stop() == 0, "our client and vault ended badly"
    failed = outcomes.count(False)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
