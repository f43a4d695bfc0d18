"""Wrong keys are noticed without any run: within a minute of the start, and of a change; right ones cost one call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.circuit_breaker import CircuitBreaker, CircuitState, keep_credentials_checked
from aftersend.errors import CredentialsRefused, Transient
from aftersend.observe.meter import NoMeter
from aftersend.observe.metrics import Metrics
from aftersend.secrets import SecretFiles
from aftersend_exporter.requests.circuits import Circuits
from tests.support.afterbuy_sandbox import SimulatedAccount, shop
from tests.support.stream_kit import TENANT
from tests.support.virtual_time import run

ONE_MINUTE = 60.0


@dataclass
class Hours:
    """Time that passes in steps of those who wait: at some moments something happens, in the end all stops."""

    events: dict[float, Callable[[], None]]
    until: float
    now: float = 0.0

    async def wait(self, _stop: asyncio.Event, seconds: float) -> bool:
        self.now += seconds
        for moment in [moment for moment in self.events if moment <= self.now]:
            self.events.pop(moment)()
        return self.now < self.until


def write(folder: Path, account: SimulatedAccount, *, right: bool) -> None:
    """Put the keys of an account, or wrong ones, where the services read them."""
    keys = account.world.credentials
    folder.mkdir(exist_ok=True)
    (folder / "partnerToken").write_text(keys.partner_token)
    (folder / "accountToken").write_text(keys.account_token if right else "00000000-wrong")


async def test_afterbuy_is_asked_once_after_the_start_and_once_after_a_change(tmp_path: Path) -> None:
    files, states = SecretFiles(tmp_path / "afterbuy"), list[tuple[float, CircuitState]]()
    async with shop() as account, aiohttp.ClientSession() as session:
        write(files.folder, account, right=True)
        hours = Hours({600.0: lambda: write(files.folder, account, right=False)}, until=24 * 3600)
        client = AfterbuyClient(
            session, url=account.url, credentials=lambda: AfterbuyCredentials.read(files), meter=NoMeter()
        )
        breaker = CircuitBreaker(
            "afterbuy",
            client.clock,
            secrets_version=lambda: [files.optional(name) for name in files.names()],
            on_change=lambda state: states.append((hours.now, state)),
            clock=lambda: hours.now,
        )
        await keep_credentials_checked(breaker, asyncio.Event(), wait=hours.wait)
        assert account.calls("GetAfterbuyTime") == 2
    ((at, state),) = states
    assert (state, 600 <= at <= 600 + ONE_MINUTE) == (CircuitState.REFUSED, True)


@dataclass
class Side:
    """An upstream that knows one key."""

    name: str
    file: Path
    answer: Exception | None = None
    calls: list[float] = field(default_factory=list)

    async def call(self) -> None:
        self.calls.append(asyncio.get_running_loop().time())
        if self.answer is not None:
            raise self.answer
        if self.file.read_text() != "right":
            raise CredentialsRefused("refused", upstream=self.name)


@pytest.fixture
def sides(tmp_path: Path) -> dict[str, Side]:
    """Both upstreams, with the right keys."""
    found = {name: Side(name, tmp_path / name / "key") for name in ("afterbuy", "sendcloud")}
    for side in found.values():
        side.file.parent.mkdir()
        side.file.write_text("right")
    return found


def circuits_of(sides: dict[str, Side]) -> Circuits:
    """The circuits of an exporter that has not run yet."""
    return Circuits(
        afterbuy=cast("Any", SimpleNamespace(clock=sides["afterbuy"].call)),
        sendcloud=cast("Any", SimpleNamespace(integrations=sides["sendcloud"].call)),
        secrets=lambda name: SecretFiles(sides[name].file.parent),
        metrics=Metrics(),
        tenant=TENANT,
        clock=lambda: asyncio.get_running_loop().time(),
    )


async def lives(circuits: Circuits, *, seconds: float) -> dict[str, str]:
    """Serve for some time; return the states that the status shows at its end."""
    stop = asyncio.Event()
    keeping = asyncio.create_task(circuits.keep(stop))
    await asyncio.sleep(seconds)
    states = circuits.states()
    stop.set()
    await keeping
    return states


@pytest.mark.parametrize("wrong", ["", "afterbuy", "sendcloud"])
def test_the_status_knows_of_both_keys_a_minute_after_the_start(wrong: str, sides: dict[str, Side]) -> None:
    if wrong:
        sides[wrong].file.write_text("wrong")
    circuits = circuits_of(sides)
    assert run(lives(circuits, seconds=ONE_MINUTE)) == {
        name: "refused" if name == wrong else "ok" for name in ("afterbuy", "sendcloud")
    }
    assert [len(side.calls) for side in sides.values()] == [1, 1]
    assert circuits.closed_for("sweep") is (wrong != "sendcloud")


def test_a_changed_key_is_tried_once_and_a_corrected_one_at_once(sides: dict[str, Side]) -> None:
    circuits, found = circuits_of(sides), list[str]()

    async def changes() -> None:
        keeping = asyncio.create_task(circuits.keep(stop := asyncio.Event()))
        for key in ("right", "wrong", "right"):
            sides["afterbuy"].file.write_text(key)
            await asyncio.sleep(ONE_MINUTE)
            found.append(circuits.states()["afterbuy"])
        stop.set()
        await keeping

    run(changes())
    assert found == ["ok", "refused", "ok"]
    assert [len(side.calls) for side in sides.values()] == [3, 1]


def test_an_upstream_that_does_not_answer_proves_nothing(sides: dict[str, Side]) -> None:
    sides["afterbuy"].answer = Transient("timeout", upstream="afterbuy")
    assert run(lives(circuits_of(sides), seconds=3600)) == {"sendcloud": "ok"}
    assert len(sides["afterbuy"].calls) == 1
