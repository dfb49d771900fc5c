"""Answers to `GET /api/v1/secrets/{key}`, as far as the envelope goes."""

import json

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from keys import ORG_KEY, OTHER_ORG_KEY
from kit import Kit
from rsa_numbers import b64, derived
from wire import answer_faults, base64_faults

PLAINTEXT = b'{"db": "s3cr3t-v@lue"}'
# Chosen so that both base64 alphabets differ.
NONCE = b"\xfb\xff\xbf" + derived("envelope nonce", 9)
NONCE_LENGTH = "the format fixes 12 bytes; the peer takes a nonce of any length from 8 bytes"


def make():
    kit = Kit("envelope", org_key=b64(ORG_KEY))
    _good(kit)
    _wrong_bits(kit)
    _wrong_lengths(kit)
    _wrong_encryption(kit)
    good = json.loads(_answer(_seal()))
    base64_faults(kit, good, ["value", "nonce"], b"s3cr3t-v@lue")
    answer_faults(kit, good, ["value", "nonce"], b"s3cr3t-v@lue")
    _wrong_names(kit, good)
    return kit


def _seal(plaintext=PLAINTEXT, key=ORG_KEY, nonce=NONCE, aad=b"", cipher=AESGCM):
    return cipher(key).encrypt(nonce, plaintext, aad)


def _answer(value, nonce=NONCE):
    return json.dumps({"key": "db", "value": b64(value), "nonce": b64(nonce)})


def _good(kit):
    values = {
        "one-value": ("One value.", PLAINTEXT, b"s3cr3t-v@lue"),
        "empty-value": ("The empty value.", b'{"db": ""}', b""),
        "nothing": ("Nothing is inside: the envelope is a tag alone.", b"", b""),
        "legacy": ("Plain text, no JSON.", b"plain text", b"plain text"),
        "one-block": (
            "The plaintext has 16 bytes, one block.",
            b"0123456789abcdef",
            b"0123456789abcdef",
        ),
        "unicode": (
            "Text beyond ASCII.",
            '{"db": "Zürich \U0001f511"}'.encode(),
            "Zürich \U0001f511".encode(),
        ),
        "16-kib": ("A value of 16 KiB.", b"x" * 16384, b"x" * 16384),
    }
    for name, (control, plaintext, value) in values.items():
        kit.ok(name, control, _answer(_seal(plaintext)), value)
    for name, nonce in [("zeros", bytes(12)), ("ones", b"\xff" * 12)]:
        body = _answer(_seal(nonce=nonce), nonce)
        kit.ok(f"nonce-{name}", f"All bits of the nonce are {name}.", body, b"s3cr3t-v@lue")
    more = json.dumps(
        {**json.loads(_answer(_seal())), "expires_at": None, "version": {"number": 3}}
    )
    kit.ok("more-members", "The answer has members that nobody knows.", more, b"s3cr3t-v@lue")


def _wrong_bits(kit):
    value = _seal()
    places = {
        "first-bit": ("The highest bit of the ciphertext", 0, 0x80),
        "ciphertext-last-bit": ("The lowest bit of the ciphertext", -17, 1),
        "tag-first-bit": ("The highest bit of the tag", -16, 0x80),
        "tag-last-bit": ("The lowest bit of the tag", -1, 1),
    }
    for name, (place, at, bit) in places.items():
        changed = bytearray(value)
        changed[at] ^= bit
        kit.refused(name, f"{place} is turned over.", "decryption", _answer(bytes(changed)))
    for name, at, bit in [("first", 0, 0x80), ("last", 11, 1)]:
        changed = bytearray(NONCE)
        changed[at] ^= bit
        fault = f"The {name} bit of the nonce is turned over."
        kit.refused(f"nonce-{name}-bit", fault, "decryption", _answer(value, bytes(changed)))


def _wrong_lengths(kit):
    value = _seal()
    for length in (8, 11, 13, 16, 128):
        nonce = derived("nonce", length)
        body = _answer(_seal(nonce=nonce), nonce)
        why = {"peer": "ok", "peer_result": b"s3cr3t-v@lue", "why": NONCE_LENGTH}
        kit.refused(
            f"nonce-{length}-bytes", f"The nonce has {length} bytes.", "encoding", body, **why
        )
    faults = {
        "nonce-empty": ("The nonce is empty.", "encoding", value, b""),
        "nonce-cut": ("The last byte of the nonce is missing.", "encoding", value, NONCE[:-1]),
        "nonce-zero-after": ("A zero byte follows the nonce.", "encoding", value, NONCE + b"\0"),
        "empty": ("The value is empty.", "encoding", b"", NONCE),
        "15-bytes": (
            "The value has 15 bytes, fewer than a tag.",
            "encoding",
            _seal(b"")[:15],
            NONCE,
        ),
        "cut": ("The last byte is missing.", "decryption", value[:-1], NONCE),
        "first-byte-missing": ("The first byte is missing.", "decryption", value[1:], NONCE),
        "zero-after": ("A zero byte follows the tag.", "decryption", value + b"\0", NONCE),
        "zero-before": (
            "A zero byte stands before the ciphertext.",
            "decryption",
            b"\0" + value,
            NONCE,
        ),
        "tag-missing": ("There is no tag.", "decryption", value[:-16], NONCE),
        "tag-12-bytes": ("The tag is cut to 12 bytes.", "decryption", value[:-4], NONCE),
        "ciphertext-missing": ("There is only the tag.", "decryption", value[-16:], NONCE),
        "tag-twice": ("The tag is there twice.", "decryption", value + value[-16:], NONCE),
        "tag-before": (
            "The tag stands before the ciphertext.",
            "decryption",
            value[-16:] + value[:-16],
            NONCE,
        ),
        "nonce-in-value": ("The value starts with the nonce.", "decryption", NONCE + value, NONCE),
        "tag-zero": ("The tag is 16 zero bytes.", "decryption", value[:-16] + bytes(16), NONCE),
        "reversed": ("The bytes are in the other order.", "decryption", value[::-1], NONCE),
        "zeros": ("All bytes are zero.", "decryption", bytes(len(value)), NONCE),
    }
    for name, (fault, cause, value, nonce) in faults.items():
        kit.refused(name, fault, cause, _answer(value, nonce))


def _wrong_encryption(kit):
    counter = Cipher(algorithms.AES(ORG_KEY), modes.CTR(NONCE + b"\0\0\0\2")).encryptor()
    faults = {
        "other-org-key": ("It is sealed under another org key.", _seal(key=OTHER_ORG_KEY)),
        "reversed-org-key": (
            "It is sealed under the org key in the other byte order.",
            _seal(key=ORG_KEY[::-1]),
        ),
        "aes-128": ("AES-128, under the first half of the org key.", _seal(key=ORG_KEY[:16])),
        "aes-192": ("AES-192, under the first 24 bytes of the org key.", _seal(key=ORG_KEY[:24])),
        "additional-data": ("The name of the key is additional data.", _seal(aad=b"db")),
        "other-nonce": (
            "It is sealed with another nonce.",
            _seal(nonce=derived("other nonce", 12)),
        ),
        "chacha20-poly1305": (
            "ChaCha20-Poly1305 instead of AES-256-GCM.",
            _seal(cipher=ChaCha20Poly1305),
        ),
        "no-authentication": (
            "AES in counter mode, with random bytes for a tag.",
            counter.update(PLAINTEXT) + derived("tag", 16),
        ),
        "not-encrypted": ("The plaintext is not encrypted.", PLAINTEXT),
    }
    for name, (fault, value) in faults.items():
        kit.refused(name, fault, "decryption", _answer(value))


def _wrong_names(kit, good):
    """The name in an answer has to be there, and to be the one that was asked for."""
    missing = {name: value for name, value in good.items() if name != "key"}
    faults = {
        "key-missing": ("There is no `key`.", missing),
        "key-null": ("`key` is null.", {**good, "key": None}),
        "key-number": ("`key` is a number.", {**good, "key": 5}),
        "key-other": (
            "`key` is another than the one asked for, which is db.",
            {**good, "key": "DB"},
        ),
    }
    why = "the answer has to be for the key that was asked for; the peer goes by the name in the answer"
    for name, (fault, answer) in faults.items():
        result = PLAINTEXT
        peer = (
            {"peer": "other-error"}
            if name == "key-missing"
            else {"peer": "ok", "peer_result": result}
        )
        kit.refused(name, fault, "api", json.dumps(answer), why=why, **peer)
