"""The commands below ``aftersend handover``, with their options and help."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from aftersend.cli import lazy
from aftersend.cli.exit_codes import code_of

handover = typer.Typer(
    help="Credentials of a merchant, sealed on their way: keygen, fingerprint, page, open.", no_args_is_help=True
)

Recipients = Annotated[
    Path, typer.Option("--recipients", help="Public keys, one per line, each below a line `# name`.", metavar="FILE")
]
Tenant = Annotated[str, typer.Option("--tenant", help="metadata.name of the tenant's document.", metavar="NAME")]


@handover.command()
def keygen(
    recipient: Annotated[str, typer.Option("--recipient", help="Whose key it is.", metavar="NAME")],
    file: Annotated[
        Path | None, typer.Option("-o", help="Where the private key goes; default: NAME.agekey.", metavar="FILE")
    ] = None,
) -> None:
    """Make a key pair for a recipient. The private key goes to a new file that only you can read.

    The public key is printed as two lines for the file of recipients: `aftersend handover keygen --recipient anna >>
    recipients.txt`. Two recipients are recommended, so that a lost key loses nothing.
    """
    raise SystemExit(code_of(lambda: lazy.handover.keygen(recipient, file)))


@handover.command()
def fingerprint(recipients: Recipients) -> None:
    """Print five words for the recipients. The page shows the same ones: compare them on the phone."""
    raise SystemExit(code_of(lambda: lazy.handover.show_fingerprint(recipients)))


@handover.command()
def page(
    tenant: Tenant,
    recipients: Recipients,
    target: Annotated[Path, typer.Option("-o", help="Where the page goes.", metavar="FILE")],
    lang: Annotated[Literal["de", "en"], typer.Option(help="Language of the page.")] = "de",
) -> None:
    """Write the page on which the merchant enters credentials: one HTML file that seals them without any network.

    Send it by mail, or serve it by https. The same inputs give the same bytes; their SHA-256 is printed.
    """
    raise SystemExit(code_of(lambda: lazy.handover.make_page(tenant, recipients, lang, target)))


@handover.command("open")
def open_sealed(
    file: Annotated[Path, typer.Argument(help="What the merchant has sent.", metavar="FILE")],
    tenant: Tenant,
    identity: Annotated[Path, typer.Option("--identity", help="Your private key, from keygen.", metavar="FILE")],
    *,
    namespace: Annotated[str, typer.Option("-n", "--namespace", help="Namespace of the Secrets.", metavar="NAME")] = "",
    output: Annotated[
        Literal["secret", "folder"], typer.Option(help="Secrets as YAML, or folders of keys.")
    ] = "secret",
    folder: Annotated[
        Path,
        typer.Option("--secrets-dir", envvar="AFTERSEND_SECRETS_DIR", help="For --output folder.", metavar="DIR"),
    ] = Path("secrets"),
    force: Annotated[bool, typer.Option("--force", help="Accept an old text; replace keys that are there.")] = False,
) -> None:
    """Open what the merchant has sealed: `aftersend handover open mueller.age … | kubectl apply -f -`.

    The text may stand in a mail, quoted or broken into other lines. Another tenant's, an incomplete or a changed text
    is refused, and so is one that is older than 14 days. Keys are never printed on a terminal.
    """
    raise SystemExit(
        code_of(lambda: lazy.handover.open_sealed(file, tenant, identity, namespace, output, folder, force=force))
    )
