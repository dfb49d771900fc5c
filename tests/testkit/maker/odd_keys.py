"""RSA keys with one number wrong, which a JWK and a PEM can both hold."""

import math

from keys import BASE, ODD, OTHER

BITS = (
    "the format takes 2048 to 8192 bits, against weak keys and long computations; the peer takes {}"
)
EXPONENT = "an exponent that nobody uses only costs time; the peer takes it"


def good():
    """Name, what is special, the key, and whose org key it unwraps."""
    half = math.lcm(BASE.p - 1, BASE.q - 1)
    totient = (BASE.p - 1) * (BASE.q - 1)
    d = pow(BASE.e, -1, totient)
    assert d != BASE.d and BASE.d < half
    swapped = BASE.but(p=BASE.q, q=BASE.p, dp=BASE.dq, dq=BASE.dp, qi=pow(BASE.p, -1, BASE.q))
    return [
        (
            "primes-in-other-order",
            "The primes are in the other order, the rest for it.",
            swapped,
            "rsa-2048",
        ),
        (
            "d-by-totient",
            "`d` is the inverse of `e` modulo (p - 1)(q - 1).",
            BASE.but(d=d),
            "rsa-2048",
        ),
        ("e-3", "The public exponent is 3.", ODD["e-3"], "e-3"),
        ("e-largest", "The public exponent has 33 bits.", ODD["e-33-bits"], "e-33-bits"),
        (
            "2051-bits",
            "The modulus has 2051 bits, no whole number of bytes.",
            ODD["rsa-2051"],
            "rsa-2051",
        ),
    ]


def faults():
    """Name, fault, the key, whose org key it would unwrap, and where the peer is laxer, why."""
    yield from _one_number()
    yield from _several_numbers()
    for name, bits in [("rsa-1024", 1024), ("rsa-2047", 2047), ("rsa-8193", 8193)]:
        why = BITS.format("1024" if bits < 2048 else "16384")
        yield f"{bits}-bits", f"The modulus has {bits} bits.", ODD[name], name, why
    yield "e-34-bits", "The public exponent has 34 bits.", ODD["e-34-bits"], "e-34-bits", EXPONENT
    yield "e-65-bits", "The public exponent has 65 bits.", ODD["e-65-bits"], "e-65-bits", EXPONENT
    long = "The public exponent is as long as the modulus."
    yield "e-as-long-as-n", long, ODD["e-long"], "e-long", EXPONENT


def _one_number():
    for name in ("n", "d", "p", "q", "dp", "dq", "qi"):
        number = getattr(BASE, name)
        wrong = {
            "zero": ("0", 0),
            "one": ("1", 1),
            "plus-2": ("too large by 2", number + 2),
            "other": ("another key's", getattr(OTHER, name)),
        }
        for what, (text, changed) in wrong.items():
            key = BASE.but(**{name: changed})
            yield f"{name}-{what}", f"`{name}` is {text}.", key, "rsa-2048", None
    for what, e in [("zero", 0), ("even", 65536), ("other", 257)]:
        yield f"e-{what}", f"`e` is {e}.", BASE.but(e=e), "rsa-2048", None
    yield "e-one", "`e` is 1, with the numbers that follow.", ODD["e-1"], "e-1", None
    yield "n-even", "`n` is even.", BASE.but(n=BASE.n + 1), "rsa-2048", None
    yield "d-plus-n", "`d` is too large by `n`.", BASE.but(d=BASE.d + BASE.n), "rsa-2048", None
    unreduced = BASE.but(dp=BASE.dp + 2 * (BASE.p - 1))
    yield "dp-unreduced", "`dp` is not reduced modulo p - 1.", unreduced, "rsa-2048", None
    unreduced = BASE.but(qi=BASE.qi + BASE.p)
    yield "qi-unreduced", "`qi` is not reduced modulo `p`.", unreduced, "rsa-2048", None


def _several_numbers():
    swapped = BASE.but(p=BASE.q, q=BASE.p)
    yield "primes-swapped", "`p` and `q` are swapped.", swapped, "rsa-2048", None
    swapped = BASE.but(dp=BASE.dq, dq=BASE.dp)
    yield "crt-exponents-swapped", "`dp` and `dq` are swapped.", swapped, "rsa-2048", None
    swapped = BASE.but(e=BASE.d, d=BASE.e)
    yield "exponents-swapped", "`e` and `d` are swapped.", swapped, "rsa-2048", None
    one = BASE.but(p=1, q=BASE.n, dp=0, dq=BASE.d, qi=0)
    yield "p-one-q-n", "`p` is 1 and `q` the modulus.", one, "rsa-2048", None
    square = ODD["square"]
    yield "primes-equal", "`p` and `q` are the same.", square, "square", None
    composite = ODD["composite"]
    yield "p-composite", "`p` is no prime, but the product of two.", composite, "composite", None
    crt = "`p` is a product, and the org key is wrapped with its private half."
    yield "p-composite-crt", crt, composite, "composite-crt", None
