"""Commands of ``aftersend`` with their arguments and options; help texts may change."""

import argparse
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any, Literal, get_args, get_origin
from unittest import mock

import pytest

from tests.contracts.product import command_line
from tests.support.snapshots import Compare, lines


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The command and all below it, each by the words that call it."""
    yield name, command
    for word in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from commands(command.get_command(None, word), f"{name} {word}")


def described(command: Any) -> Iterator[str]:
    """A row per argument (by position) and option (by its words)."""
    context = command.context_class(command)
    arguments = 0
    for parameter in (each for each in command.get_params(context) if each.name != "help"):
        if parameter.param_type_name == "option":
            words = " ".join(sorted([*parameter.opts, *parameter.secondary_opts]))
        else:
            arguments += 1
            words = f"argument {arguments}"
        yield f"{words}: {', '.join(facts(parameter, context))}"


def facts(parameter: Any, context: Any) -> Iterator[str]:
    yield "flag" if getattr(parameter, "is_flag", False) else type_of(parameter)
    if parameter.required:
        yield "required"
    if parameter.multiple or parameter.nargs == -1:
        yield "repeatable"
    default = parameter.get_default(context, call=False)
    if callable(default):
        yield "default computed"
    elif default is not None and default is not False:
        yield f"default {default!r}"
    if parameter.envvar:
        yield f"variable {parameter.envvar}"


def type_of(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    (each,) = get_args(kind) or (kind,)
    limits = [f" {side} {limit}" for side in ("min", "max") if (limit := getattr(parameter, side)) is not None]
    return "".join([each.__name__.lower(), *limits])


def test_commands_and_their_options(contract: Compare) -> None:
    rows: list[str] = []
    for name, command in commands(command_line(), "aftersend"):
        rows += [name, *(f"{name}  {row}" for row in described(command))]
    contract("command_line.txt", lines(rows))


def test_options_of_the_sandbox(contract: Compare) -> None:
    """It parses its own words, with a parser of the standard library."""
    (entry,) = entry_points(group="aftersend.sandbox")
    serve, rows = entry.load(), []

    def parsed(parser: argparse.ArgumentParser, *_: Any) -> None:
        rows.extend(
            f"aftersend sandbox  {' '.join(sorted(action.option_strings))}: default {action.default!r}"
            for action in parser._actions
            if action.dest != "help"
        )
        raise SystemExit(0)

    with mock.patch.object(argparse.ArgumentParser, "parse_args", parsed), pytest.raises(SystemExit):
        serve([])
    contract("command_line_sandbox.txt", lines(rows))
