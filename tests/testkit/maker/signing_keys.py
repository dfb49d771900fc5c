"""Files with an administrator's signing key."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from keys import BASE
from kit import Kit
from organization import ADA, BOB
from rsa_numbers import b64, derived


def _pem(key, encryption=None):
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(*form, encryption or serialization.NoEncryption())


def _of(der, label="PRIVATE KEY"):
    return f"-----BEGIN {label}-----\n{b64(der)}\n-----END {label}-----\n"


def make():
    kit = Kit("signing-key")
    good = _pem(ADA.key)
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    der = ADA.key.private_bytes(*form, serialization.NoEncryption())
    kit.ok("ada", "A key.", good, ADA.public)
    kit.ok("bob", "Another key.", _pem(BOB.key), BOB.public)
    kit.ok("crlf", "Line breaks as on Windows.", good.replace(b"\n", b"\r\n"), ADA.public)
    public = ADA.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    faults = {
        "empty": ("It is empty.", b""),
        "rsa": ("It is an RSA key.", BASE.pem()),
        "x25519": ("It is a key for X25519.", _pem(X25519PrivateKey.from_private_bytes(derived("x", 32)))),
        "ed448": ("It is a key for Ed448.", _pem(Ed448PrivateKey.from_private_bytes(derived("x", 57)))),
        "p-256": ("It is a key for P-256.", _pem(derive_private_key(3, SECP256R1()))),
        "public": ("It is the public key.", public),
        "other-label": ("Its label is of an encrypted key.", _of(der, "ENCRYPTED PRIVATE KEY")),
        "raw": ("It has the 32 bytes alone.", _of(der[16:])),
        "31-bytes": ("The key has 31 bytes.", _of(der[:-1])),
        "33-bytes": ("The key has 33 bytes.", _of(der + b"\0")),
        "last-line-missing": ("The last line is missing.", good.rsplit(b"-----END")[0]),
        "first-line-missing": ("The first line is missing.", good.split(b"\n", 1)[1]),
        "not-base64": ("The base64 is damaged.", good.replace(b"MC4C", b"MC*C")),
    }
    for name, (fault, body) in faults.items():
        kit.refused(name, fault, "signing-key", body)
    return kit
