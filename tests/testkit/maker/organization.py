"""The encoding, the derivations and the signatures of an organization: docs/organization-keys.md."""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys import BASE, ORG_KEY, OTHER, OTHER_ORG_KEY
from rsa_numbers import b64, derived

SECRET = derived("invitation secret", 32)
NAME, SCOPES, EXPIRES = "bob", ["secrets:read", "secrets:write"], 1_795_000_000


def field(value):
    """One field: its length in 8 bytes, then the bytes. A list has its number of elements first."""
    if isinstance(value, (list, tuple)):
        return field(len(value)) + b"".join(field(element) for element in value)
    if isinstance(value, int):
        value = value.to_bytes(8, "big")
    value = value.encode() if isinstance(value, str) else value
    return len(value).to_bytes(8, "big") + value


def fields(*values):
    return b"".join(field(value) for value in values)


def labelled_hash(label, data):
    return hashlib.sha256(label.encode() + b"\0" + data).digest()


def hkdf(secret, info):
    return HKDF(hashes.SHA256(), 32, None, info.encode()).derive(secret)


def fingerprint(org_key):
    return labelled_hash("HelvetiSafe org key fingerprint v1", org_key)


def fingerprint_text(digest):
    return "SHA256:" + b64(digest).rstrip("=")


def invitation_id(secret=SECRET):
    return hashlib.sha256(hkdf(secret, "HelvetiSafe invitation id v1")).digest()


def sealed(org_key=ORG_KEY, secret=SECRET, label="HelvetiSafe invite v1", aad=None, **terms):
    """The nonce, and S under the key for invitations."""
    nonce = derived("invitation nonce", 12)
    key = hkdf(org_key, label) if label else org_key
    return nonce, AESGCM(key).encrypt(nonce, secret, terms_of(**terms) if aad is None else aad)


def terms_of(organization="acme", epoch=1, id=None, name=NAME, scopes=SCOPES, expires=EXPIRES, label="HelvetiSafe invite v1"):
    id = invitation_id() if id is None else id
    return fields(label, organization, epoch, id, name, scopes, expires)


# Of the group, RFC 8032 section 5.1.
ORDER = 2**252 + 27742317777372353535851937790883648493


class Signer:
    """An administrator's Ed25519 key."""

    def __init__(self, name):
        self.seed = derived(f"signing key {name}", 32)
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = self.key.public_key().public_bytes(*raw)
        self.text = "ed25519:" + b64(self.public).rstrip("=")

    def sign(self, message):
        return self.key.sign(message)

    def sign_with_zero_nonce(self, message):
        """A signature whose R is the neutral element: only strict verifiers refuse it."""
        scalar = int.from_bytes(hashlib.sha512(self.seed).digest()[:32], "little")
        scalar = scalar & ~7 & (1 << 255) - 1 | 1 << 254
        r = b"\1" + bytes(31)
        k = int.from_bytes(hashlib.sha512(r + self.public + message).digest(), "little")
        return r + (k * scalar % ORDER).to_bytes(32, "little")


ADA, BOB, MALLORY = Signer("ada"), Signer("bob"), Signer("mallory")


def spki(of):
    key = rsa.RSAPublicNumbers(of.e, of.n).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, form)


ADA_SPKI, BOB_SPKI = spki(OTHER), spki(BASE)


def entry(kind, event, sequence, previous, epoch, keys, signer, organization="acme"):
    """A signed entry of the chain."""
    keys = [key.public for key in sorted(keys, key=lambda key: key.public)]
    label = f"HelvetiSafe chain {kind} v1"
    content = fields(label, organization, sequence, previous, epoch, *event, keys, signer.public)
    return content + field(signer.sign(content))


def entry_hash(content):
    return labelled_hash("HelvetiSafe chain entry hash v1", content)


def sha256(data):
    return hashlib.sha256(data).digest()


class Chain:
    """Makes entries, each after the last. Missing arguments follow from the entries before."""

    def __init__(self, organization="acme", founder="Ada", **changes):
        self.organization, self.entries, self.epoch, self.keys = organization, [], 1, [ADA]
        event = [fingerprint(ORG_KEY), "ada", founder, sha256(ADA_SPKI), ADA.public]
        self.add("genesis", event, ADA, **changes)

    def add(self, kind, event, signer, **changes):
        content = {
            "sequence": len(self.entries),
            "previous": entry_hash(self.entries[-1]) if self.entries else bytes(32),
            "epoch": self.epoch,
            "keys": self.keys,
            "organization": self.organization,
            **changes,
        }
        self.entries.append(entry(kind, event, signer=signer, **content))
        return self

    def confirm_bob(self, signer=ADA, **changes):
        return self.confirm("bob", signer=signer, **changes)

    def confirm(self, account, name=NAME, invitation=None, signer=ADA, **changes):
        invitation = invitation_id() if invitation is None else invitation
        return self.add("member confirmed", [account, name, invitation, sha256(BOB_SPKI)], signer, **changes)

    def add_bob(self, signer=ADA, **changes):
        self.keys = changes.pop("keys", [ADA, BOB])
        return self.add("administrator added", ["bob", BOB.public], signer, **changes)

    def rotate(self, signer=ADA, org_key=OTHER_ORG_KEY, **changes):
        self.epoch = changes.pop("epoch", self.epoch + 1)
        return self.add("rotation", [fingerprint(org_key)], signer, **changes)

    def remove_ada(self, signer=BOB, keys=(BOB,), **changes):
        self.keys = list(keys)
        return self.add("administrator removed", ["ada"], signer, **changes)

    def disable(self, account, signer=BOB, **changes):
        self.keys = changes.pop("keys", self.keys)
        return self.add("member disabled", [account], signer, **changes)


def whole():
    """Every kind of entry."""
    return Chain().confirm_bob().add_bob().rotate(BOB).remove_ada().disable("ada")


def mac(secret, transcript):
    key = hkdf(secret, "HelvetiSafe invitation mac v1")
    return hmac.new(key, transcript, hashlib.sha256).digest()
