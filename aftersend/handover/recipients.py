"""Who can open what a merchant seals: a file of age recipients, and five words by which two persons compare it.

The file is that of ``age -R``: one public key per line; a line ``# name`` above it says whose it is. The words are a
stretched hash over all keys: to exchange one, an attacker has to find keys that give the same five words, and each try
takes the time of ``ITERATIONS`` rounds. The page computes the same words from the keys that it really uses.
"""

import hashlib
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import pyrage

from aftersend.errors import Misconfigured

SALT: Final = "aftersend handover 1"
ITERATIONS: Final = 600_000
COUNT: Final = 5
_MOST: Final = 20
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class AgeRecipient:
    """A public key and whose it is."""

    key: str
    name: str = ""


def make_identity(file: Path, name: str) -> AgeRecipient:
    """Make a key pair; the private part goes to a new file with mode 0600."""
    identity = pyrage.x25519.Identity.generate()
    recipient = AgeRecipient(str(identity.to_public()), name)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misconfigured("there is a file already", path=str(file), cure="choose another one with -o") from None
    except OSError as error:
        raise Misconfigured(f"cannot be written ({type(error).__name__})", path=str(file)) from None
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"# {name}\n# public key: {recipient.key}\n{identity}\n")
    return recipient


def read_recipients(file: Path) -> list[AgeRecipient]:
    """Read the public keys of a file, each with the name above it."""
    found: dict[str, AgeRecipient] = {}
    name = ""
    for number, line in enumerate(map(str.strip, _lines(file)), start=1):
        if line.startswith("#"):
            name = line.removeprefix("#").strip()
        elif line:
            found[line] = AgeRecipient(_checked(line, f"{file}:{number}"), name)
            name = ""
    if not 1 <= len(found) <= _MOST:
        cure = "add the line that `aftersend handover keygen` prints"
        raise Misconfigured(f"{len(found)} public keys; 1 to {_MOST} can be used", path=str(file), cure=cure)
    return list(found.values())


def read_identities(file: Path) -> list[pyrage.x25519.Identity]:
    """Read the private keys of a file."""
    lines = [line for line in map(str.strip, _lines(file)) if line and not line.startswith("#")]
    try:
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        cure = "name the file that `aftersend handover keygen` has written"
        raise Misconfigured("no private key", path=str(file), cure=cure)
    return identities


def fingerprint(recipients: list[AgeRecipient]) -> str:
    """Return the five words for these keys, whatever their order."""
    keys = "\n".join(sorted(recipient.key for recipient in recipients))
    digest = hashlib.pbkdf2_hmac("sha256", keys.encode(), SALT.encode(), ITERATIONS, dklen=COUNT)
    return " ".join(words()[byte] for byte in digest)


def words() -> list[str]:
    """Return the list: 256 German words that are hard to confuse on the phone, one for each byte."""
    return (files("aftersend.handover") / "page" / "words.txt").read_text(encoding="utf-8").split()


def _checked(key: str, path: str) -> str:
    try:
        pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError:
        raise Misconfigured("no public key of age (age1…)", path=path, cure="remove or correct the line") from None
    return key


def _lines(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_LARGEST).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot be read ({type(error).__name__})", path=str(file)) from None
