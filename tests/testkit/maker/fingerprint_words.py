"""The eight words of a key."""

import json
from pathlib import Path

from keys import ORG_KEY, OTHER_ORG_KEY
from kit import Kit
from organization import ADA_SPKI, BOB_SPKI, fingerprint, labelled_hash
from rsa_numbers import b64

LIST = Path(__file__).parents[3] / "crates/helvetisafe-crypto/src/organization/words"
WORDS = (LIST / "eff_large_wordlist.txt").read_text().split("\n")[:-1]
LABELS = {
    "public-key": "HelvetiSafe public key words v1",
    "org-key": "HelvetiSafe org key words v1",
}


def words(kind, key):
    number = int.from_bytes(labelled_hash(LABELS[kind], key)[:16], "big")
    return " ".join(WORDS[number // 7776**place % 7776] for place in reversed(range(8)))


def _body(kind, key, text):
    return json.dumps({"kind": kind, "key": b64(key), "words": text})


def make():
    kit = Kit("fingerprint-words")
    good = words("public-key", BOB_SPKI)
    for name, kind, key in [
        ("public-key", "public-key", BOB_SPKI),
        ("other-public-key", "public-key", ADA_SPKI),
        ("org-key", "org-key", fingerprint(ORG_KEY)),
        ("other-org-key", "org-key", fingerprint(OTHER_ORG_KEY)),
    ]:
        text = words(kind, key)
        kit.ok(name, f"The words of the {kind.replace('-', ' ')}.", _body(kind, key, text), text.encode())
    spoken = "  " + good.upper().replace(" ", "\n\t") + "\n"
    kit.ok("spaces", "Capitals, and other white space.", _body("public-key", BOB_SPKI, spoken), good.encode())
    split = good.split()
    faults = {
        "other-key": ("They are of another key.", "other-words", words("public-key", ADA_SPKI)),
        "other-kind": ("The label is that of an org key.", "other-words", words("org-key", BOB_SPKI)),
        "reversed": ("They are in the other order.", "other-words", " ".join(split[::-1])),
        "empty": ("There is no word.", "count", ""),
        "seven": ("A word is missing.", "count", " ".join(split[:7])),
        "nine": ("A word is there twice.", "count", f"{good} {split[7]}"),
        "unknown": ("A word is not in the list.", "unknown", " ".join(["helvetisafe", *split[1:]])),
        "not-ascii": ("A letter is another one of Unicode.", "unknown", " ".join(["аbacus", *split[1:]])),
        "commas": ("Commas follow the words.", "unknown", ", ".join(split)),
    }
    for name, (fault, cause, text) in faults.items():
        kit.refused(name, fault, cause, _body("public-key", BOB_SPKI, text))
    return kit
