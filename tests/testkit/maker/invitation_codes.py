"""Invitation codes, as text."""

import base64

from keys import ORG_KEY
from kit import Kit
from organization import ADA, SECRET, Chain, entry_hash, fingerprint, labelled_hash

URL = "https://vault.example"
LABEL = "HelvetiSafe invitation code v1"


def _content(url=URL.encode(), key=ADA.public):
    head = (0).to_bytes(8, "big") + entry_hash(Chain().entries[0])
    return SECRET + fingerprint(ORG_KEY) + key + head + url


def _code(content, checksum=None, prefix="hsi1_"):
    checksum = labelled_hash(LABEL, content)[:4] if checksum is None else checksum
    return prefix + base64.urlsafe_b64encode(content + checksum).decode().rstrip("=")


def make():
    kit = Kit("invitation-code")
    good = _code(_content())
    kit.ok("code", "A code.", good, _content())
    kit.ok("lines", "It is broken into lines.", f" {good[:80]}\r\n{good[80:]}\n", _content())
    half = len(good) // 2
    other = "A" if good[half] != "A" else "B"
    swapped = good[:half] + good[half + 1] + good[half] + good[half + 2 :]
    assert swapped != good
    refused = {
        "empty": ("It is empty.", "prefix", ""),
        "url": ("It is the URL.", "prefix", URL),
        "no-prefix": ("The prefix is missing.", "prefix", good[5:]),
        "capitals": ("The prefix is in capitals.", "prefix", "HSI1" + good[4:]),
        "version-2": ("It has the version 2.", "version", _code(_content(), prefix="hsi2_")),
        "typing-error": (
            "One character is another.",
            "checksum",
            good[:half] + other + good[half + 1 :],
        ),
        "swapped": ("Two characters are swapped.", "checksum", swapped),
        "cut": ("The last characters are missing.", "checksum", good[:-3]),
        "prefix-alone": ("There is nothing after the prefix.", "checksum", "hsi1_"),
        "no-checksum": ("The checksum is missing.", "checksum", _code(_content(), b"")),
        "other-label": (
            "The checksum has no label.",
            "checksum",
            _code(_content(), labelled_hash("", _content())[:4]),
        ),
        "asterisk": ("A character is not of base64url.", "checksum", good[:half] + "*" + good[half + 1 :]),
        "no-url": ("There is no URL.", "content", _code(_content(b""))),
        "control": ("The URL has a control character.", "content", _code(_content(b"https://\x1b"))),
        "not-text": ("The URL is not UTF-8.", "content", _code(_content(b"https://\xff"))),
        "no-point": ("The verification key is no point.", "content", _code(_content(key=b"\2" + bytes(31)))),
        "small-order": (
            "The verification key is a point of order 1.",
            "content",
            _code(_content(key=b"\1" + bytes(31))),
        ),
        "short": ("The head is cut.", "content", _code(_content()[:120])),
    }
    for name, (fault, cause, body) in refused.items():
        kit.refused(name, fault, cause, body)
    return kit
