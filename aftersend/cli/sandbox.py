"""``aftersend sandbox``: the simulated Afterbuy and Sendcloud, a package of its own with options of its own."""

from importlib.metadata import entry_points

import typer

from aftersend.cli.exit_codes import code_of


def sandbox(context: typer.Context) -> None:
    """Simulated Afterbuy and Sendcloud with a page to click; see `aftersend sandbox --help`."""
    (entry,) = entry_points(group="aftersend.sandbox")
    raise SystemExit(code_of(lambda: entry.load()(context.args)))


sandbox.context_settings = {  # type: ignore[attr-defined]
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
