"""RSA private keys as PEM, RFC 7468, in PKCS#1 (RFC 8017 appendix A.1.2) and PKCS#8 (RFC 5958)."""

import base64

import der
import odd_keys
import other_keys
from der import pem
from keys import BASE, ORG_KEY, RSA
from kit import Kit
from rsa_numbers import key, prime

PKCS1, PKCS8 = "RSA PRIVATE KEY", "PRIVATE KEY"
TWO = "the other key could be the one that is meant; the peer takes the first"
BLANK = "OpenSSL's tools leave no such line, but editors and templates do; the base64 is unambiguous"
PSS = "RFC 4055 section 1.2 keeps such a key for signatures; the peer decrypts with it"
NOT_TEXT = (
    "a file that is no text is a mistake in the configuration; the peer does not tell it apart"
)


def make():
    kit = Kit("pem", unwraps="keys/rsa-2048.wrapped")
    _good(kit)
    for name, fault, of, whose, why in odd_keys.faults():
        cause = "unwrap" if name.startswith("p-composite") else "key-rejected"
        _refused(kit, f"key-{name}", fault, of.pem(), cause, why, unwraps=f"keys/{whose}.wrapped")
    _labels(kit)
    _other_kinds(kit)
    _base64(kit)
    _surroundings(kit)
    _structure(kit)
    _not_text(kit)
    return kit


def _refused(kit, name, fault, body, cause="key-format", why=None, **more):
    peer = {"peer": "ok", "why": why} if why else {}
    kit.refused(name, fault, cause, body, **peer, **more)


def _good(kit):
    for name, of in RSA.items():
        control = f"A key of {of.n.bit_length()} bits in PKCS#8 form."
        kit.ok(name, control, of.pem(), ORG_KEY, unwraps=f"keys/{name}.wrapped")
    for name, control, of, whose in odd_keys.good():
        kit.ok(name, control, of.pem(), ORG_KEY, unwraps=f"keys/{whose}.wrapped")
    pkcs1, pkcs8 = BASE.pkcs1(), der.pkcs8(BASE.pkcs1())
    bodies = {
        "pkcs1": ("PKCS#1 form.", pem(PKCS1, pkcs1)),
        "crlf": ("The lines end with CR LF.", pem(PKCS8, pkcs8, newline="\r\n")),
        "one-line": ("All base64 is on one line.", pem(PKCS8, pkcs8, width=10_000)),
        "lines-of-76": ("The lines have 76 characters.", pem(PKCS8, pkcs8, width=76)),
        "no-last-line-break": ("No line break follows the last line.", pem(PKCS8, pkcs8)[:-1]),
        "empty-lines-after": ("Empty lines follow.", pem(PKCS8, pkcs8) + "\n\n"),
        "no-parameters": (
            "The parameters of the algorithm are left out.",
            pem(PKCS8, der.pkcs8(BASE.pkcs1(), parameters=b"")),
        ),
        "text-before": (
            "Attributes stand before it, as OpenSSL writes them.",
            "Bag Attributes\n    friendlyName: k\n" + pem(PKCS8, pkcs8),
        ),
    }
    for name, (control, body) in bodies.items():
        kit.ok(name, control, body, ORG_KEY)


def _labels(kit):
    pkcs1, pkcs8 = BASE.pkcs1(), der.pkcs8(BASE.pkcs1())
    labels = {
        "public-key": ("PUBLIC KEY", "public-key"),
        "rsa-public-key": ("RSA PUBLIC KEY", "public-key"),
        "certificate": ("CERTIFICATE", "certificate"),
        "ec-private-key": ("EC PRIVATE KEY", "other-key"),
        "dsa-private-key": ("DSA PRIVATE KEY", "other-key"),
        "lower-case": ("private key", "no-private-key"),
        "any-private-key": ("ANY PRIVATE KEY", "other-key"),
        "openssh": ("OPENSSH PRIVATE KEY", "other-key"),
        "unknown": ("HELVETISAFE KEY", "no-private-key"),
        "two-spaces": ("PRIVATE  KEY", "no-private-key"),
    }
    for name, (label, cause) in labels.items():
        _refused(kit, f"label-{name}", f"The label is `{label}`.", pem(label, pkcs8), cause)
    _refused(
        kit, "label-pkcs1-with-pkcs8", "PKCS#8 stands under the label of PKCS#1.", pem(PKCS1, pkcs8)
    )
    _refused(
        kit, "label-pkcs8-with-pkcs1", "PKCS#1 stands under the label of PKCS#8.", pem(PKCS8, pkcs1)
    )
    fault = "It is not encrypted, but its label says so."
    _refused(
        kit, "label-encrypted", fault, pem("ENCRYPTED PRIVATE KEY", pkcs8), "passphrase-required"
    )
    good = pem(PKCS8, pkcs8)
    ends = {
        "labels-differ": (
            "The labels of the two ends differ.",
            good.replace("END PRIVATE", "END RSA PRIVATE"),
        ),
        "no-begin": ("The first line is missing.", good.split("\n", 1)[1]),
        "no-end": ("The last line is missing.", good[: good.index("-----END")]),
        "begin-four-hyphens": ("The first line starts with four hyphens.", good[1:]),
        "end-four-hyphens": ("The last line ends with four hyphens.", good[:-2] + "\n"),
        "begin-is-end": ("The first line says END.", good.replace("BEGIN", "END")),
        "end-is-begin": ("The last line says BEGIN.", good.replace("END", "BEGIN")),
        "nothing-inside": (
            "There is nothing between the two ends.",
            "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        ),
        "rfc-4716": (
            "The form is that of RFC 4716, with four hyphens.",
            good.replace("-----", "---- "),
        ),
    }
    without_first = ("no-begin", "begin-four-hyphens", "begin-is-end", "rfc-4716")
    for name, (fault, body) in ends.items():
        cause = "no-first-line" if name in without_first else "no-last-line"
        _refused(kit, name, fault, body, "key-format" if name == "nothing-inside" else cause)


def _other_kinds(kit):
    for name, fault, body in other_keys.kinds():
        cause = "passphrase-required" if name.startswith("encrypted") else "other-key"
        cause = {
            "public-key": "public-key",
            "public-key-pkcs1": "public-key",
            "certificate": "certificate",
        }.get(name, cause)
        _refused(kit, name, fault, body, cause)


def _base64(kit):
    good = pem(PKCS8, der.pkcs8(BASE.pkcs1()))
    lines = good.split("\n")
    assert lines[-3].endswith("=")
    body = lines[1:-2]

    def rebuilt(changed):
        return "\n".join([lines[0], *changed, *lines[-2:]])

    uneven = [body[0] + body[1][:4], body[1][4:], *body[2:]]
    stray = base64.b64encode(base64.b64decode(body[-1])).decode().rstrip("=")
    stray = stray[:-1] + chr(ord(stray[-1]) + 1) + "=" * (len(body[-1]) - len(stray))
    bodies = {
        "base64-asterisk": (
            "There is an asterisk in the base64.",
            rebuilt(["*" + body[0][1:], *body[1:]]),
            None,
        ),
        "base64-url-alphabet": (
            "The base64 is in the alphabet for URLs.",
            rebuilt([l.translate(str.maketrans("+/", "-_")) for l in body]),
            None,
        ),
        "base64-no-padding": (
            "The padding is missing.",
            rebuilt([*body[:-1], body[-1].rstrip("=")]),
            None,
        ),
        "base64-more-padding": (
            "There is one padding character too many.",
            rebuilt([*body[:-1], body[-1] + "="]),
            None,
        ),
        "base64-stray-bits": (
            "A bit is set after the last byte.",
            rebuilt([*body[:-1], stray]),
            None,
        ),
        "base64-not-ascii": (
            "A letter beyond ASCII is in the base64.",
            rebuilt(["é" + body[0][1:], *body[1:]]),
            None,
        ),
        "base64-character-missing": (
            "A character is missing.",
            rebuilt([body[0][1:], *body[1:]]),
            None,
        ),
        "base64-line-missing": ("A line is missing.", rebuilt([*body[:3], *body[4:]]), None),
        "base64-lines-swapped": (
            "Two lines are swapped.",
            rebuilt([*body[:3], body[4], body[3], *body[5:]]),
            None,
        ),
    }
    causes = {
        "base64-line-missing": "key-format",
        "base64-lines-swapped": "key-rejected",
    }
    for name, (fault, text, why) in bodies.items():
        _refused(kit, name, fault, text, causes.get(name, "damaged"), why)
    layouts = {
        "lines-uneven": ("The lines have different widths.", uneven),
        "lines-indented": (
            "The lines of base64 are indented.",
            ["  " + line for line in body],
        ),
        "lines-space-after": (
            "The lines of base64 end with a space.",
            [line + " " for line in body],
        ),
        "header-line": (
            "A header stands before the base64.",
            ["Comment: key", "", *body],
        ),
        "line-empty-first": ("The first line of base64 is empty.", ["", *body]),
    }
    for name, (control, lines_of) in layouts.items():
        _accepted(kit, name, control, rebuilt(lines_of))
    line_empty = rebuilt([*body[:3], "", *body[3:]])
    _accepted(kit, "line-empty", "A line is empty.", line_empty, peer="crypto-error", why=BLANK)


def _accepted(kit, name, control, body, **more):
    kit.ok(name, control, body, ORG_KEY, **more)


def _surroundings(kit):
    good = pem(PKCS8, der.pkcs8(BASE.pkcs1()))
    other = pem(PKCS8, der.pkcs8(RSA["rsa-2048-other"].pkcs1()))
    public = pem("PUBLIC KEY", other_keys.public())
    certificate = other_keys.certificate()
    around = {
        "text-after": ("Text follows it.", good + "text\n"),
        "public-key-after": ("A public key follows it.", good + public),
        "public-key-before": ("A public key stands before it.", public + good),
        "certificate-after": ("A certificate follows it.", good + certificate),
        "certificate-before": ("A certificate stands before it.", certificate + good),
        "nul-after": ("A zero byte follows it.", good + "\0"),
        "spaces-for-lines": (
            "Spaces stand in place of line breaks.",
            good.replace("\n", " "),
        ),
        "indented": (
            "All lines are indented.",
            "".join(f"  {line}\n" for line in good.splitlines()),
        ),
        "quoted": ("It is in quotes.", f'"{good}"'),
    }
    for name, (control, text) in around.items():
        _accepted(kit, name, control, text)
    bodies = {
        "two-keys": ("Another key follows it.", good + other, "two-private-keys", TWO),
        "other-key-before": (
            "Another account's key stands before it.",
            other + good,
            "two-private-keys",
            None,
        ),
        "text-after-begin": (
            "Text follows on the first line.",
            good.replace("-----\n", "-----x\n", 1),
            "damaged",
            None,
        ),
        "escaped-lines": (
            "The line breaks are written as \\n.",
            good.replace("\n", "\\n"),
            "escaped-line-breaks",
            None,
        ),
        "empty": ("There is nothing.", "", "no-first-line", None),
        "path": (
            "It is the path of a file.",
            "/etc/helvetisafe/key.pem\n",
            "no-first-line",
            None,
        ),
    }
    for name, (fault, text, cause, why) in bodies.items():
        _refused(kit, name, fault, text, cause, why)


def _structure(kit):
    numbers = [BASE.n, BASE.e, BASE.d, BASE.p, BASE.q, BASE.dp, BASE.dq, BASE.qi]
    integers = [der.integer(number) for number in numbers]
    third = prime("third", 682)
    long_form = b"\x02\x82\x00\x03\x01\x00\x01"
    negative = [der.integer(-number) for number in numbers]
    inner = {
        "trailing-byte": ("A zero byte follows the key.", BASE.pkcs1() + b"\0", "key-format"),
        "number-missing": (
            "The last number is missing.",
            der.sequence(der.integer(0), *integers[:-1]),
            "key-format",
        ),
        "number-more": (
            "There is one number too many.",
            der.sequence(der.integer(0), *integers, der.integer(1)),
            "key-format",
        ),
        "version-missing": ("There is no version.", der.sequence(*integers), "key-format"),
        "version-2": ("The version is 2.", BASE.pkcs1(version=2), "key-format"),
        "version-1": (
            "The version is 1, but there are two primes.",
            BASE.pkcs1(version=1),
            "key-format",
        ),
        "version-negative": ("The version is -1.", BASE.pkcs1(version=-1), "key-format"),
        "set": ("It is a set instead of a sequence.", b"\x31" + BASE.pkcs1()[1:], "key-format"),
        "n-negative": (
            "`n` is negative.",
            der.sequence(der.integer(0), negative[0], *integers[1:]),
            "key-format",
        ),
        "d-negative": (
            "`d` is negative.",
            der.sequence(der.integer(0), *integers[:2], negative[2], *integers[3:]),
            "key-format",
        ),
        "p-and-q-negative": (
            "Both primes are negative.",
            der.sequence(der.integer(0), *integers[:3], *negative[3:5], *integers[5:]),
            "key-format",
        ),
        "e-octets": (
            "`e` is a string of bytes.",
            der.sequence(der.integer(0), integers[0], der.octets(b"\1\0\1"), *integers[2:]),
            "key-format",
        ),
        "e-long-length": (
            "The length of `e` is in a longer form than it needs.",
            der.sequence(der.integer(0), integers[0], long_form, *integers[2:]),
            "key-format",
        ),
        "e-leading-zero": (
            "`e` starts with a needless zero byte.",
            der.sequence(der.integer(0), integers[0], b"\x02\x04\x00\x01\x00\x01", *integers[2:]),
            "key-format",
        ),
        "indefinite-length": (
            "Its length is indefinite, as in BER.",
            b"\x30\x80" + BASE.pkcs1()[4:] + b"\0\0",
            "key-format",
        ),
        "three-primes": ("The modulus has three primes.", _three_primes(third), "key-rejected"),
        "truncated": ("The last byte is missing.", BASE.pkcs1()[:-1], "key-format"),
        "nested": ("It is in one more string of bytes.", der.octets(BASE.pkcs1()), "key-format"),
        "public": (
            "It is the public key in PKCS#1 form.",
            der.sequence(*integers[:2]),
            "key-format",
        ),
    }
    for name, (fault, content, cause) in inner.items():
        _refused(kit, f"der-{name}", fault, pem(PKCS1, content), cause)
    outer = {
        "pkcs8-trailing-byte": (
            "A zero byte follows the PKCS#8 structure.",
            der.pkcs8(BASE.pkcs1()) + b"\0",
        ),
        "pkcs8-inner-trailing-byte": (
            "A zero byte follows the key inside PKCS#8.",
            der.pkcs8(BASE.pkcs1() + b"\0"),
        ),
        "pkcs8-elliptic-curve": (
            "The algorithm is that of elliptic curves.",
            der.pkcs8(BASE.pkcs1(), "1.2.840.10045.2.1"),
        ),
        "pkcs8-pss": (
            "The algorithm is RSASSA-PSS, for signatures.",
            der.pkcs8(BASE.pkcs1(), "1.2.840.113549.1.1.10", b""),
        ),
        "pkcs8-oaep": (
            "The algorithm is RSAES-OAEP, which no key has.",
            der.pkcs8(BASE.pkcs1(), "1.2.840.113549.1.1.7", b""),
        ),
        "pkcs8-sha256": (
            "The algorithm is SHA-256.",
            der.pkcs8(BASE.pkcs1(), "2.16.840.1.101.3.4.2.1"),
        ),
        "pkcs8-parameters": (
            "The parameters of the algorithm are a number.",
            der.pkcs8(BASE.pkcs1(), parameters=der.integer(1)),
        ),
        "pkcs8-version-2": ("The version of PKCS#8 is 2.", der.pkcs8(BASE.pkcs1(), version=2)),
        "pkcs8-empty": ("There is no key inside PKCS#8.", der.pkcs8(b"")),
        "pkcs8-in-pkcs8": ("PKCS#8 is inside PKCS#8.", der.pkcs8(der.pkcs8(BASE.pkcs1()))),
        "pkcs8-bits": (
            "The key is in a string of bits.",
            der.sequence(
                der.integer(0),
                der.sequence(der.oid(der.RSA_ENCRYPTION), der.null()),
                der.bits(BASE.pkcs1()),
            ),
        ),
    }
    laxer = {"pkcs8-pss": PSS}
    other = ("pkcs8-elliptic-curve", "pkcs8-pss", "pkcs8-oaep", "pkcs8-sha256")
    for name, (fault, content) in outer.items():
        cause = "other-key" if name in other else "key-format"
        _refused(kit, f"der-{name}", fault, pem(PKCS8, content), cause, laxer.get(name))


def _three_primes(third):
    """RFC 8017 appendix A.1.2: version 1, and the numbers of the third prime."""
    two = key(BASE.p, BASE.q)
    n = two.n * third
    d = pow(two.e, -1, (two.p - 1) * (two.q - 1) * (third - 1))
    three = two.but(n=n, d=d, dp=d % (two.p - 1), dq=d % (two.q - 1))
    info = der.sequence(*map(der.integer, (third, d % (third - 1), pow(two.n, -1, third))))
    return three.pkcs1(version=1, more=der.sequence(info))


def _not_text(kit):
    good = BASE.pem()
    bodies = {
        "der": ("It is DER, without a PEM around it.", BASE.pkcs1()),
        "utf-16": ("It is in UTF-16.", good.encode("utf-16-le") + b"\xff\xfe"),
        "latin-1": (
            "The text before it is in Latin-1.",
            "Schlüssel\n".encode("latin-1") + good.encode(),
        ),
    }
    for name, (fault, body) in bodies.items():
        peer = {"peer": "ok"} if name == "latin-1" else {"peer": "crypto-error"}
        kit.refused(f"not-text-{name}", fault, "config", body, why=NOT_TEXT, **peer)
