"""The reference of the command line: what ``--help`` of each command prints."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from aftersend.cli.main import app

_WIDTH = 100


def sections() -> str:
    """Render a section for each command, in the order of ``aftersend --help``."""
    root = get_command(app)
    return "\n".join(_sections(root.context_class(root, info_name="aftersend", **_WIDTHS, **root.context_settings)))


_WIDTHS: dict[str, Any] = {"terminal_width": _WIDTH, "max_content_width": _WIDTH}


def _sections(context: Any) -> Iterator[str]:  # noqa: ANN401 - typer's own click has no public types
    command = context.command
    if not hasattr(command, "list_commands"):
        yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
        return
    for word in command.list_commands(context):
        below = command.get_command(context, word)
        yield from _sections(below.context_class(below, info_name=word, parent=context, **_WIDTHS))
