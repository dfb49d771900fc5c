"""The secret of an invitation, sealed for administrators."""

import json

from keys import ORG_KEY, OTHER_ORG_KEY
from kit import Kit
from organization import EXPIRES, NAME, SCOPES, SECRET, hkdf, invitation_id, sealed, terms_of
from rsa_numbers import b64, derived


def _body(nonce, value, **changes):
    terms = {
        "organization": "acme",
        "epoch": 1,
        "id": b64(invitation_id()),
        "name": NAME,
        "scopes": SCOPES,
        "expires_at": EXPIRES,
    }
    return json.dumps({**terms, "value": b64(value), "nonce": b64(nonce), **changes})


def make():
    kit = Kit("sealed-invitation", org_key=b64(ORG_KEY))
    kit.ok("invitation", "An invitation.", _body(*sealed()), SECRET)
    no_scopes = sealed(scopes=[], name="Zürich")
    kit.ok("no-scopes", "No scopes.", _body(*no_scopes, scopes=[], name="Zürich"), SECRET)
    changes = {
        "organization": "acme2",
        "epoch": 2,
        "id": b64(derived("other id", 32)),
        "name": "bob2",
        "scopes": SCOPES[:1],
        "expires_at": EXPIRES + 1,
    }
    for name, value in changes.items():
        fault = f"It was sealed with another `{name}`."
        file = f"other-{name.replace('_', '-')}"
        kit.refused(file, fault, "decryption", _body(*sealed(), **{name: value}))
    other = derived("other secret", 32)
    faults = {
        "other-org-key": ("It is sealed under another org key.", sealed(OTHER_ORG_KEY)),
        "org-key-itself": ("It is sealed under the org key itself.", sealed(label=None)),
        "a-secret": ("It is a secret of 32 bytes.", sealed(label=None, aad=b"")),
        "no-terms": ("It is sealed without the terms.", sealed(aad=b"")),
        "secret-of-another": (
            "A member has sealed the secret of another invitation under this id.",
            sealed(secret=other),
        ),
        "31-bytes": (
            "The secret has 31 bytes.",
            sealed(secret=SECRET[:31]),
        ),
        "terms-without-lengths": (
            "The terms have no lengths.",
            sealed(aad=b"".join([b"HelvetiSafe invite v1acme", invitation_id(), b"bob"])),
        ),
        "mac-key": (
            "It is sealed under the key for join requests.",
            sealed(hkdf(SECRET, "HelvetiSafe invitation mac v1")),
        ),
    }
    for name, (fault, parts) in faults.items():
        kit.refused(name, fault, "decryption", _body(*parts))
    assert terms_of().count(b"acme") == 1
    return kit
