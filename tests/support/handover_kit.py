"""What tests of the handover share: recipients with their files, and a merchant's credentials."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage

from aftersend.handover.recipients import make_identity

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
AFTERBUY = {"partnerToken": "partner-canary-8f1c", "accountToken": "account-canary-77d2"}
SENDCLOUD = {
    "publicKey": "public-canary-1a2b",
    "secretKey": "secret-canary-3c4d",
    "webhookSignatureKey": "signature-canary-5e6f",
}


@dataclass(frozen=True, slots=True)
class Recipients:
    """The file of recipients, and an identity of each."""

    file: Path
    identities: list[Path]
    keys: list[str]


def two_recipients(folder: Path) -> Recipients:
    """Anna and Ben can open."""
    identities = [folder / f"{name}.agekey" for name in ("anna", "ben")]
    made = [make_identity(path, path.stem) for path in identities]
    file = folder / "recipients.txt"
    file.write_text("".join(f"# {each.name}\n{each.key}\n" for each in made))
    return Recipients(file, identities, [each.key for each in made])


def document(**changes: Any) -> dict[str, Any]:
    """The contents as the page makes them."""
    created = NOW.isoformat().replace("+00:00", "Z")
    return {"v": 1, "tenant": "mueller", "created": created, "afterbuy": AFTERBUY, "sendcloud": SENDCLOUD} | changes


def sealed(keys: list[str], **changes: Any) -> str:
    """The text that a merchant sends."""
    recipients = [pyrage.x25519.Recipient.from_str(key) for key in keys]
    text: bytes = pyrage.encrypt(json.dumps(document(**changes)).encode(), recipients, armored=True)
    return text.decode()
