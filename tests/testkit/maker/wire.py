"""Faults that every answer can have: in its base64, and in its JSON."""

import base64
import json

ONE_TEXT = "only canonical base64 is taken, so that every answer has one text; the peer skips {}"
LAST = "of two members with one name another reader takes the first; the peer takes the last"
URL = str.maketrans("+/", "-_")


def base64_faults(kit, good, members, result):
    """Each member in other forms of base64. Where the peer takes it, `result` comes out."""
    for member in members:
        text = good[member]
        dashed = member.replace("_", "-")

        def refused(name, fault, changed, peer=None):
            why = {"peer": "ok", "peer_result": result, "why": ONE_TEXT.format(peer)}
            body = json.dumps({**good, member: changed})
            name, fault = f"{dashed}-{name}", f"The base64 of `{member}` {fault}."
            kit.refused(name, fault, "encoding", body, **(why if peer else {}))

        refused("line-break-after", "ends with a line break", text + "\n", "line breaks")
        refused("space-before", "starts with a space", " " + text, "spaces")
        half = len(text) // 8 * 4
        refused(
            "line-break-inside",
            "is broken into lines",
            f"{text[:half]}\n{text[half:]}",
            "line breaks",
        )
        refused(
            "not-base64",
            "has an asterisk in it",
            f"{text[:half]}*{text[half:]}",
            "all other characters",
        )
        after = "what follows the padding" if text.endswith("=") else None
        refused("one-character-more", "has one character too many", text + "A", after)
        if text.translate(URL) != text:
            refused("url-alphabet", "is in the alphabet for URLs", text.translate(URL))
        if text.endswith("="):
            refused("no-padding", "has no padding", text.rstrip("="))
            refused(
                "stray-bits", "has a bit set after its last byte", stray_bits(text), "those bits"
            )
            refused(
                "more-padding", "has one padding character too many", text + "=", "further padding"
            )
        else:
            refused("padded", "has padding that it does not need", text + "=", "needless padding")


def stray_bits(text):
    """The same bytes, with one of the unused bits of the last character set."""
    digits = text.rstrip("=")
    characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = characters[characters.index(digits[-1]) | 1]
    assert base64.b64decode(
        digits[:-1] + last + "=" * (len(text) - len(digits))
    ) == base64.b64decode(text)
    return digits[:-1] + last + "=" * (len(text) - len(digits))


def answer_faults(kit, good, members, result, peer_of_null="crypto-error"):
    """Each member missing, null, a number and doubled; and answers that are no JSON object.

    The peer does not look whether an answer has what it should, so that other exceptions come out.
    """
    no_look = (
        "an answer that is none is told from one that does not decrypt; the peer does not look"
    )
    for member in members:
        dashed = member.replace("_", "-")
        rest = {name: value for name, value in good.items() if name != member}
        peer = {"peer": "other-error", "why": no_look}
        kit.refused(
            f"{dashed}-missing", f"There is no `{member}`.", "api", json.dumps(rest), **peer
        )
        for name, value in [("null", None), ("number", 5), ("array", [good[member]])]:
            body = json.dumps({**good, member: value})
            peer = {"peer": peer_of_null, "why": no_look}
            kit.refused(f"{dashed}-{name}", f"`{member}` is {_named(value)}.", "api", body, **peer)
        doubled = f'{{"{member}": "AAAA", {json.dumps(good)[1:]}'
        peer = {"peer": "ok", "peer_result": result, "why": LAST}
        kit.refused(
            f"{dashed}-doubled", f"There are two members `{member}`.", "api", doubled, **peer
        )
    _no_object(kit, json.dumps(good), no_look)


def _named(value):
    return {type(None): "null", int: "a number", list: "an array"}[type(value)]


def _no_object(kit, good, no_look):
    bodies = {
        "answer-empty": ("The answer is empty.", ""),
        "answer-truncated": ("The end of the answer is missing.", good[:-1]),
        "answer-page": ("The answer is a page in HTML.", "<html><body>Bad gateway</body></html>"),
        "answer-null": ("The answer is null.", "null"),
        "answer-array": ("The answer is an array around the object.", f"[{good}]"),
        "answer-values": ("The answer is an array of the values.", _values(good)),
        "answer-string": ("The answer is a string with the object in it.", json.dumps(good)),
        "answer-trailing-comma": ("A comma follows the last member.", good[:-1] + ",}"),
        "answer-two-objects": ("The answer is there twice.", f"{good}\n{good}"),
        "answer-other-names": ("The names of the members are in capitals.", _capitals(good)),
    }
    for name, (fault, body) in bodies.items():
        kit.refused(name, fault, "api", body, peer="other-error", why=no_look)


def _values(good):
    return json.dumps(list(json.loads(good).values()))


def _capitals(good):
    return json.dumps({name.upper(): value for name, value in json.loads(good).items()})
