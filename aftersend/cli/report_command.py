"""The command ``aftersend report``, with its options and help."""

from typing import Annotated, Literal

import typer

from aftersend.cli import lazy
from aftersend.cli.exit_codes import code_of
from aftersend.cli.options import AsJson, DataDir, TenantFile


def report(
    *,
    since: Annotated[str, typer.Option(help="From the beginning of the day so many days ago; 30d at most.")] = "7d",
    lang: Annotated[Literal["de", "en"], typer.Option(help="Language of text and page.")] = "de",
    format_: Annotated[Literal["text", "html", "json"], typer.Option("--format", help="What to print.")] = "text",
    as_json: AsJson = False,
    file: TenantFile = None,
    data_dir: DataDir,
) -> None:
    """Report to the merchant: what was sent and written back, what waits, and what to do. No personal data."""
    form = "json" if as_json else format_
    raise SystemExit(
        code_of(lambda: lazy.event_loop.run(lazy.merchant_report.report(file, data_dir, since, lang, form)))
    )
