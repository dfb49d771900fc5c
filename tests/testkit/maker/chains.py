"""Chains of signed entries, and their anchors."""

import json

from keys import ORG_KEY, OTHER_ORG_KEY
from kit import Kit
from organization import (
    ADA,
    ADA_SPKI,
    BOB,
    BOB_SPKI,
    MALLORY,
    ORDER,
    Chain,
    entry_hash,
    field,
    fields,
    fingerprint,
    fingerprint_text,
    invitation_id,
    sha256,
    whole,
)
from rsa_numbers import b64, derived

THIRD_ORG_KEY = derived("third org key", 32)


def _head(entries, sequence=None):
    sequence = len(entries) - 1 if sequence is None else sequence
    return {"sequence": sequence, "hash": b64(entry_hash(entries[sequence]))}


def _body(entries, anchor=ADA.text, organization="acme"):
    entries = getattr(entries, "entries", entries)
    entries = [b64(entry) for entry in entries]
    return json.dumps({"organization": organization, "anchor": anchor, "entries": entries})


def _state(epoch, key, head, members, administrators, former=()):
    lines = [f"epoch {epoch}", f"fingerprint {fingerprint_text(fingerprint(key))}"]
    lines += [f"head {head['sequence']} {head['hash']}"]
    lines += [f"member {account} {b64(sha256(spki))} {name}" for account, name, spki in members]
    lines += [f"former {account} {b64(sha256(spki))} {name}" for account, name, spki in former]
    lines += [f"administrator {account} {key.text}" for account, key in administrators]
    return "\n".join(lines).encode()


def make():
    kit = Kit("chain")
    _good(kit)
    _places(kit)
    _signers(kit)
    _contents(kit)
    _encodings(kit)
    return kit


def _good(kit):
    every = whole().entries
    ada = [("ada", "Ada", ADA_SPKI)]
    state = _state(2, OTHER_ORG_KEY, _head(every), [("bob", "bob", BOB_SPKI)], [("bob", BOB)], ada)
    kit.ok("every-kind", "Every kind of entry, from a key.", _body(every), state)
    kit.ok("from-head", "From a head that was seen.", _body(every, _head(every, 2)), state)
    kit.ok("from-newest", "From the newest head.", _body(every, _head(every)), state)
    kit.ok("from-bob", "From a key that signed later.", _body(every, BOB.text), state)
    one = Chain().entries
    state = _state(1, ORG_KEY, _head(one), ada, [("ada", ADA)])
    kit.ok("genesis", "The genesis alone.", _body(one), state)
    again = Chain().confirm_bob().disable("bob", ADA).confirm("bob-2", invitation=b"\2" * 32)
    members = [*ada, ("bob-2", "bob", BOB_SPKI)]
    state = _state(1, ORG_KEY, _head(again.entries), members, [("ada", ADA)], [("bob", "bob", BOB_SPKI)])
    kit.ok("name-again", "A new account has the name of a disabled one.", _body(again), state)
    longest = Chain().confirm("bob", "ü" * 128)
    members = [*ada, ("bob", "ü" * 128, BOB_SPKI)]
    state = _state(1, ORG_KEY, _head(longest.entries), members, [("ada", ADA)])
    kit.ok("longest-name", "A name has 128 characters.", _body(longest), state)


def _places(kit):
    every = whole().entries
    branch = Chain().confirm_bob().rotate().entries
    faults = {
        "empty": ("There is no entry.", "genesis", _body([])),
        "no-genesis": ("The genesis is missing.", "genesis", _body(every[1:])),
        "missing": ("An entry is missing.", "gap", _body(every[:2] + every[3:])),
        "doubled": ("An entry is there twice.", "gap", _body(every[:3] + every[2:])),
        "swapped": ("Two entries are swapped.", "gap", _body([*every[:2], every[3], every[2], *every[4:]])),
        "fork-inside": ("An entry is of another branch.", "fork", _body([*every[:2], branch[2], *every[3:]])),
        "fork-of-seen": ("It is not the chain that was seen.", "fork", _body(branch, _head(every, 2))),
        "older": ("It ends before the head that was seen.", "older", _body(every[:4], _head(every))),
        "far": (
            "The head that was seen is far ahead.",
            "older",
            _body(every, {"sequence": 2**64 - 1, "hash": b64(bytes(32))}),
        ),
        "two-geneses": (
            "A second genesis follows.",
            "genesis",
            _body(Chain().add("genesis", [fingerprint(ORG_KEY), "ada", "Ada", sha256(ADA_SPKI), ADA.public], ADA)),
        ),
        "genesis-sequence": ("The genesis has the number 1.", "genesis", _body(Chain(sequence=1))),
        "genesis-previous": ("The genesis follows an entry.", "genesis", _body(Chain(previous=b"\1" * 32))),
        "other-organization": ("It is the chain of another organization.", "organization", _body(Chain("other"))),
        "entry-of-other": (
            "An entry is of another organization.",
            "organization",
            _body(Chain().confirm_bob(organization="other")),
        ),
    }
    for name, (fault, cause, body) in faults.items():
        kit.refused(name, fault, cause, body)


def _signers(kit):
    forged = Chain()
    forged.entries, forged.keys = [], [MALLORY]
    event = [fingerprint(ORG_KEY), "ada", "Ada", sha256(ADA_SPKI), MALLORY.public]
    forged.add("genesis", event, MALLORY).confirm_bob(MALLORY)
    forged.keys = [ADA, MALLORY]
    forged.add("administrator added", ["bob", ADA.public], MALLORY)
    entry = Chain().confirm_bob().entries
    other = Chain().confirm_bob().rotate().entries
    length = len(field(bytes(64)))
    faults = {
        "untrusted": ("The trusted key is listed, but signed nothing.", "untrusted", _body(forged)),
        "unknown-signer": ("An unknown key signed.", "signer", _body(Chain().confirm_bob(MALLORY))),
        "signer-before": ("The new administrator signed for itself.", "signer", _body(Chain().confirm_bob().add_bob(BOB))),
        "signer-after": (
            "A removed administrator signed.",
            "signer",
            _body(Chain().confirm_bob().add_bob().remove_ada().rotate(ADA)),
        ),
        "genesis-signer": (
            "The genesis is signed by another key than it introduces.",
            "signer",
            _body([_genesis(MALLORY)]),
        ),
        "signature-of-other": (
            "The signature is of another entry.",
            "signature",
            _body([entry[0], entry[1][:-64] + other[2][-64:]]),
        ),
        "signature-bit": (
            "A bit of the signature is turned over.",
            "signature",
            _body([entry[0], entry[1][:-64] + bytes([entry[1][-64] ^ 1]) + entry[1][-63:]]),
        ),
        "signature-second-form": (
            "The signature has S + L in place of S.",
            "signature",
            _body([entry[0], entry[1][:-32] + _plus_order(entry[1][-32:])]),
        ),
        "signature-small-order": (
            "R of the signature is the neutral element.",
            "signature",
            _body([entry[0], entry[1][:-64] + ADA.sign_with_zero_nonce(entry[1][:-length])]),
        ),
        "signature-zero": ("The signature is zero.", "signature", _body([entry[0], entry[1][:-64] + bytes(64)])),
        "signature-missing": ("There is no signature.", "malformed", _body([entry[0], entry[1][:-length]])),
    }
    for name, (fault, cause, body) in faults.items():
        kit.refused(name, fault, cause, body)


def _genesis(signer):
    event = [fingerprint(ORG_KEY), "ada", "Ada", sha256(ADA_SPKI), ADA.public]
    label = "HelvetiSafe chain genesis v1"
    content = fields(label, "acme", 0, bytes(32), 1, *event, [ADA.public], signer.public)
    return content + field(signer.sign(content))


def _plus_order(number):
    return (int.from_bytes(number, "little") + ORDER).to_bytes(32, "little")


def _contents(kit):
    two = lambda: Chain().confirm_bob().add_bob()  # noqa: E731
    faults = {
        "rotation-same-epoch": ("A rotation keeps the epoch.", "epoch", Chain().rotate(epoch=1)),
        "rotation-by-two": ("A rotation moves by two epochs.", "epoch", Chain().rotate(epoch=3)),
        "rotation-back": ("A rotation moves back.", "epoch", Chain().rotate(epoch=0)),
        "confirmed-next-epoch": ("Another change moves the epoch.", "epoch", Chain().confirm_bob(epoch=2)),
        "same-key": ("A rotation keeps the org key.", "earlier-key", Chain().rotate(org_key=ORG_KEY)),
        "earlier-key": (
            "A rotation returns to an earlier org key.",
            "earlier-key",
            Chain().rotate().rotate(org_key=ORG_KEY),
        ),
        "key-left-out": ("An administrator's key is left out.", "keys", two().rotate(keys=[BOB])),
        "key-added": ("A key is added by another change.", "keys", Chain().confirm_bob(keys=[ADA, MALLORY])),
        "removed-key-listed": ("A removed key is still listed.", "keys", two().remove_ada(keys=[ADA, BOB])),
        "genesis-keys": ("The genesis lists a second key.", "keys", Chain(keys=[ADA, MALLORY])),
        "one-key-twice": (
            "Two administrators have one key.",
            "keys",
            Chain().confirm_bob().add("administrator added", ["bob", ADA.public], ADA),
        ),
        "confirmed-twice": ("A member is confirmed again.", "member", Chain().confirm_bob().confirm_bob()),
        "disabled-stranger": ("An account that is no member is disabled.", "member", Chain().disable("bob", ADA)),
        "stranger-administrator": ("An account that is no member becomes administrator.", "member", Chain().add_bob()),
        "removed-no-administrator": (
            "A member who is no administrator is removed as one.",
            "member",
            Chain().confirm_bob().add("administrator removed", ["bob"], ADA),
        ),
        "confirmed-former": (
            "A disabled account is confirmed again.",
            "former-member",
            Chain().confirm_bob().disable("bob", ADA).confirm("bob", invitation=b"\2" * 32),
        ),
        "invitation-again": (
            "An invitation is used again, after its member was disabled.",
            "used-invitation",
            Chain().confirm_bob().disable("bob", ADA).confirm("bob-2"),
        ),
        "name-of-member": (
            "A new member has the name of another one.",
            "name-taken",
            Chain().confirm_bob().confirm("bob-2", invitation=b"\2" * 32),
        ),
        "name-of-founder": ("A new member has the founder's name.", "name-taken", Chain().confirm("bob", "Ada")),
        "name-empty": ("A name is empty.", "name", Chain().confirm("bob", "")),
        "name-long": ("A name has 129 characters.", "name", Chain().confirm("bob", "b" * 129)),
        "name-control": ("A name has a control character.", "name", Chain().confirm("bob", "b\u009fob")),
        "name-space-before": ("A space is before a name.", "name", Chain().confirm("bob", " bob")),
        "name-space-after": ("A space of another kind is after a name.", "name", Chain().confirm("bob", "bob\u2003")),
        "genesis-name": ("The founder's name has a line break.", "name", Chain(founder="Ada\n")),
        "last-disabled": (
            "The last administrator is disabled.",
            "last-administrator",
            Chain().disable("ada", ADA, keys=[]),
        ),
        "last-removed": (
            "The last administrator is removed.",
            "last-administrator",
            Chain().remove_ada(ADA, keys=()),
        ),
    }
    for name, (fault, cause, chain) in faults.items():
        kit.refused(name, fault, cause, _body(chain))


def _encodings(kit):
    entry = whole().entries[3]
    label = b"HelvetiSafe chain rotation v1"
    keys = sorted([ADA.public, BOB.public])
    content = [label, "acme", 3, entry_hash(whole().entries[2]), 2, fingerprint(OTHER_ORG_KEY)]

    def signed(*values):
        message = fields(*values)
        return message + field(BOB.sign(message))

    def confirmed(*member):
        content = ["HelvetiSafe chain member confirmed v1", "acme", 3, entry_hash(whole().entries[2]), 1]
        return signed(*content, *member, sha256(BOB_SPKI), keys, BOB.public)

    assert signed(*content, keys, BOB.public) == entry
    faults = {
        "empty-entry": ("An entry is empty.", b""),
        "cut": ("The last byte is missing.", entry[:-1]),
        "byte-after": ("A byte follows.", entry + b"\0"),
        "field-after": ("A field follows.", entry + field(b"")),
        "long-field": ("A length is larger than what is there.", b"\xff" * 8 + entry[8:]),
        "unknown-kind": (
            "The kind is unknown.",
            signed(b"HelvetiSafe chain rotation v2", *content[1:], keys, BOB.public),
        ),
        "keys-unsorted": ("The keys are not sorted.", signed(*content, keys[::-1], BOB.public)),
        "key-doubled": ("A key is there twice.", signed(*content, [keys[0], *keys], BOB.public)),
        "key-no-point": ("A key is no point.", signed(*content, [b"\2" + bytes(31), *keys], BOB.public)),
        "key-small-order": ("A key is of small order.", signed(*content, [b"\1" + bytes(31), *keys], BOB.public)),
        "key-not-canonical": (
            "A key has another encoding of its point.",
            signed(*content, [*keys, b"\xff" * 32], BOB.public),
        ),
        "many-keys": (
            "The number of keys is larger than what is there.",
            fields(*content, 2**63) + entry[-72:],
        ),
        "number-4-bytes": (
            "A number has 4 bytes.",
            signed(*content[:2], b"\0\0\0\3", *content[3:], keys, BOB.public),
        ),
        "name-not-text": ("A name is not UTF-8.", confirmed("bob", b"\xff", invitation_id())),
        "invitation-31-bytes": ("The id of an invitation has 31 bytes.", confirmed("bob", "bob", bytes(31))),
        "without-name": ("The name and the invitation of a member are missing.", confirmed("bob")),
        "not-text": ("The organization is not UTF-8.", signed(label, b"\xff", *content[2:], keys, BOB.public)),
    }
    for name, (fault, changed) in faults.items():
        entries = [*whole().entries[:3], changed, *whole().entries[4:]]
        kit.refused(f"encoding-{name}", fault, "malformed", _body(entries))
