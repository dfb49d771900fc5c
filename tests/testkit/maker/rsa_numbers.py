"""RSA (RFC 8017) over numbers that are the same each time: nothing in the kit is random."""

import base64
import hashlib
import math
from dataclasses import dataclass, replace

import der


def derived(label, length):
    """Bytes that look random and depend on the label alone."""
    return hashlib.shake_256(b"HelvetiSafe testkit 1\0" + label.encode()).digest(length)


def _primes_below(bound):
    sieve = bytearray([1]) * bound
    for number in range(2, math.isqrt(bound) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, bound, number)))
    return [number for number in range(2, bound) if sieve[number]]


SMALL_PRIMES = _primes_below(20_000)


def is_prime(number):
    """Trial division, then Miller and Rabin's test with twelve bases."""
    if any(number % small == 0 for small in SMALL_PRIMES):
        return False
    twos = (number - 1 & 1 - number).bit_length() - 1
    for base in SMALL_PRIMES[:12]:
        power = pow(base, number >> twos, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def prime(label, bits):
    """The first prime of so many bits from a derived start, 5 modulo 6 so that 3 can be an
    exponent. Its two highest bits are set: the product of two has twice as many bits."""
    number = int.from_bytes(derived(label, bits // 8 + 1), "big") % 2**bits
    number |= 3 << bits - 2
    number += 5 - number % 6
    while not is_prime(number):
        number += 6
    return number


@dataclass(frozen=True)
class Key:
    """The eight numbers of RFC 8017 section 3.2. `replace` makes a key with one of them wrong."""

    n: int
    e: int
    d: int
    p: int
    q: int
    dp: int
    dq: int
    qi: int

    @property
    def size(self):
        return (self.n.bit_length() + 7) // 8

    def but(self, **changes):
        return replace(self, **changes)

    def members(self):
        names = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
        return {"kty": "RSA", **{name: b64url(getattr(self, name)) for name in names}}

    def pkcs1(self, version=0, more=b""):
        """RSAPrivateKey, RFC 8017 appendix A.1.2."""
        names = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
        integers = (der.integer(getattr(self, name)) for name in names)
        return der.sequence(der.integer(version), *integers, more)

    def pem(self):
        return der.pem("PRIVATE KEY", der.pkcs8(self.pkcs1()))


def key(p, q, e=65537, qi=None):
    d = pow(e, -1, math.lcm(p - 1, q - 1))
    qi = pow(q, -1, p) if qi is None else qi
    return Key(p * q, e, d, p, q, d % (p - 1), d % (q - 1), qi)


def b64(data):
    return base64.b64encode(data).decode()


def b64url(number, size=None):
    size = size or max(1, (number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()


def _mgf1(algorithm, seed, length):
    blocks = -(-length // hashlib.new(algorithm).digest_size)
    counters = (counter.to_bytes(4, "big") for counter in range(blocks))
    return b"".join(hashlib.new(algorithm, seed + c).digest() for c in counters)[:length]


def _xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def oaep(of, message, hash="sha256", mgf="sha256", label=b"", first=0, marker=1, seed="oaep"):
    """EME-OAEP encoding, RFC 8017 section 7.1.1, step 2, with every part open to change."""
    label_hash = hashlib.new(hash, label).digest()
    size = len(label_hash)
    block = label_hash + bytes(of.size - len(message) - 2 * size - 2) + bytes([marker]) + message
    seed = derived(seed, size)
    masked = _xor(block, _mgf1(mgf, seed, len(block)))
    return bytes([first]) + _xor(seed, _mgf1(mgf, masked, size)) + masked


def pkcs1_v1_5(of, message):
    """EME-PKCS1-v1_5 encoding, RFC 8017 section 7.2.1, step 2."""
    filler = derived("pkcs1 v1.5", of.size - len(message) - 3).replace(b"\0", b"\1")
    return b"\0\2" + filler + b"\0" + message


def encrypt(of, block):
    return pow(int.from_bytes(block, "big"), of.e, of.n).to_bytes(of.size, "big")


def wrap(of, org_key, **changes):
    return encrypt(of, oaep(of, org_key, **changes))
