"""The keys of the kit. All are derived from their names, so none of them is secret."""

import math

from rsa_numbers import b64, derived, key, oaep, prime, wrap

# The prime of RFC 3526 section 5 and of RFC 7919 appendix A.3, 4096 bits each: 2^4096 minus
# 2^4032 minus 1, plus 2^64 times a number that starts with the digits of pi and of e.
_PI = 240904
_E = 5736041


def _safe_prime(constant, plus):
    """[2^3966 * constant] + plus, as both documents give it; the constant to enough digits."""
    return 2**4096 - 2**4032 - 1 + 2**64 * (((constant << 3966) >> 4200) + plus)


def _pi(bits):
    """Pi times 2^bits, by Machin's formula."""

    def arctan_of_inverse(x):
        term = total = (1 << bits + 32) // x
        n, sign = 1, 1
        while term:
            term //= x * x
            n, sign = n + 2, -sign
            total += sign * (term // n)
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239)) >> 32


def _e(bits):
    """Euler's number times 2^bits."""
    term = total = 1 << bits + 32
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return total >> 32


MODP_4096 = _safe_prime(_pi(4200), _PI)
FFDHE_4096 = _safe_prime(_e(4200), _E)

ORG_KEY = derived("org key", 32)
OTHER_ORG_KEY = derived("other org key", 32)

# The keys that are good, in `keys/` as PEM, and beside each the org key wrapped for it.
RSA = {
    "rsa-2048": key(prime("2048 p", 1024), prime("2048 q", 1024)),
    "rsa-2048-other": key(prime("other p", 1024), prime("other q", 1024)),
    "rsa-3072": key(prime("3072 p", 1536), prime("3072 q", 1536)),
    "rsa-4096": key(prime("4096 p", 2048), prime("4096 q", 2048)),
    "rsa-8192": key(MODP_4096, FFDHE_4096),
}
BASE = RSA["rsa-2048"]
OTHER = RSA["rsa-2048-other"]
SMALL = key(prime("1024 p", 512), prime("1024 q", 512))


def _exponent(at_least):
    """The first exponent from there on that has an inverse."""
    totient = (BASE.p - 1) * (BASE.q - 1)
    return next(e for e in range(at_least, at_least + 1000) if math.gcd(e, totient) == 1)


def _composite():
    """`p` is a product, and all numbers follow from it as if it were a prime; a prime of it."""
    for n in range(1000):
        of_p = prime(f"composite {n}", 512)
        p = of_p * SMALL.p
        if math.gcd(65537, p - 1) == 1 and p.bit_length() == 1024:
            return key(p, BASE.q), of_p
    raise AssertionError("none found")


COMPOSITE, _OF_P = _composite()


def _wrapped_by_crt():
    """The org key as RSADP (RFC 8017 section 5.1.2) step 2.b would find it for this key, although
    encrypting the result gives another ciphertext: what only that comparison finds out."""
    of, message = COMPOSITE, int.from_bytes(oaep(COMPOSITE, ORG_KEY), "big")
    root = pow(of.dp, -1, math.lcm(_OF_P - 1, SMALL.p - 1))
    c1, c2 = pow(message, root, of.p), pow(message, of.e, of.q)
    c = c2 + of.q * (of.qi * (c1 - c2) % of.p)
    m1, m2 = pow(c, of.dp, of.p), pow(c, of.dq, of.q)
    assert m2 + of.q * (of.qi * (m1 - m2) % of.p) == message
    assert pow(message, of.e, of.n) != c
    return c.to_bytes(of.size, "big")


# Keys that are special or wrong. Beside the others in `keys/` there is only what is wrapped for them.
ODD = {
    "rsa-1024": SMALL,
    "rsa-2047": key(prime("2047 p", 1024), prime("2047 q", 1023)),
    "rsa-2051": key(prime("2051 p", 1026), prime("2051 q", 1025)),
    # 2^4097 - 783 is a prime.
    "rsa-8193": key(MODP_4096, 2**4097 - 783),
    "e-1": key(BASE.p, BASE.q, 1),
    "e-3": key(BASE.p, BASE.q, 3),
    "e-33-bits": key(BASE.p, BASE.q, _exponent(2**33 - 100)),
    "e-34-bits": key(BASE.p, BASE.q, _exponent(2**33)),
    "e-65-bits": key(BASE.p, BASE.q, _exponent(2**64)),
    "e-long": key(BASE.p, BASE.q, _exponent(BASE.n >> 1)),
    "square": key(BASE.p, BASE.p, qi=0),
    "composite": COMPOSITE,
}
WRAPPED = {name: b64(wrap(of, ORG_KEY)) for name, of in {**RSA, **ODD}.items()}
WRAPPED["composite-crt"] = b64(_wrapped_by_crt())
