"""PEM files that hold something else than an RSA private key in the clear."""

import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

import der
from der import pem
from keys import BASE
from rsa_numbers import derived

P_256 = "1.2.840.10045.3.1.7"
# The generator of P-256 is the public key of the private key 1 (SEC 2 section 2.4.2).
GENERATOR = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def public():
    """SubjectPublicKeyInfo, RFC 5280 section 4.1."""
    inner = der.sequence(der.integer(BASE.n), der.integer(BASE.e))
    return der.sequence(der.sequence(der.oid(der.RSA_ENCRYPTION), der.null()), der.bits(inner))


def kinds():
    """Name, fault, PEM."""
    curve = der.sequence(
        der.integer(1), der.octets(b"\0" * 31 + b"\1"), der.context(1, der.bits(GENERATOR))
    )
    alone = der.sequence(
        der.integer(1),
        der.octets(b"\0" * 31 + b"\1"),
        der.context(0, der.oid(P_256)),
        der.context(1, der.bits(GENERATOR)),
    )
    ed25519 = der.sequence(
        der.integer(0),
        der.sequence(der.oid("1.3.101.112")),
        der.octets(der.octets(derived("ed25519", 32))),
    )
    x25519 = der.sequence(
        der.integer(0),
        der.sequence(der.oid("1.3.101.110")),
        der.octets(der.octets(derived("x25519", 32))),
    )
    yield "public-key", "It is the public key.", pem("PUBLIC KEY", public())
    rsa_public = der.sequence(der.integer(BASE.n), der.integer(BASE.e))
    yield "public-key-pkcs1", "It is the public key in PKCS#1 form.", pem(
        "RSA PUBLIC KEY", rsa_public
    )
    yield "certificate", "It is a certificate.", certificate()
    yield "elliptic-curve", "It is a key on the curve P-256.", pem(
        "PRIVATE KEY", der.pkcs8(curve, "1.2.840.10045.2.1", der.oid(P_256))
    )
    yield "elliptic-curve-sec1", "It is a key on the curve P-256 in the form of SEC 1.", pem(
        "EC PRIVATE KEY", alone
    )
    yield "ed25519", "It is a key for Ed25519.", pem("PRIVATE KEY", ed25519)
    yield "x25519", "It is a key for X25519.", pem("PRIVATE KEY", x25519)
    yield "openssh", "It is in OpenSSH's own form.", pem(
        "OPENSSH PRIVATE KEY", _openssh(), width=70
    )
    yield "encrypted-pkcs8", "It is encrypted, and there is no passphrase.", pem(
        "ENCRYPTED PRIVATE KEY", _pbes2()
    )
    yield "encrypted-openssl", "It is encrypted in OpenSSL's old way.", _openssl()


def _name(text):
    return der.sequence(_set(der.sequence(der.oid("2.5.4.3"), b"\x0c" + bytes([len(text)]) + text)))


def _set(content):
    return b"\x31" + bytes([len(content)]) + content


def certificate():
    return pem("CERTIFICATE", _certificate())


def _certificate():
    """RFC 5280 section 4.1, with a signature of zeros."""
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.null())
    times = der.sequence(b"\x17\x0d260101000000Z", b"\x17\x0d360101000000Z")
    name = _name(b"testkit")
    to_sign = der.sequence(
        der.context(0, der.integer(2)), der.integer(1), algorithm, name, times, name, public()
    )
    return der.sequence(to_sign, algorithm, der.bits(bytes(256)))


def _openssh():
    """PROTOCOL.key of OpenSSH."""

    def string(content):
        return struct.pack(">I", len(content)) + content

    def number(value):
        return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))

    public_key = string(b"ssh-rsa") + number(BASE.e) + number(BASE.n)
    private = bytes(8) + string(b"ssh-rsa")
    private += b"".join(map(number, (BASE.n, BASE.e, BASE.d, BASE.qi, BASE.p, BASE.q))) + string(
        b""
    )
    private += bytes(range(1, 1 + -len(private) % 8))
    head = string(b"none") + string(b"none") + string(b"") + struct.pack(">I", 1)
    return b"openssh-key-v1\0" + head + string(public_key) + string(private)


def _encrypted(key, iv, content):
    content += bytes([16 - len(content) % 16]) * (16 - len(content) % 16)
    return Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor().update(content)


def _pbes2():
    """RFC 8018 section 6.2: PBKDF2 with HMAC-SHA-256, AES-256-CBC, the passphrase `passphrase`."""
    salt, iv = derived("pbes2 salt", 16), derived("pbes2 iv", 16)
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, 2048).derive(b"passphrase")
    hmac = der.sequence(der.oid("1.2.840.113549.2.9"), der.null())
    kdf = der.sequence(
        der.oid("1.2.840.113549.1.5.12"), der.sequence(der.octets(salt), der.integer(2048), hmac)
    )
    scheme = der.sequence(der.oid("2.16.840.1.101.3.4.1.42"), der.octets(iv))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.5.13"), der.sequence(kdf, scheme))
    return der.sequence(algorithm, der.octets(_encrypted(key, iv, der.pkcs8(BASE.pkcs1()))))


def _openssl():
    iv = derived("openssl iv", 16)
    lines = pem("RSA PRIVATE KEY", _encrypted(derived("openssl key", 32), iv, BASE.pkcs1())).split(
        "\n"
    )
    lines[1:1] = ["Proc-Type: 4,ENCRYPTED", f"DEK-Info: AES-256-CBC,{iv.hex().upper()}", ""]
    return "\n".join(lines)
