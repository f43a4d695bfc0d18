"""``aftersend``: the console script, and the list of commands."""

import sys
from typing import Annotated

import typer

from aftersend import __version__
from aftersend.cli import commands
from aftersend.cli.exit_codes import code_of
from aftersend.cli.handover_commands import handover
from aftersend.cli.key_commands import keys
from aftersend.cli.privacy_commands import audit, forget
from aftersend.cli.report_command import report

app = typer.Typer(
    help="Carries orders from Afterbuy to Sendcloud and brings the parcel numbers back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(commands.demo)
app.command(context_settings=commands.PASS_THROUGH)(commands.sandbox)
for command in (commands.up, commands.setup, commands.check, commands.trigger, commands.orders):
    app.command()(command)
app.command()(report)
app.command()(forget)
app.command()(audit)
app.command()(commands.crd)
app.add_typer(commands.dead, name="dead")
app.add_typer(commands.backup, name="backup")
app.add_typer(keys, name="keys")
app.add_typer(handover, name="handover")


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"aftersend {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Carries orders from Afterbuy to Sendcloud and brings the parcel numbers back."""


def main() -> None:
    """Run the console script."""
    raise SystemExit(code_of(_call))


def _call() -> int:
    result = app(standalone_mode=True)
    return result if isinstance(result, int) else 0
