"""Join requests with their tags."""

import json

from keys import ORG_KEY, OTHER_ORG_KEY
from kit import Kit
from organization import (
    ADA,
    BOB,
    BOB_SPKI,
    ADA_SPKI,
    EXPIRES,
    MALLORY,
    NAME,
    SCOPES,
    SECRET,
    Chain,
    fields,
    fingerprint,
    fingerprint_text,
    invitation_id,
    mac,
    terms_of,
)
from rsa_numbers import b64, derived

LOCKED = {
    "encrypted_private_key": b"ciphertext of any length",
    "nonce": derived("locked nonce", 12),
    "salt": derived("locked salt", 16),
    "auth_tag": derived("locked tag", 16),
}
GOOD = {
    "organization": "acme",
    "epoch": 1,
    "fingerprint": fingerprint(ORG_KEY),
    "name": NAME,
    "scopes": SCOPES,
    "account": "a-2",
    "public_key": BOB_SPKI,
    "client_secret_hash": derived("client secret hash", 32),
    "verification_key": None,
    "locked_private_key": None,
}


def _transcript(request, label="HelvetiSafe join request v1", version=1, id=None):
    key, locked = request["verification_key"], request["locked_private_key"]
    return fields(
        label,
        version,
        request["organization"],
        invitation_id() if id is None else id,
        request["epoch"],
        request["fingerprint"],
        request["name"],
        request["scopes"],
        request["account"],
        request["public_key"],
        request["client_secret_hash"],
        [key.public] if key else [],
        list(locked.values()) if locked else [],
    )


SIGN = "HelvetiSafe invitation terms v1"


def _terms(organization="acme", epoch=1, name=NAME, scopes=SCOPES, expires_at=EXPIRES, **of):
    return terms_of(organization, epoch, of.get("id"), name, scopes, expires_at, of.get("label", SIGN))


def _body(request, tag, chain=None, signature=None, **terms):
    locked = request["locked_private_key"]
    sent = {
        **request,
        "fingerprint": fingerprint_text(request["fingerprint"]),
        "public_key": b64(request["public_key"]),
        "client_secret_hash": b64(request["client_secret_hash"]),
        "verification_key": request["verification_key"] and request["verification_key"].text,
        "locked_private_key": locked and {name: b64(part) for name, part in locked.items()},
    }
    invitation = {
        "organization": "acme",
        "epoch": 1,
        "name": NAME,
        "scopes": SCOPES,
        "expires_at": EXPIRES,
        **terms,
        "signature": b64(signature or ADA.sign(_terms(**terms))),
    }
    entries = [b64(entry) for entry in (chain or Chain()).entries]
    return json.dumps({"request": sent, "tag": b64(tag), "invitation": invitation, "chain": entries})


def _signed(request, chain=None, secret=SECRET, transcript=None, **terms):
    return _body(request, mac(secret, transcript or _transcript(request)), chain, **terms)


def make():
    kit = Kit("join-request", secret=b64(SECRET))
    controls = {
        "member": ("A member.", {}),
        "administrator": ("An administrator.", {"verification_key": BOB}),
        "password": ("A member with a password.", {"locked_private_key": LOCKED}),
    }
    for name, (control, changes) in controls.items():
        request = {**GOOD, **changes}
        kit.ok(name, control, _signed(request), mac(SECRET, _transcript(request)))
    rotated = _signed(GOOD, Chain().rotate(), epoch=2)
    kit.ok("rotated", "The org key was rotated since.", rotated, mac(SECRET, _transcript(GOOD)))
    changed = {
        "organization": "acme2",
        "epoch": 2,
        "fingerprint": fingerprint(OTHER_ORG_KEY),
        "name": "bob2",
        "scopes": [*SCOPES, "vault:admin"],
        "account": "a-3",
        "public_key": ADA_SPKI,
        "client_secret_hash": derived("other hash", 32),
        "verification_key": BOB,
        "locked_private_key": LOCKED,
    }
    for name, value in changed.items():
        body = _body({**GOOD, name: value}, mac(SECRET, _transcript(GOOD)))
        file = f"changed-{name.replace('_', '-')}"
        kit.refused(file, f"The vault has changed `{name}`.", "mac", body)
    tag = mac(SECRET, _transcript(GOOD))
    transcripts = {
        "other-label": ("The label is another.", _transcript(GOOD, label="HelvetiSafe join request")),
        "other-version": ("The version is another.", _transcript(GOOD, version=2)),
        "other-invitation": ("It is for another invitation.", _transcript(GOOD, id=bytes(32))),
    }
    for name, (fault, transcript) in transcripts.items():
        kit.refused(name, fault, "mac", _signed(GOOD, transcript=transcript))
    other = _signed(GOOD, secret=derived("other secret", 32))
    kit.refused("other-secret", "It was made with another secret.", "mac", other)
    kit.refused("tag-first-bit", "A bit of the tag is turned over.", "mac", _body(GOOD, bytes([tag[0] ^ 1]) + tag[1:]))
    kit.refused("tag-zero", "The tag is zero.", "mac", _body(GOOD, bytes(32)))
    honest = {
        "wrong-organization": ("organization", "acme2", "organization"),
        "wrong-epoch": ("epoch", 2, "epoch"),
        "wrong-fingerprint": ("fingerprint", fingerprint(OTHER_ORG_KEY), "epoch"),
        "wrong-name": ("name", "bob2", "name"),
        "more-scopes": ("scopes", [*SCOPES, "vault:admin"], "scopes"),
        "fewer-scopes": ("scopes", SCOPES[:1], "scopes"),
    }
    for name, (member, value, cause) in honest.items():
        fault = f"The vault gave the invited person another `{member}`."
        kit.refused(name, fault, cause, _signed({**GOOD, member: value}))
    signatures = {
        "signed-by-a-stranger": ("No administrator signed the invitation.", MALLORY.sign(_terms())),
        "signed-by-a-member": ("A member signed the invitation, and no administrator.", BOB.sign(_terms())),
        "signed-other-id": ("The signature is of another invitation.", ADA.sign(_terms(id=bytes(32)))),
        "signed-other-name": ("The signature is of another name.", ADA.sign(_terms(name="bob2"))),
        "signed-other-scopes": ("The signature is of fewer scopes.", ADA.sign(_terms(scopes=SCOPES[:1]))),
        "signed-other-expiry": ("The signature is of another expiry.", ADA.sign(_terms(expires_at=EXPIRES - 1))),
        "signed-other-epoch": ("The signature is of another epoch.", ADA.sign(_terms(epoch=2))),
        "signed-other-organization": ("The signature is of another organization.", ADA.sign(_terms(organization="acme2"))),
        "signed-other-label": ("The signature has another label.", ADA.sign(_terms(label="HelvetiSafe invite v1"))),
    }
    for name, (fault, signature) in signatures.items():
        kit.refused(name, fault, "inviter", _signed(GOOD, signature=signature))
    late = _signed(GOOD, Chain().rotate())
    kit.refused("invitation-of-old-epoch", "The invitation is of an epoch before.", "epoch", late)
    return kit
