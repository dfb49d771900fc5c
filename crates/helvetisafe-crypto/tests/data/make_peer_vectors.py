"""Makes the known answers in this folder with the published Python client.

    python3 -m venv .venv && .venv/bin/pip install helvetisafe-client==0.1.2
    .venv/bin/python make_peer_vectors.py

Everything is checked with the client's own functions before it is written. Random values differ
from run to run; the files that are checked in are one run's.
"""

import base64
import json
import os
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from helvetisafe import crypto

HERE = Path(__file__).parent
PASSPHRASE = "correct horse \u00e9\U0001f40e"
PASSWORDS = ["p", "pass word", "p\u00e4ssw\u00f6rd \U0001f511", "quote\" back\\slash\n\x00", "x" * 1000]
VALUES = [
    "",
    "s3cr3t-v@lue",
    "n\u00e3o \u4e2d\u6587 \U0001f600",
    "line\nbreak\ttab \"quote\" back\\slash /slash",
    "".join(map(chr, range(0x80))),
    "\u2028\u2029\ufeff\uffff\U0010ffff",
    '{"looks": "like json"}',
    "x" * 4096,
]


def b64(data):
    return base64.b64encode(data).decode()


def b64url(number):
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem(key, form, encryption=serialization.NoEncryption()):
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def jwk(key):
    numbers = key.private_numbers()
    public = numbers.public_numbers
    # The order and the extra members are those of WebCrypto's exportKey("jwk").
    return {
        "alg": "RSA-OAEP-256",
        "d": b64url(numbers.d),
        "dp": b64url(numbers.dmp1),
        "dq": b64url(numbers.dmq1),
        "e": b64url(public.e),
        "ext": True,
        "key_ops": ["decrypt"],
        "kty": "RSA",
        "n": b64url(public.n),
        "p": b64url(numbers.p),
        "q": b64url(numbers.q),
        "qi": b64url(numbers.iqmp),
    }


def lock(jwk_bytes, password):
    salt, nonce = os.urandom(16), os.urandom(12)
    key = hash_secret_raw(password.encode(), salt, 2, 19456, 1, 32, Type.ID)
    sealed = AESGCM(key).encrypt(nonce, jwk_bytes, b"")
    fields = [b64(sealed[:-16]), b64(nonce), b64(salt), b64(sealed[-16:])]
    assert crypto.decrypt_private_key(*fields, password) == jwk_bytes
    names = ["encrypted_private_key", "nonce", "salt", "auth_tag"]
    return {"password": password, **dict(zip(names, fields))}


def wrap(key, org_key):
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    wrapped = b64(key.public_key().encrypt(org_key, oaep))
    assert crypto.unwrap_org_key(wrapped, key) == org_key
    return wrapped


def secret(org_key, key, plaintext):
    value, nonce = crypto.encrypt_secret(plaintext, org_key)
    assert crypto.decrypt_secret(value, nonce, org_key) == plaintext
    return {"key": key, "plaintext": plaintext, "value": value, "nonce": nonce}


def main():
    org_key = os.urandom(32)
    keys = []
    for bits in (2048, 3072, 4096):
        key = rsa.generate_private_key(65537, bits)
        encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
        forms = {
            "pkcs1": pem(key, serialization.PrivateFormat.TraditionalOpenSSL),
            "pkcs8": pem(key, serialization.PrivateFormat.PKCS8),
            "pkcs8-encrypted": pem(key, serialization.PrivateFormat.PKCS8, encryption),
        }
        for name, text in forms.items():
            (HERE / f"rsa-{bits}-{name}.pem").write_bytes(text)
        crypto.load_private_key_from_pem(forms["pkcs1"])
        crypto.load_private_key_from_pem(forms["pkcs8"])
        crypto.load_private_key_from_jwk(json.dumps(jwk(key)).encode())
        (HERE / f"rsa-{bits}.jwk.json").write_text(json.dumps(jwk(key), indent=1) + "\n")
        keys.append({"bits": bits, "encrypted_org_key": wrap(key, org_key)})
    small = rsa.generate_private_key(65537, 1024)
    (HERE / "rsa-1024-refused.pem").write_bytes(pem(small, serialization.PrivateFormat.PKCS8))

    jwk_bytes = (HERE / "rsa-2048.jwk.json").read_bytes()
    secrets = [secret(org_key, "db", json.dumps({"db": value})) for value in VALUES]
    multi_field = json.dumps({"DB_HOST": "h\u00f6st", "DB_PASS": "p\n", "PORT": 5432})
    vectors = {
        "passphrase": PASSPHRASE,
        "org_key": b64(org_key),
        "wrapped": keys,
        "locked_private_keys": [lock(jwk_bytes, password) for password in PASSWORDS],
        "single_values": [dict(s, expected=v) for s, v in zip(secrets, VALUES)],
        "multi_field": secret(org_key, "db", multi_field),
        "legacy": secret(org_key, "db", "plain text"),
    }
    (HERE / "peer-vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
