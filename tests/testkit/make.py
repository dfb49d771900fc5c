"""Makes every file of the kit, always the same; with --check, compares instead of writing.

pip install argon2-cffi cryptography
python make.py [--check]
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "maker"))
sys.dont_write_bytecode = True

import chains  # noqa: E402
import envelopes  # noqa: E402
import fingerprint_words  # noqa: E402
import invitation_codes  # noqa: E402
import join_requests  # noqa: E402
import jwks  # noqa: E402
import keys  # noqa: E402
import locked_private_keys  # noqa: E402
import payloads  # noqa: E402
import pems  # noqa: E402
import sealed_invitations  # noqa: E402
import signing_keys  # noqa: E402
import wrapped_org_keys  # noqa: E402

GROUPS = (wrapped_org_keys, locked_private_keys, jwks, pems, envelopes, payloads)
ORGANIZATION = (
    sealed_invitations,
    invitation_codes,
    join_requests,
    chains,
    fingerprint_words,
    signing_keys,
)


def made():
    """Every file of the kit: its path and its bytes."""
    files = {f"keys/{name}.pem": key.pem().encode() for name, key in keys.RSA.items()}
    files |= {f"keys/{name}.wrapped": text.encode() for name, text in keys.WRAPPED.items()}
    for kit in (group.make() for group in GROUPS + ORGANIZATION):
        files |= {f"{kit.group}/{name}": content for name, content in kit.files.items()}
    return {HERE / path: content for path, content in files.items()}


def main(arguments):
    files = made()
    there = {path for folder in HERE.iterdir() if folder.is_dir() for path in folder.glob("*.case")}
    there |= {path for path in HERE.glob("keys/*")}
    if arguments == ["--check"]:
        wrong = {
            path
            for path, content in files.items()
            if path not in there or path.read_bytes() != content
        }
        for path in sorted(wrong | there - files.keys()):
            print(f"{path.relative_to(HERE)} is not what make.py makes", file=sys.stderr)
        return 1 if wrong or there - files.keys() else 0
    for path in there - files.keys():
        path.unlink()
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    print(f"{len(files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
