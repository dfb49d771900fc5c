"""RSA private keys as JWK, RFC 7517 and RFC 7518 section 6.3."""

import json

import odd_keys
from keys import BASE, ODD, ORG_KEY, OTHER, RSA
from kit import Kit
from rsa_numbers import b64url

NUMBERS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"]
CANONICAL = "base64url has one form, RFC 7515 section 2; the peer skips what it does not know"
DOUBLED = "RFC 7517 section 4 wants each name once; the peer takes the last"
JSON = "RFC 8259 does not allow it; the peer's reader does"
UTF_8 = "RFC 3629 section 3 has no surrogates in UTF-8; the peer's reader takes them"
ESCAPE = "an escape would force a copy of key material, and base64url needs none; the peer takes it"


def make():
    kit = Kit("jwk", unwraps="keys/rsa-2048.wrapped")
    _good(kit)
    for name, fault, key, whose, why in odd_keys.faults():
        cause = "unwrap" if name.startswith("p-composite") else "key-rejected"
        _refused(kit, name, fault, json.dumps(key.members()), cause, why, unwraps=_wrapped(whose))
    _members(kit)
    _encodings(kit)
    _types(kit)
    _texts(kit)
    return kit


def _wrapped(whose):
    return f"keys/{whose}.wrapped"


def _refused(kit, name, fault, body, cause="key-format", why=None, **more):
    peer = {"peer": "ok", "why": why} if why else {}
    kit.refused(name, fault, cause, body, **peer, **more)


def _with(**changes):
    return json.dumps({**BASE.members(), **changes})


def _good(kit):
    for name, key in RSA.items():
        control = f"A key of {key.n.bit_length()} bits."
        kit.ok(name, control, json.dumps(key.members()), ORG_KEY, unwraps=_wrapped(name))
    for name, control, key, whose in odd_keys.good():
        kit.ok(name, control, json.dumps(key.members()), ORG_KEY, unwraps=_wrapped(whose))
    members = BASE.members()
    bodies = {
        "order": ("The members are in another order.", json.dumps(dict(reversed(members.items())))),
        "spaces": (
            "There is white space between all parts.",
            f"\r\n {json.dumps(members, indent=4)}\t\n",
        ),
        "more-members": (
            "There are members that nobody knows.",
            _with(kid="k", x5c=["a", {"b": None}], n2=1e9),
        ),
        "other-use": (
            "The members for the use of the key name another.",
            _with(use="sig", key_ops=["sign"], alg="RS256"),
        ),
        "deep-member": (
            "A member that nobody knows is nested 100 deep.",
            _with(more=0).replace("0}", f"{'[' * 100}{']' * 100}}}"),
        ),
        "leading-zeros": ("The numbers start with zero bytes.", json.dumps(_long(members))),
    }
    for name, (control, body) in bodies.items():
        kit.ok(name, control, body, ORG_KEY)


def _long(members):
    longer = {
        name: b64url(getattr(BASE, name), (getattr(BASE, name).bit_length() + 7) // 8 + 3)
        for name in NUMBERS
    }
    return {**members, **longer}


def _members(kit):
    members = BASE.members()
    for name in members:
        rest = {other: value for other, value in members.items() if other != name}
        _refused(kit, f"{name}-missing", f"There is no `{name}`.", json.dumps(rest))
        _refused(kit, f"{name}-null", f"`{name}` is null.", _with(**{name: None}))
        _refused(kit, f"{name}-array", f"`{name}` is an array.", _with(**{name: [members[name]]}))
        _refused(
            kit,
            f"{name}-upper-case",
            f"The name `{name}` is in capitals.",
            json.dumps({**rest, name.upper(): members[name]}),
        )
        _refused(
            kit,
            f"{name}-doubled",
            f"There are two members `{name}`.",
            f'{{"{name}": "AQAB", {json.dumps(members)[1:]}',
            why=DOUBLED,
        )
    for name in NUMBERS:
        _refused(
            kit,
            f"{name}-integer",
            f"`{name}` is a JSON number.",
            _with(**{name: getattr(BASE, name)}),
        )
        _refused(kit, f"{name}-empty", f"`{name}` is empty.", _with(**{name: ""}), "key-rejected")
    only = {name: members[name] for name in ("kty", "n", "e", "d")}
    _refused(kit, "without-primes", "There are only `n`, `e` and `d`.", json.dumps(only))
    public = {name: members[name] for name in ("kty", "n", "e")}
    _refused(kit, "public", "It is the public key.", json.dumps(public))


def _encodings(kit):
    d = BASE.members()["d"]
    assert len(d) % 4 == 2 and {"-", "_"} & set(d)
    standard = d.replace("-", "+").replace("_", "/")
    last = chr(ord(d[-1]) + 1)
    texts = {
        "padded": ("has padding", d + "==", CANONICAL),
        "standard-alphabet": ("is in the standard alphabet", standard, CANONICAL),
        "stray-bits": ("has a bit set after its last byte", d[:-1] + last, CANONICAL),
        "space-after": ("ends with a space", d + " ", None),
        "line-break-inside": ("has a line break in it", f"{d[:100]}\n{d[100:]}", None),
        "hex": ("is in hexadecimal digits", f"{BASE.d:x}", None),
        "decimal": ("is in decimal digits", str(BASE.d), None),
        "little-endian": (
            "is in little-endian order",
            b64url(int.from_bytes(BASE.d.to_bytes(256, "little"), "big")),
            None,
        ),
        "not-ascii": ("has a letter beyond ASCII in it", f"{d[:100]}\u00e9{d[100:]}", None),
    }
    for name, (fault, text, why) in texts.items():
        number = name in ("little-endian", "hex", "decimal")
        cause = "key-rejected" if number else "key-format"
        _refused(kit, f"d-{name}", f"`d` {fault}.", _with(d=text), cause, why)
    escaped = _with().replace(f'"d": "{d[0]}', f'"d": "\\u{ord(d[0]):04x}')
    _refused(kit, "d-escaped", "The first character of `d` is a JSON escape.", escaped, why=ESCAPE)
    escaped = _with().replace('"RSA"', '"\\u0052SA"')
    _refused(
        kit, "kty-escaped", "The first character of `kty` is a JSON escape.", escaped, why=ESCAPE
    )


def _types(kit):
    for name, kty in [
        ("ec", "EC"),
        ("oct", "oct"),
        ("okp", "OKP"),
        ("lower-case", "rsa"),
        ("empty", ""),
        ("space", "RSA "),
    ]:
        _refused(kit, f"kty-{name}", f"`kty` is `{kty}`.".replace("``", "empty"), _with(kty=kty))
    curve = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(OTHER.p >> 768),
        "y": b64url(OTHER.q >> 768),
        "d": b64url(BASE.p >> 768),
    }
    _refused(kit, "elliptic-curve", "It is a key on an elliptic curve.", json.dumps(curve))
    _refused(
        kit,
        "symmetric",
        "It is a symmetric key.",
        json.dumps({"kty": "oct", "k": b64url(BASE.p >> 768)}),
    )
    third = ODD["rsa-2047"]
    more = [{"r": b64url(third.p), "d": b64url(third.dp), "t": b64url(third.qi)}]
    why = "a third prime means that `n` is another product; the peer does not look at it"
    _refused(kit, "oth", "There is a further prime.", _with(oth=more), "key-rejected", why)


def _texts(kit):
    good = _with()
    texts = {
        "empty": ("There is nothing.", "", None),
        "null": ("It is null.", "null", None),
        "string": ("It is a string with the JWK in it.", json.dumps(good), None),
        "array": ("It is an array with the JWK in it.", f"[{good}]", None),
        "values": (
            "It is an array of the values.",
            json.dumps(list(BASE.members().values())),
            None,
        ),
        "values-and-null": (
            "It is an array of the values and null.",
            json.dumps([*BASE.members().values(), None]),
            None,
        ),
        "set": ("It is a JWK set.", f'{{"keys": [{good}]}}', None),
        "pem": ("It is a PEM.", BASE.pem(), None),
        "truncated": ("The end is missing.", good[:-1], None),
        "twice": ("It is there twice.", good + good, None),
        "nul-after": ("A zero byte follows it.", good + "\0", None),
        "letter-after": ("A letter follows it.", good + "x", None),
        "comma-after-last": ("A comma follows the last member.", good[:-1] + ",}", None),
        "single-quotes": ("Its quotes are single.", good.replace('"', "'"), None),
        "comment": ("There is a comment.", good.replace("{", "{/* key */", 1), None),
        "no-quotes": ("The names have no quotes.", good.replace('"n"', "n"), None),
        "nan": ("A member that nobody knows is NaN.", good[:-1] + ', "x": NaN}', JSON),
        "infinity": (
            "A member that nobody knows is Infinity.",
            good[:-1] + ', "x": -Infinity}',
            JSON,
        ),
        "leading-zero": ("A member that nobody knows is 01.", good[:-1] + ', "x": 01}', None),
        "control-character": (
            "A string has a line break in it.",
            good[:-1] + ', "x": "a\nb"}',
            None,
        ),
        "bad-escape": (
            "A string has an escape that there is not.",
            good[:-1] + ', "x": "\\x41"}',
            None,
        ),
        "byte-order-mark": ("A byte order mark stands before it.", "\ufeff" + good, JSON),
        "utf-16": ("It is in UTF-16.", good.encode("utf-16-le"), JSON),
        "utf-32": ("It is in UTF-32.", good.encode("utf-32-be"), JSON),
        "not-utf-8": ("A string is not UTF-8.", good[:-1].encode() + b', "x": "\xff"}', None),
        "name-not-utf-8": ("A name is not UTF-8.", good[:-1].encode() + b', "\xff": 0}', None),
        "surrogate-in-utf-8": (
            "A string has a surrogate in it, as bytes.",
            good[:-1].encode() + b', "x": "\xed\xa0\x80"}',
            UTF_8,
        ),
    }
    for name, (fault, text, why) in texts.items():
        _refused(kit, f"text-{name}", fault, text, why=why)
