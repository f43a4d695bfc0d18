"""``aftersend``: the list of commands. What a command needs is imported when it runs, so that help is quick."""

import sys
from typing import Annotated

import typer

from aftersend import __version__
from aftersend.cli import backup, check, crd, dead, demo, keys, orders, sandbox, trigger, up
from aftersend.cli.exit_codes import code_of

app = typer.Typer(
    help="Carries orders from Afterbuy to Sendcloud and brings the parcel numbers back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo.demo, sandbox.sandbox, up.up, check.check, trigger.trigger, orders.orders, crd.crd):
    app.command(context_settings=getattr(command, "context_settings", None))(command)
app.add_typer(dead.app, name="dead")
app.add_typer(backup.app, name="backup")
app.add_typer(keys.app, name="keys")


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"aftersend {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Carries orders from Afterbuy to Sendcloud and brings the parcel numbers back."""


def main() -> None:
    """Entry point of the console script."""
    raise SystemExit(code_of(_call))


def _call() -> int:
    result = app(standalone_mode=True)
    return result if isinstance(result, int) else 0
