"""Just enough DER (ITU-T X.690) and PEM (RFC 7468) to write keys, right and wrong."""

import base64

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"


def _tagged(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def integer(number):
    size = number.bit_length() // 8 + 1
    return _tagged(0x02, number.to_bytes(size, "big", signed=True))


def octets(content):
    return _tagged(0x04, content)


def bits(content):
    return _tagged(0x03, b"\0" + content)


def null():
    return b"\x05\x00"


def sequence(*parts):
    return _tagged(0x30, b"".join(parts))


def context(number, content):
    return _tagged(0xA0 | number, content)


def oid(text):
    first, second, *rest = map(int, text.split("."))
    content = bytes([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | number & 0x7F)
        content += bytes(reversed(digits))
    return _tagged(0x06, content)


def pkcs8(inner, algorithm=RSA_ENCRYPTION, parameters=null(), version=0):
    """PrivateKeyInfo, RFC 5958 section 2."""
    return sequence(integer(version), sequence(oid(algorithm), parameters), octets(inner))


def pem(label, der, width=64, newline="\n"):
    text = base64.b64encode(der).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return newline.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
