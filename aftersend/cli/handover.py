"""``aftersend handover``: keys for the recipients, the merchant's page, and what comes back from it."""

import hashlib
import sys
from pathlib import Path
from typing import Literal

import msgspec

from aftersend.cli.exit_codes import OK, print_error
from aftersend.cli.output import show_text
from aftersend.errors import Misconfigured
from aftersend.handover.delivery import as_secrets, write_folders
from aftersend.handover.letter import open_letter
from aftersend.handover.page import Language, render_page
from aftersend.handover.recipients import AgeRecipient, fingerprint, make_identity, read_identities, read_recipients
from aftersend.printable import printable
from aftersend.tenant.fields import Name

Output = Literal["secret", "folder"]


def keygen(name: str, file: Path | None) -> int:
    """Make a key pair; print the public part as two lines of a file of recipients."""
    shown = " ".join(printable(name).split())
    if not shown:
        raise Misconfigured("the name is empty", path="--recipient", cure="say whose key it is, such as anna")
    path = file or Path(f"{''.join(char if char.isalnum() else '-' for char in shown)}.agekey")
    recipient = make_identity(path, shown)
    sys.stdout.write(f"# {recipient.name}\n{recipient.key}\n")
    print_error(
        f"private key in {path}: keep it, and a copy elsewhere. Add the two lines above to the file of recipients"
    )
    return OK


def show_fingerprint(file: Path) -> int:
    """Print the five words."""
    recipients = _recipients(file)
    show_text(fingerprint(recipients))
    return OK


def make_page(tenant: str, file: Path, language: Language, target: Path) -> int:
    """Write the page; print its hash and the five words."""
    recipients = _recipients(file)
    page = render_page(tenant=_name(tenant), recipients=recipients, language=language)
    try:
        target.write_bytes(page)
    except OSError as error:
        raise Misconfigured(f"cannot be written ({type(error).__name__})", path=str(target)) from None
    show_text(f"sha256  {hashlib.sha256(page).hexdigest()}")
    show_text(f"words   {fingerprint(recipients)}")
    return OK


def open_sealed(
    file: Path, tenant: str, identity: Path, namespace: str, output: Output, folder: Path, *, force: bool
) -> int:
    """Open the merchant's text; write Secrets to a pipe or a file, or folders of keys."""
    if output == "secret" and sys.stdout.isatty():
        cure = "add `| kubectl apply -f -`, or `> FILE`, or --output folder"
        raise Misconfigured("keys are not printed on a terminal", cure=cure)
    found = open_letter(file, tenant=_name(tenant), identities=read_identities(identity), force=force)
    if output == "secret":
        sys.stdout.write(as_secrets(found, namespace=namespace))
        return OK
    for path in write_folders(found, folder, force=force):
        show_text(str(path))
    return OK


def _recipients(file: Path) -> list[AgeRecipient]:
    recipients = read_recipients(file)
    if len(recipients) == 1:
        print_error("only one recipient: if that key is lost, nothing can be opened any more. Two are recommended")
    return recipients


def _name(tenant: str) -> str:
    try:
        return msgspec.convert(tenant, Name)
    except msgspec.ValidationError:
        cure = "use metadata.name of its document: lower-case letters, digits, hyphens, at most 30 characters"
        raise Misconfigured("no name of a tenant", path="--tenant", cure=cure) from None
