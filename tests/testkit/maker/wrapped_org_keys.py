"""Answers to `GET /api/v1/credentials/org-key`."""

import json

from keys import BASE, ORG_KEY, OTHER, RSA, WRAPPED
from kit import Kit
from rsa_numbers import b64, derived, encrypt, oaep, pkcs1_v1_5, wrap
from wire import answer_faults, base64_faults

LENGTH = "the format fixes 32 bytes; the peer takes any number, and fails at the first secret"
FIRST = "whether it is 0 is what Manger's attack asks, so draft-irtf-cfrg-rsa-guidance ignores it"
AES = "the format fixes 32 bytes; the peer goes on with AES-{} under it"


def make():
    kit = Kit("wrapped-org-key", private_key="keys/rsa-2048.pem")
    _good(kit)
    _wrong_content(kit)
    _wrong_padding(kit)
    _wrong_ciphertext(kit)
    good = {"encrypted_org_key": WRAPPED["rsa-2048"]}
    base64_faults(kit, good, ["encrypted_org_key"], ORG_KEY)
    answer_faults(kit, good, ["encrypted_org_key"], ORG_KEY)
    return kit


def _answer(wrapped):
    return json.dumps({"encrypted_org_key": b64(wrapped)})


def _good(kit):
    for name in RSA:
        bits = name.removeprefix("rsa-")
        body = json.dumps({"encrypted_org_key": WRAPPED[name]})
        control = f"An org key that is wrapped for a key of {bits.split('-')[0]} bits."
        kit.ok(bits, control, body, ORG_KEY, private_key=f"keys/{name}.pem")
    more = json.dumps({"version": 2, "encrypted_org_key": WRAPPED["rsa-2048"], "more": None})
    kit.ok("more-members", "The answer has members that nobody knows.", more, ORG_KEY)
    for name, org_key in [("zeros", bytes(32)), ("ones", b"\xff" * 32)]:
        control = f"All bytes of the org key are {org_key[0]:#04x}."
        kit.ok(name, control, _answer(wrap(BASE, org_key)), org_key)
    control = "The first byte of the OAEP block, which is not looked at, is 1 instead of 0."
    answer = _answer(wrap(BASE, ORG_KEY, first=1))
    kit.ok("oaep-first-byte", control, answer, ORG_KEY, peer="crypto-error", why=FIRST)


def _wrong_content(kit):
    for length in (0, 1, 31, 33, 64, 190):
        org_key = derived("org key of another length", length)
        why = {"peer": "ok", "peer_result": org_key, "why": LENGTH}
        fault = f"The org key has {length} bytes."
        kit.refused(f"org-key-{length}-bytes", fault, "unwrap", _answer(wrap(BASE, org_key)), **why)
    for length, name in [(16, 128), (24, 192)]:
        org_key = derived("org key of another length", length)
        why = {"peer": "ok", "peer_result": org_key, "why": AES.format(name)}
        fault = f"The org key has {length} bytes."
        kit.refused(f"org-key-{length}-bytes", fault, "unwrap", _answer(wrap(BASE, org_key)), **why)
    text = b64(ORG_KEY).encode()
    why = {"peer": "ok", "peer_result": text, "why": LENGTH}
    fault = "The org key is wrapped as base64 text instead of as bytes."
    kit.refused("org-key-as-text", fault, "unwrap", _answer(wrap(BASE, text)), **why)


def _wrong_padding(kit):
    faults = {
        "oaep-sha1": (
            "OAEP with SHA-1 for the label and in MGF1.",
            {"hash": "sha1", "mgf": "sha1"},
        ),
        "oaep-mgf1-sha1": ("OAEP with SHA-256, but SHA-1 in MGF1.", {"mgf": "sha1"}),
        "oaep-label-sha1": ("OAEP with SHA-1, but SHA-256 in MGF1.", {"hash": "sha1"}),
        "oaep-sha512": ("OAEP with SHA-512.", {"hash": "sha512", "mgf": "sha512"}),
        "oaep-other-label": ("The OAEP label is not empty.", {"label": b"org-key"}),
        "oaep-label-nul": ("The OAEP label is one zero byte.", {"label": b"\0"}),
        "oaep-marker-0": ("No byte of value 1 stands before the org key.", {"marker": 0}),
        "oaep-marker-2": ("The byte before the org key is 2 instead of 1.", {"marker": 2}),
    }
    for name, (fault, changes) in faults.items():
        kit.refused(name, fault, "unwrap", _answer(wrap(BASE, ORG_KEY, **changes)))
    block = pkcs1_v1_5(BASE, ORG_KEY)
    fault = "The padding is that of PKCS#1 v1.5."
    kit.refused("pkcs1-v1-5", fault, "unwrap", _answer(encrypt(BASE, block)))
    raw = bytes(BASE.size - 32) + ORG_KEY
    kit.refused("no-padding", "There is no padding.", "unwrap", _answer(encrypt(BASE, raw)))
    fault = "The OAEP block is not encrypted."
    kit.refused("not-encrypted", fault, "unwrap", _answer(oaep(BASE, ORG_KEY)))


def _wrong_ciphertext(kit):
    good = wrap(BASE, ORG_KEY)
    faults = {
        "other-key": ("It is wrapped for another key.", wrap(OTHER, ORG_KEY)),
        "first-bit": ("The highest bit is turned over.", bytes([good[0] ^ 0x80]) + good[1:]),
        "last-bit": ("The lowest bit is turned over.", good[:-1] + bytes([good[-1] ^ 1])),
        "middle-bit": (
            "A bit in the middle is turned over.",
            good[:128] + bytes([good[128] ^ 8]) + good[129:],
        ),
        "empty": ("The ciphertext is empty.", b""),
        "one-byte": ("The ciphertext has one byte.", good[:1]),
        "first-byte-missing": ("The first byte is missing.", good[1:]),
        "last-byte-missing": ("The last byte is missing.", good[:-1]),
        "zero-before": ("A zero byte stands before the ciphertext.", b"\0" + good),
        "zero-after": ("A zero byte stands after the ciphertext.", good + b"\0"),
        "reversed": ("The bytes are in little-endian order.", good[::-1]),
        "twice": ("The ciphertext is there twice.", good + good),
        "zero": ("The ciphertext is the number 0.", bytes(256)),
        "one": ("The ciphertext is the number 1.", bytes(255) + b"\1"),
        "modulus": ("The ciphertext is the modulus.", BASE.n.to_bytes(256, "big")),
        "modulus-minus-one": ("It is the modulus less 1.", (BASE.n - 1).to_bytes(256, "big")),
        "all-ones": ("The ciphertext is larger than the modulus.", b"\xff" * 256),
    }
    for name, (fault, ciphertext) in faults.items():
        kit.refused(name, fault, "unwrap", _answer(ciphertext))
    _leading_zero(kit)
    _plus_modulus(kit)


def _leading_zero(kit):
    """A ciphertext that starts with a zero byte: right with it, wrong without."""
    seeds = (f"leading zero {n}" for n in range(10_000))
    wrapped = (wrap(BASE, ORG_KEY, seed=seed) for seed in seeds)
    short = next(ciphertext for ciphertext in wrapped if ciphertext[0] == 0)
    kit.ok("leading-zero", "The ciphertext starts with a zero byte.", _answer(short), ORG_KEY)
    fault = "The zero byte that the ciphertext starts with is left out."
    kit.refused("leading-zero-missing", fault, "unwrap", _answer(short[1:]))


def _plus_modulus(kit):
    """A number that is the same modulo n, and is not below n."""
    seeds = (f"plus modulus {n}" for n in range(10_000))
    numbers = (int.from_bytes(wrap(BASE, ORG_KEY, seed=seed), "big") for seed in seeds)
    larger = next(n + BASE.n for n in numbers if n + BASE.n < 256**256)
    fault = "The modulus is added to the ciphertext."
    kit.refused("plus-modulus", fault, "unwrap", _answer(larger.to_bytes(256, "big")))
