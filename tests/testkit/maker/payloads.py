"""What an envelope holds, once it is open: RFC 8259 JSON, or plain text."""

from kit import Kit

NOT_TEXT = "a value is a text here, as the JSON has it; the peer returns a number, written as {}"
JSON = "RFC 8259 does not allow it, so that it is plain text; the peer's reader takes it as JSON"
HALF = "no Unicode text can hold half a surrogate pair; the peer returns a string that cannot be encoded"


def make():
    kit = Kit("payload", key="db")
    _one_value(kit)
    _fields(kit)
    _legacy(kit)
    _different(kit)
    _refused(kit)
    return kit


def _one_value(kit):
    texts = {
        "value": ("One value.", '{"db": "value"}', "value"),
        "compact": ("No spaces.", '{"db":"value"}', "value"),
        "spaces": ("White space between all parts.", ' \r\n\t{ "db"\t: \n"value" }\r\n', "value"),
        "empty-value": ("The empty value.", '{"db": ""}', ""),
        "escapes": ("Every short escape.", r'{"db": "\"\\\/\b\f\n\r\t"}', '"\\/\b\f\n\r\t'),
        "unicode-escape": (
            "Escapes by number, in both cases.",
            r'{"db": "\u00e9\u00E9\u0041\u0000"}',
            "ééA\0",
        ),
        "surrogate-pair": (
            "A pair of surrogates is one character.",
            r'{"db": "\ud83d\udd11\uD83D\uDD11"}',
            "\U0001f511" * 2,
        ),
        "escaped-name": (
            "The name of the key is written with an escape.",
            r'{"\u0064b": "value"}',
            "value",
        ),
        "unicode": ("Characters beyond ASCII.", '{"db": "é 東京 \U0001f511"}', "é 東京 \U0001f511"),
        "separators": (
            "U+2028, U+2029 and U+FEFF.",
            '{"db": "\u2028\u2029\ufeff"}',
            "\u2028\u2029\ufeff",
        ),
        "delete": ("The control characters from U+007F.", '{"db": "\x7f\x80\x9f"}', "\x7f\x80\x9f"),
        "noncharacters": (
            "Numbers that stand for no character.",
            '{"db": "\uffff\U0010ffff"}',
            "\uffff\U0010ffff",
        ),
        "object-inside": (
            "The value looks like JSON.",
            r'{"db": "{\"db\": \"inner\"}"}',
            '{"db": "inner"}',
        ),
        "beside-fields": (
            "The key stands among other names.",
            '{"a": 1, "db": "value", "b": [null]}',
            "value",
        ),
        "beside-fields-number": (
            "The key stands among other names, with a number.",
            '{"a": 1, "db": 5432, "b": [null]}',
            "5432",
        ),
        "doubled": (
            "The key is there twice: the last counts.",
            '{"db": "first", "db": "value"}',
            "value",
        ),
        "doubled-number": (
            "The first of two is a number: the last counts.",
            '{"db": 5, "db": "value"}',
            "value",
        ),
        "doubled-last-number": (
            "The last of two is a number.",
            '{"db": "value", "db": 5}',
            "5",
        ),
        "large-numbers": (
            "Numbers that no number type holds.",
            '{"db": "value", "a": 1e999, "b": -0.0e-999}',
            "value",
        ),
        "deep": (
            "A field that is nested 200 deep.",
            f'{{"db": "value", "a": {"[" * 200}{"]" * 200}}}',
            "value",
        ),
        "other-half-surrogate": (
            "Another field is no text.",
            r'{"a": "\ud800", "db": "value"}',
            "value",
        ),
    }
    for name, (control, text, value) in texts.items():
        kit.ok(name, control, text, value.encode(), kind="single")
    values = {
        "number": "5432",
        "null": "null",
        "boolean": "true",
        "object": '{"a": "b"}',
        "array": '["value", 1]',
        "named-inside": '{"db": "inner"}',
    }
    for name, value in values.items():
        control = f"The value is no string, so its JSON text counts: {name}."
        kit.ok(f"value-{name}", control, f'{{"db": {value}}}', value.encode(), kind="single")


def _fields(kit):
    texts = {
        "fields": ("Several fields.", '{"DB_HOST": "host", "DB_PASS": "pass"}'),
        "fields-spaces": ("Its white space stays.", ' {\n "DB_HOST" : "host" }\t'),
        "fields-escapes": ("Its escapes stay.", r'{"a": "\u0041\/"}'),
        "fields-numbers": (
            "Its numbers stay as they are written.",
            '{"a": 1.0, "b": 1E5, "c": -0}',
        ),
        "fields-nested": (
            "Fields of other types.",
            '{"a": [1, {"db": "inner"}], "b": null, "c": true}',
        ),
        "empty-object": ("No field.", "{}"),
        "other-key": ("The payload of another key.", '{"other": "value"}'),
        "capitals": ("The key in capitals is another key.", '{"DB": "value"}'),
        "empty-name": ("A field without a name.", '{"": "value"}'),
        "key-and-space": ("The key and a space is another key.", '{"db ": "value"}'),
    }
    for name, (control, text) in texts.items():
        kit.ok(name, control, text, text.encode(), kind="multi-field")


def _legacy(kit):
    texts = {
        "legacy": ("Plain text.", "plain text"),
        "legacy-empty": ("Nothing.", ""),
        "legacy-lines": ("Lines, with a line break at the end.", "a\r\nb\n"),
        "legacy-nul": ("A zero byte.", "a\0b"),
        "legacy-number": ("A number.", "42"),
        "legacy-null": ("null.", "null"),
        "legacy-string": ("A JSON string.", '"db"'),
        "legacy-array": ("An array that holds the key.", '["db", "value"]'),
        "legacy-array-of-object": ("An array with the object in it.", '[{"db": "value"}]'),
        "legacy-byte-order-mark": ("A byte order mark before the object.", '\ufeff{"db": "value"}'),
        "legacy-truncated": ("The end is missing.", '{"db": "value"'),
        "legacy-twice": ("The object is there twice.", '{"db": "value"}{"db": "value"}'),
        "legacy-letter-after": ("A letter follows the object.", '{"db": "value"} x'),
        "legacy-nul-after": ("A zero byte follows the object.", '{"db": "value"}\0'),
        "legacy-comma-after": ("A comma follows the last member.", '{"db": "value",}'),
        "legacy-single-quotes": ("The quotes are single.", "{'db': 'value'}"),
        "legacy-no-quotes": ("The name has no quotes.", '{db: "value"}'),
        "legacy-comment": ("There is a comment.", '{"db": "value" /* note */}'),
        "legacy-line-break": ("A line break in the string.", '{"db": "val\nue"}'),
        "legacy-tab": ("A tab in the string.", '{"db": "val\tue"}'),
        "legacy-bad-escape": ("An escape that there is not.", r'{"db": "\x41"}'),
        "legacy-short-escape": ("An escape with three digits.", r'{"db": "\u041"}'),
        "legacy-leading-zero": ("A number that starts with 0.", '{"db": "value", "a": 01}'),
        "legacy-plus": ("A number with a plus.", '{"db": "value", "a": +1}'),
        "legacy-no-break-space": ("A space that JSON does not know.", '\u00a0{"db": "value"}'),
        "legacy-capital-true": ("A word in capitals.", '{"db": "value", "a": True}'),
    }
    for name, (control, text) in texts.items():
        kit.ok(name, control, text, text.encode(), kind="legacy")


def _different(kit):
    numbers = {
        "fraction": ("A fraction that ends with 0.", "1.50", "1.5"),
        "exponent": ("A number with an exponent.", "1E5", "100000.0"),
        "minus-zero": ("A zero with a minus.", "-0", "0"),
    }
    for name, (control, value, peer) in numbers.items():
        more = {"peer": "ok", "peer_result": peer.encode(), "why": NOT_TEXT.format(peer)}
        kit.ok(
            f"value-{name}", control, f'{{"db": {value}}}', value.encode(), kind="single", **more
        )
    for name, value in [("nan", "NaN"), ("infinity", "Infinity"), ("minus-infinity", "-Infinity")]:
        text = f'{{"db": "value", "a": {value}}}'
        more = {"peer": "ok", "peer_result": b"value", "why": JSON}
        kit.ok(
            f"legacy-{name}", f"A number is {value}.", text, text.encode(), kind="legacy", **more
        )
    text = r'{"\ud800": 1, "db": "value"}'
    more = {
        "peer": "ok",
        "peer_result": b"value",
        "why": "a name that is no text makes it plain text; the peer takes such a name",
    }
    kit.ok(
        "legacy-half-surrogate-name",
        "A name is half a surrogate pair.",
        text,
        text.encode(),
        kind="legacy",
        **more,
    )


def _refused(kit):
    halves = {
        "high": ("the first half of a surrogate pair alone", r"\ud800", "\ud800"),
        "low": ("the second half of a surrogate pair alone", r"\udc00", "\udc00"),
        "two-high": ("two first halves", r"\ud800\ud800", "\ud800\ud800"),
        "swapped": ("a surrogate pair in the wrong order", r"\udd11\ud83d", "\udd11\ud83d"),
        "before-letter": ("half a surrogate pair and a letter", r"\ud83dx", "\ud83dx"),
        "before-escape": ("half a surrogate pair and another escape", r"\ud83d\n", "\ud83d\n"),
        "before-unicode-escape": (
            "half a surrogate pair and an escape by number",
            r"\ud83d\u0041",
            "\ud83dA",
        ),
    }
    for name, (what, text, value) in halves.items():
        value = value.encode("utf-8", "surrogatepass")
        more = {"peer": "ok", "peer_result": value, "why": HALF}
        kit.refused(
            f"half-surrogate-{name}",
            f"The value is {what}.",
            "payload",
            f'{{"db": "{text}"}}',
            **more,
        )
    text = r'{"a": "\ud800"}'
    why = "a field is no text; the peer does not look into fields"
    kit.refused(
        "half-surrogate-field",
        "A field is half a surrogate pair.",
        "payload",
        text,
        peer="ok",
        peer_result=text.encode(),
        why=why,
    )
    texts = {
        "latin-1": ("It is in Latin-1.", '{"db": "é"}'.encode("latin-1")),
        "utf-16": (
            "It is in UTF-16 with a byte order mark.",
            '{"db": "value"}'.encode("utf-16-le").join([b"\xff\xfe", b""]),
        ),
        "ff": ("The value is the byte ff.", b'{"db": "\xff"}'),
        "lone-continuation": ("The value is a byte 80 alone.", b'{"db": "\x80"}'),
        "truncated-character": ("The last character is cut.", '{"db": "v"} €'.encode()[:-1]),
        "overlong": ("A slash is encoded in two bytes.", b'{"db": "\xc0\xaf"}'),
        "surrogate-bytes": (
            "Half a surrogate pair is encoded as bytes.",
            b'{"db": "\xed\xa0\x80"}',
        ),
        "beyond-unicode": ("A character beyond U+10FFFF.", b'{"db": "\xf4\x90\x80\x80"}'),
        "name": ("Another name is no text.", b'{"db": "value", "\xff": 1}'),
        "legacy": ("Plain text with a byte ff.", b"plain \xff text"),
    }
    for name, (fault, text) in texts.items():
        kit.refused(f"not-utf-8-{name}", fault, "payload", text)
