"""The circuit breaker, with a clock in the test's hand."""

import asyncio
import itertools

import pytest

from aftersend.backoff import Backoff
from aftersend.circuit_breaker import CircuitBreaker, CircuitBreakerTiming, CircuitState
from aftersend.errors import Bug, CredentialsRefused, Later, Misconfigured, Rejected, SecretMissing, Transient
from aftersend.stream.connection_backoff import ConnectionBackoff

DOWN = Transient("down", upstream="afterbuy")
REFUSED = CredentialsRefused("refused", upstream="afterbuy")


class World:
    """Clock, other side and secret of one breaker; ``poll`` makes time pass."""

    def __init__(self, **timing: float) -> None:
        self.now = 0.0
        self.secret: object = "old"
        self.answers: list[Exception | None] = []
        self.probed: list[float] = []
        self.changes: list[CircuitState] = []
        self.breaker = CircuitBreaker(
            "afterbuy",
            self.probe,
            secrets_version=self.secrets_version,
            clock=self.clock,
            on_change=self.changes.append,
            timing=CircuitBreakerTiming(
                poll=0.0,
                probes=Backoff(first=5.0, longest=300.0),
                refused=Backoff(first=600.0, longest=600.0),
                **timing,  # type: ignore[arg-type]
            ),
        )

    def clock(self) -> float:
        self.now += 0.5
        return self.now

    def secrets_version(self) -> object:
        if isinstance(self.secret, Exception):
            raise self.secret
        return self.secret

    async def probe(self) -> None:
        self.probed.append(self.now)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer

    def fail(self, times: int = 5) -> None:
        for _ in range(times):
            self.breaker.record(DOWN)

    async def wait(self) -> list[float]:
        """Wait until it is closed; returns how long it waited before each probe."""
        before = self.now
        await self.breaker.wait_closed(asyncio.Event())
        times = [before, *self.probed]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_several_failures_in_a_row_open_it() -> None:
    world = World()
    world.fail(4)
    assert not world.breaker.is_open
    world.fail(1)
    assert world.breaker.is_open
    assert not world.breaker.probe_failed
    assert world.changes == [CircuitState.OPEN]


def test_a_success_between_starts_the_count_anew() -> None:
    world = World()
    world.fail(4)
    world.breaker.record(None)
    world.fail(4)
    world.breaker.record(Rejected("not_saved", upstream="afterbuy"))
    world.fail(4)
    assert not world.breaker.is_open


def test_failures_far_apart_do_not_open_it() -> None:
    world = World()
    for _ in range(20):
        world.fail(1)
        world.now += 20
    assert not world.breaker.is_open


@pytest.mark.parametrize(
    "error",
    [
        Later("soon", upstream="afterbuy"),
        Transient("redis_unavailable", upstream="redis"),
        CredentialsRefused("refused", upstream="sendcloud"),
        Rejected("no"),
        Bug("bug", upstream="afterbuy"),
        SecretMissing("secret is missing", upstream="sendcloud"),
        SecretMissing("a secret of our own"),
        Misconfigured("no such integration", upstream="afterbuy"),
        ValueError("x"),
    ],
)
def test_other_errors_say_nothing_about_the_other_side(error: Exception) -> None:
    world = World()
    for _ in range(10):
        world.breaker.record(error)
    assert not world.breaker.is_open


@pytest.mark.parametrize(
    "error",
    [
        CredentialsRefused("refused"),
        CredentialsRefused("refused", upstream="afterbuy"),
        SecretMissing("secret is missing", upstream="afterbuy"),
    ],
)
def test_keys_that_are_refused_or_missing_open_it_at_once(error: Exception) -> None:
    world = World()
    world.breaker.record(error)
    assert world.breaker.is_open
    assert world.breaker.probe_failed
    assert world.changes == [CircuitState.REFUSED]


async def test_it_says_anew_why_it_is_open() -> None:
    world = World()
    world.answers = [CredentialsRefused("refused", upstream="afterbuy"), DOWN]
    world.fail()
    await world.wait()
    assert world.changes == [CircuitState.OPEN, CircuitState.REFUSED, CircuitState.OPEN, CircuitState.CLOSED]


async def test_probes_come_after_five_seconds_and_then_ever_later_up_to_five_minutes() -> None:
    world = World()
    world.answers = [DOWN] * 8
    world.fail()
    waits = await world.wait()
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 300, 300, 300], abs=2)
    assert not world.breaker.is_open
    assert not world.breaker.probe_failed
    assert world.changes == [CircuitState.OPEN, CircuitState.CLOSED]


async def test_only_a_failed_probe_makes_it_an_outage() -> None:
    world = World()
    world.fail()
    await world.wait()
    assert len(world.probed) == 1
    world.answers = [DOWN]
    world.fail()
    task = asyncio.create_task(world.breaker.wait_closed(asyncio.Event()))
    while len(world.probed) < 2:
        await asyncio.sleep(0)
    assert world.breaker.probe_failed
    await task


async def test_waits_go_on_growing_until_something_succeeds() -> None:
    world = World()
    waits = []
    for _ in range(3):
        world.fail()
        waits.append((await world.wait())[-1] if len(world.probed) == 0 else 0.0)
        world.probed.clear()
    assert waits == pytest.approx([5, 10, 20], abs=2)
    world.breaker.record(None)
    world.fail()
    assert await world.wait() == pytest.approx([5], abs=2)


@pytest.mark.parametrize("answer", [REFUSED, SecretMissing("secret is missing")])
async def test_refused_credentials_are_probed_every_ten_minutes(answer: Exception) -> None:
    world = World()
    world.answers = [answer, answer]
    world.breaker.record(REFUSED)
    assert await world.wait() == pytest.approx([600, 600, 600], abs=2)


async def test_refused_while_open_waits_longer() -> None:
    world = World()
    world.fail()
    world.breaker.record(REFUSED)
    assert await world.wait() == pytest.approx([600], abs=3)


async def test_a_changed_secret_is_tried_at_once() -> None:
    world = World()
    world.breaker.record(REFUSED)
    world.secret = "new"
    assert await world.wait() == pytest.approx([0], abs=2)


async def test_each_change_is_tried_once() -> None:
    world = World()
    world.answers = [REFUSED, None]
    world.breaker.record(REFUSED)
    world.secret = Misconfigured("unreadable")
    assert await world.wait() == pytest.approx([0, 600], abs=3)


async def test_it_stops_waiting_when_stopped() -> None:
    world = World()
    world.fail()
    stop = asyncio.Event()
    stop.set()
    await world.breaker.wait_closed(stop)
    assert world.breaker.is_open
    assert world.probed == []


async def test_whatever_a_probe_raises_it_goes_on() -> None:
    world = World()
    world.answers = [ValueError("odd"), OSError(), None]
    world.fail()
    await world.wait()
    assert not world.breaker.is_open


async def test_nothing_to_wait_for_when_closed() -> None:
    world = World()
    await world.breaker.wait_closed(asyncio.Event())
    assert world.probed == []


def test_each_loop_waits_longer_after_each_failure_with_jitter_and_at_most_five_seconds() -> None:
    backoff = ConnectionBackoff()
    waits = {loop: [backoff.failed(loop, "redis_unavailable") for _ in range(50)] for loop in ("read", "renew")}
    for first, *_, last in waits.values():
        assert 0.1 <= first <= 0.2
        assert 2.5 <= last <= 5.0


async def test_refused_credentials_are_probed_every_ten_minutes_with_jitter() -> None:
    timing = CircuitBreakerTiming()
    assert all(600 <= timing.refused.delay(1) <= 720 for _ in range(100))
    assert all(300 <= timing.probes.delay(count) <= 360 for count in (7, 5000))


def test_redis_lost_and_back_is_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    backoff = ConnectionBackoff(stream="parcels")
    for loop in ("read", "reclaim", "read"):
        backoff.failed(loop, "redis_unavailable")
    backoff.succeeded("promote")
    backoff.succeeded("read")
    backoff.succeeded("reclaim")
    backoff.succeeded("read")
    lines = capsys.readouterr().out.splitlines()
    assert [next(word for word in ("redis_lost", "redis_back") if word in line) for line in lines] == [
        "redis_lost",
        "redis_back",
    ]
