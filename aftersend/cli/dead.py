"""``aftersend dead``: events that were given up, and what to do with them.

Both streams are looked at; event ids are unique across them.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftersend.cli.exit_codes import FAILED, OK, print_error, run
from aftersend.cli.options import AsJson, DataDir, TenantFile
from aftersend.cli.output import show_json, show_table, show_text

if TYPE_CHECKING:
    from aftersend.cli.tenant_context import TenantSession
    from aftersend.stream.dead_letters import DeadLetters

app = typer.Typer(help="Events that were given up: list, show, redrive, drop.", no_args_is_help=True)
Ids = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.", metavar="ID…")]


def _both(tenant: "TenantSession") -> "list[DeadLetters]":
    from aftersend.stream.dead_letters import DeadLetters

    return [DeadLetters(tenant.stream("parcels")), DeadLetters(tenant.stream("runs"))]


@app.command("list")
def list_(*, file: TenantFile = None, as_json: AsJson = False, data_dir: DataDir) -> None:
    """List all dead letters, oldest death first."""
    run(_list(file, data_dir, as_json=as_json))


async def _list(file: Path | None, data_dir: Path, *, as_json: bool) -> int:
    from aftersend.cli.tenant_context import tenant_session

    async with tenant_session(file, data_dir) as tenant:
        letters = [letter for stream in _both(tenant) for letter in await stream.list()]
    letters.sort(key=lambda letter: letter.time)
    if as_json:
        show_json(letters)
    else:
        rows = [(one.id, one.type, one.reason, one.error, one.attempts, one.first, one.time) for one in letters]
        show_table(("id", "type", "reason", "error", "attempts", "first", "time"), rows, empty="no dead letters")
    return OK


@app.command()
def show(
    id_: Annotated[str, typer.Argument(help="Id of a dead letter.", metavar="ID")],
    *,
    file: TenantFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Show one dead letter; its sealed data stays sealed."""
    run(_show(file, data_dir, id_, as_json=as_json))


async def _show(file: Path | None, data_dir: Path, name: str, *, as_json: bool) -> int:
    import msgspec

    from aftersend.cli.tenant_context import tenant_session

    async with tenant_session(file, data_dir) as tenant:
        found = [letter for stream in _both(tenant) if (letter := await stream.show(name))]
    if not found:
        print_error(f"no dead letter {name}")
        return FAILED
    if as_json:
        show_json(found[0])
    else:
        show_table(("field", "value"), list(msgspec.structs.asdict(found[0]).items()), empty="")
    return OK


@app.command()
def redrive(
    ids: Ids = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that are dead now.")] = False,
    file: TenantFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Put dead letters back on their stream: attempts start anew."""
    if bool(ids) == every:
        raise typer.BadParameter("name ids, or --all")
    wanted = None if every else set(ids or ())
    run(
        _each(file, data_dir, ids or (), lambda stream: stream.redrive(wanted), "redriven", as_json=as_json),
        sends_events=True,
    )


@app.command()
def drop(
    ids: Annotated[list[str], typer.Argument(help="Ids of dead letters.", metavar="ID…")],
    *,
    file: TenantFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Delete dead letters for good."""
    run(_each(file, data_dir, ids, lambda stream: stream.drop(set(ids)), "dropped", as_json=as_json))


async def _each(
    file: Path | None,
    data_dir: Path,
    ids: Sequence[str],
    act: "Callable[[DeadLetters], Awaitable[int]]",
    word: str,
    *,
    as_json: bool,
) -> int:
    from aftersend.cli.tenant_context import tenant_session

    async with tenant_session(file, data_dir) as tenant:
        count = sum([await act(stream) for stream in _both(tenant)])
    show_json({word: count}) if as_json else show_text(f"{count} {word}")
    if count < len(set(ids)):
        print_error(f"{len(set(ids)) - count} of them not found")
        return FAILED
    return OK
