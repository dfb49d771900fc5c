"""Answers to `GET /api/v1/credentials/private-key`."""

import json
import unicodedata

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from keys import BASE, ORG_KEY, RSA, SMALL
from kit import Kit
from rsa_numbers import b64, derived
from wire import answer_faults, base64_faults

PASSWORD = "correct horse battery staple"
MEMBERS = ["encrypted_private_key", "nonce", "salt", "auth_tag"]
# Chosen so that both base64 alphabets differ in each.
NONCE, SALT = b"\xfb\xff\xbf" + derived("nonce", 9), b"\xfb\xff\xbf" + derived("salt", 13)
JWK = json.dumps(BASE.members())
NONCE_LENGTH = "the format fixes 12 bytes; the peer takes a nonce of any length from 8 bytes"
SPLIT = "ciphertext and tag have one border; the peer joins them without a look at their lengths"
SALT_LENGTH = "nobody needs a salt of more than 1024 bytes; the peer sets no bound"


def make():
    kit = Kit("locked-private-key", unwraps="keys/rsa-2048.wrapped")
    _good(kit)
    _wrong_derivation(kit)
    _wrong_passwords(kit)
    _wrong_encryption(kit)
    _wrong_lengths(kit)
    _wrong_content(kit)
    good = dict(zip(MEMBERS, map(b64, _parts(_lock()))))
    common = _Common(kit)
    base64_faults(common, good, MEMBERS, ORG_KEY)
    answer_faults(common, good, MEMBERS, ORG_KEY)
    return kit


class _Common:
    """The kit, with the password that all faults outside of the password share."""

    def __init__(self, kit):
        self._kit = kit

    def refused(self, *arguments, **more):
        self._kit.refused(*arguments, **_password(PASSWORD), **more)


def _password(text):
    return {"password_base64": b64(text.encode())}


def _derive(password, salt, time=2, memory=19456, lanes=1, size=32, type=Type.ID, version=0x13):
    if isinstance(password, str):
        password = password.encode()
    return hash_secret_raw(password, salt, time, memory, lanes, size, type, version)


def _lock(jwk=JWK, password=PASSWORD, salt=SALT, nonce=NONCE, aad=b"", cipher=AESGCM, **derivation):
    key = _derive(password, salt, **derivation)
    jwk = jwk.encode() if isinstance(jwk, str) else jwk
    return cipher(key).encrypt(nonce, jwk, aad), nonce, salt


def _parts(locked, tag=16):
    sealed, nonce, salt = locked
    return sealed[:-tag], nonce, salt, sealed[-tag:]


def _answer(ciphertext, nonce, salt, tag):
    return json.dumps(dict(zip(MEMBERS, map(b64, (ciphertext, nonce, salt, tag)))))


def _good(kit):
    passwords = {
        "password": (PASSWORD, "A password of ASCII letters and spaces."),
        "password-empty": ("", "The empty password."),
        "password-unicode": ("pässwörd \U0001f511", "A password with umlauts and an emoji."),
        "password-nul": ("a\0b", "A password with a zero byte."),
        "password-lines": ("a\nb\r\n", "A password with line breaks."),
        "password-quotes": ("\"\\'", "A password with quotes and a backslash."),
        "password-long": ("x" * 1000, "A password of 1000 characters."),
    }
    for name, (password, control) in passwords.items():
        body = _answer(*_parts(_lock(password=password)))
        kit.ok(name, control, body, ORG_KEY, **_password(password))
    for length in (8, 32, 1024):
        body = _answer(*_parts(_lock(salt=derived("long salt", length))))
        control = f"The salt has {length} bytes."
        kit.ok(f"salt-{length}-bytes", control, body, ORG_KEY, **_password(PASSWORD))
    for name in ("rsa-3072", "rsa-4096"):
        body = _answer(*_parts(_lock(json.dumps(RSA[name].members()))))
        control = f"A key of {name.removeprefix('rsa-')} bits."
        kit.ok(name, control, body, ORG_KEY, unwraps=f"keys/{name}.wrapped", **_password(PASSWORD))
    portal = {"alg": "RSA-OAEP-256", **BASE.members(), "ext": True, "key_ops": ["decrypt"]}
    body = _answer(*_parts(_lock(json.dumps(portal))))
    control = "A JWK as a browser exports it, with members beside those of the key."
    kit.ok("browser", control, body, ORG_KEY, **_password(PASSWORD))


def _wrong_derivation(kit):
    faults = {
        "argon2i": ("Argon2i instead of Argon2id.", {"type": Type.I}),
        "argon2d": ("Argon2d instead of Argon2id.", {"type": Type.D}),
        "argon2-version-10": ("Version 0x10 of Argon2 instead of 0x13.", {"version": 0x10}),
        "argon2-memory-less": ("19452 KiB of memory instead of 19456.", {"memory": 19452}),
        "argon2-memory-more": ("64 MiB of memory instead of 19 MiB.", {"memory": 65536}),
        "argon2-one-pass": ("1 pass instead of 2.", {"time": 1}),
        "argon2-three-passes": ("3 passes instead of 2.", {"time": 3}),
        "argon2-four-lanes": ("4 lanes instead of 1.", {"lanes": 4}),
        "argon2-16-bytes": ("A key of 16 bytes, for AES-128.", {"size": 16}),
    }
    for name, (fault, changes) in faults.items():
        body = _answer(*_parts(_lock(**changes)))
        kit.refused(name, fault, "unlock", body, **_password(PASSWORD))


def _wrong_passwords(kit):
    composed = "pässwörd"
    faults = {
        "password-other": ("The password is another.", PASSWORD, "incorrect horse"),
        "password-missing": ("The password is empty.", PASSWORD, ""),
        "password-space-after": ("A space follows the password.", PASSWORD, PASSWORD + " "),
        "password-line-break": ("A line break follows the password.", PASSWORD, PASSWORD + "\n"),
        "password-capital": ("A letter is in capitals.", PASSWORD, PASSWORD.capitalize()),
        "password-cut-at-nul": ("The password ends before its zero byte.", "a\0b", "a"),
        "password-not-composed": (
            "An umlaut is given as two characters.",
            composed,
            unicodedata.normalize("NFD", composed),
        ),
        "password-latin-1": (
            "It is locked under the password in Latin-1.",
            composed.encode("latin-1"),
            composed,
        ),
    }
    for name, (fault, locked_by, given) in faults.items():
        body = _answer(*_parts(_lock(password=locked_by)))
        kit.refused(name, fault, "unlock", body, **_password(given))


def _wrong_encryption(kit):
    parts = _parts(_lock())
    for at, member in enumerate(MEMBERS):
        for place, byte, bit in [("first", 0, 0x80), ("last", -1, 1)]:
            changed = bytearray(parts[at])
            changed[byte] ^= bit
            body = _answer(*parts[:at], bytes(changed), *parts[at + 1 :])
            name = f"{member.replace('_', '-')}-{place}-bit"
            fault = f"The {place} bit of `{member}` is turned over."
            kit.refused(name, fault, "unlock", body, **_password(PASSWORD))
    faults = {
        "additional-data": ("There is additional data.", _lock(aad=b"rsa-2048")),
        "chacha20-poly1305": (
            "ChaCha20-Poly1305 instead of AES-256-GCM.",
            _lock(cipher=ChaCha20Poly1305),
        ),
    }
    for name, (fault, locked) in faults.items():
        kit.refused(name, fault, "unlock", _answer(*_parts(locked)), **_password(PASSWORD))


def _wrong_lengths(kit):
    def refused(name, fault, parts, cause="encoding", why=None):
        more = {"peer": "ok", "peer_result": ORG_KEY, "why": why} if why else {}
        kit.refused(name, fault, cause, _answer(*parts), **_password(PASSWORD), **more)

    ciphertext, nonce, salt, tag = _parts(_lock())
    for length in (8, 11, 13, 16):
        parts = _parts(_lock(nonce=derived("nonce", length)))
        refused(f"nonce-{length}-bytes", f"The nonce has {length} bytes.", parts, why=NONCE_LENGTH)
    refused("nonce-empty", "The nonce is empty.", (ciphertext, b"", salt, tag))
    refused(
        "nonce-cut", "The last byte of the nonce is missing.", (ciphertext, nonce[:-1], salt, tag)
    )
    refused("salt-empty", "The salt is empty.", (ciphertext, nonce, b"", tag))
    refused("salt-7-bytes", "The salt has 7 bytes.", (ciphertext, nonce, salt[:7], tag))
    refused(
        "salt-cut",
        "The last byte of the salt is missing.",
        (ciphertext, nonce, salt[:-1], tag),
        "unlock",
    )
    long = _parts(_lock(salt=derived("long salt", 1025)))
    refused("salt-1025-bytes", "The salt has 1025 bytes.", long, why=SALT_LENGTH)
    refused("tag-cut", "The last byte of the tag is missing.", (ciphertext, nonce, salt, tag[:-1]))
    refused("tag-12-bytes", "The tag is cut to 12 bytes.", (ciphertext, nonce, salt, tag[:12]))
    refused("tag-empty", "The tag is empty.", (ciphertext, nonce, salt, b""))
    refused(
        "tag-twice",
        "The tag is also at the end of the ciphertext.",
        (ciphertext + tag, nonce, salt, tag),
        "unlock",
    )
    joined = (ciphertext + tag, nonce, salt, b"")
    refused("tag-in-ciphertext", "The tag is at the end of the ciphertext.", joined, why=SPLIT)
    moved = (ciphertext[:-1], nonce, salt, ciphertext[-1:] + tag)
    refused(
        "tag-17-bytes", "The tag starts with the last byte of the ciphertext.", moved, why=SPLIT
    )
    refused(
        "ciphertext-cut",
        "The last byte of the ciphertext is missing.",
        (ciphertext[:-1], nonce, salt, tag),
        "unlock",
    )
    refused("ciphertext-empty", "The ciphertext is empty.", (b"", nonce, salt, tag), "unlock")
    swapped = _parts(_lock(nonce=derived("nonce", 12), salt=derived("salt", 12)))
    swapped = (swapped[0], swapped[2], swapped[1], swapped[3])
    refused("nonce-and-salt-swapped", "Nonce and salt are swapped.", swapped, "unlock")


def _wrong_content(kit):
    members = BASE.members()
    public = {name: members[name] for name in ("kty", "n", "e")}
    faults = {
        "holds-nothing": ("Nothing is inside.", ""),
        "holds-pem": ("A PEM is inside instead of a JWK.", BASE.pem()),
        "holds-der": ("The DER of the key is inside instead of a JWK.", BASE.pkcs1()),
        "holds-public-key": ("Only the public key is inside.", json.dumps(public)),
        "holds-array": ("An array with the JWK is inside.", f"[{JWK}]"),
        "holds-values": ("An array of the values is inside.", json.dumps(list(members.values()))),
        "holds-no-kty": ("The JWK inside has no `kty`.", json.dumps({**members, "kty": None})),
        "holds-truncated": ("The end of the JWK inside is missing.", JWK[:-1]),
        "holds-wrong-d": (
            "`d` of the JWK inside is too large by 2.",
            json.dumps(BASE.but(d=BASE.d + 2).members()),
        ),
        "holds-base64": ("The JWK is encoded in base64 under the lock.", b64(JWK.encode())),
    }
    for name, (fault, content) in faults.items():
        kit.refused(name, fault, "unlock", _answer(*_parts(_lock(content))), **_password(PASSWORD))
    small = _answer(*_parts(_lock(json.dumps(SMALL.members()))))
    more = {
        "peer": "ok",
        "peer_result": ORG_KEY,
        "why": "NIST SP 800-131A forbids fewer than 2048 bits; the peer takes 1024",
    }
    fault = "The key inside has 1024 bits."
    kit.refused(
        "holds-1024-bits",
        fault,
        "unlock",
        small,
        unwraps="keys/rsa-1024.wrapped",
        **_password(PASSWORD),
        **more,
    )
