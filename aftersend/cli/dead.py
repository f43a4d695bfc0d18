"""``aftersend dead``: list, show, redrive and drop the dead letters of both streams; ids are unique across them."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from aftersend.cli.exit_codes import FAILED, OK, print_error
from aftersend.cli.output import show_json, show_table, show_text
from aftersend.cli.tenant_context import TenantSession, tenant_session
from aftersend.stream.dead_letters import DeadLetters

_DONE: Final = {"dead.redrive": "redriven", "dead.drop": "dropped"}


def _both(tenant: TenantSession) -> list[DeadLetters]:
    return [DeadLetters(tenant.stream("parcels")), DeadLetters(tenant.stream("runs"))]


async def list_all(file: Path | None, data_dir: Path, *, as_json: bool) -> int:
    """Print all dead letters, oldest first."""
    async with tenant_session(file, data_dir) as tenant:
        letters = [letter for stream in _both(tenant) for letter in await stream.list()]
    letters.sort(key=lambda letter: letter.time)
    if as_json:
        show_json(letters)
    else:
        rows = [(one.id, one.type, one.reason, one.error, one.attempts, one.first, one.time) for one in letters]
        show_table(("id", "type", "reason", "error", "attempts", "first", "time"), rows, empty="no dead letters")
    return OK


async def show(file: Path | None, data_dir: Path, name: str, *, as_json: bool) -> int:
    """Print one dead letter without its data; ``FAILED`` if there is none with this id."""
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


async def redrive(file: Path | None, data_dir: Path, ids: Sequence[str] | None, *, as_json: bool) -> int:
    """Put dead letters back on their streams; all of them without ``ids``."""
    wanted = set(ids) if ids else None
    return await _each(
        file, data_dir, ids or (), lambda stream: stream.redrive(wanted), "dead.redrive", as_json=as_json
    )


async def drop(file: Path | None, data_dir: Path, ids: Sequence[str], *, as_json: bool) -> int:
    """Delete dead letters."""
    return await _each(file, data_dir, ids, lambda stream: stream.drop(set(ids)), "dead.drop", as_json=as_json)


async def _each(
    file: Path | None,
    data_dir: Path,
    ids: Sequence[str],
    act: Callable[[DeadLetters], Awaitable[int]],
    action: Literal["dead.redrive", "dead.drop"],
    *,
    as_json: bool,
) -> int:
    async with tenant_session(file, data_dir) as tenant:
        await tenant.record(action)
        count = sum([await act(stream) for stream in _both(tenant)])
    word = _DONE[action]
    show_json({word: count}) if as_json else show_text(f"{count} {word}")
    if count < len(set(ids)):
        print_error(f"{len(set(ids)) - count} of them not found")
        return FAILED
    return OK
