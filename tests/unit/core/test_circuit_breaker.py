"""The circuit breaker, with a clock in the test's hand."""

import asyncio
import itertools

import pytest

from aftersend.backoff import Backoff
from aftersend.circuit_breaker import CircuitBreaker, CircuitBreakerTiming, CircuitState, keep_credentials_checked
from aftersend.errors import Bug, CredentialsRefused, Later, Misconfigured, Rejected, SecretMissing, Transient
from aftersend.stream.connection_backoff import ConnectionBackoff
from tests.support.virtual_time import run

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
                probes=Backoff(first=5.0, longest=40.0),
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


async def test_probes_come_every_five_seconds_and_after_two_minutes_ever_later_up_to_forty() -> None:
    world = World()
    world.answers = [DOWN] * 30
    world.fail()
    waits = await world.wait()
    assert waits[:20] == pytest.approx([5] * 20, abs=2)
    assert waits[-4:] == pytest.approx([40] * 4, abs=2)
    assert max(waits) <= 42
    assert sorted(waits) == pytest.approx(waits, abs=2)
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


async def flap(world: World, seconds: float) -> list[float]:
    """Open again as soon as a probe has closed it; returns the waits before probes."""
    waits: list[float] = []
    end = world.now + seconds
    while world.now < end:
        world.probed.clear()
        world.fail()
        waits += await world.wait()
    return waits


async def test_an_upstream_that_only_answers_probes_is_left_in_peace() -> None:
    world = World()
    waits = await flap(world, 3600)
    assert waits[:12] == pytest.approx([5] * 12, abs=2)
    assert waits[-50:] == pytest.approx([40] * 50, abs=2)
    world.breaker.record(None)
    world.probed.clear()
    world.fail()
    assert await world.wait() == pytest.approx([5], abs=2)


async def test_an_outage_long_after_the_last_one_is_a_new_one_although_nothing_was_called_between() -> None:
    world = World()
    await flap(world, 600)
    world.now += 3600
    world.fail()
    world.probed.clear()
    assert await world.wait() == pytest.approx([5], abs=2)


async def test_it_is_proven_by_a_call_and_not_by_a_probe() -> None:
    world = World()
    world.fail()
    await world.wait()
    assert (world.breaker.openings, world.breaker.proven) == (1, False)
    world.breaker.record(None)
    assert world.breaker.proven
    world.fail()
    world.breaker.record(None)
    assert (world.breaker.openings, world.breaker.proven) == (2, False)


async def test_a_check_opens_it_if_the_upstream_is_down() -> None:
    """One parcel in a quiet hour has no failures in a row."""
    world = World()
    world.fail(1)
    await world.breaker.check()
    assert not world.breaker.is_open
    world.now += 60
    world.answers = [DOWN]
    await world.breaker.check()
    assert world.breaker.is_open
    assert world.breaker.probe_failed
    await world.breaker.check()
    assert len(world.probed) == 2


async def test_a_check_that_is_refused_opens_it_for_ten_minutes() -> None:
    world = World()
    world.answers = [REFUSED]
    await world.breaker.check()
    assert world.changes == [CircuitState.REFUSED]
    world.probed.clear()
    assert await world.wait() == pytest.approx([600], abs=3)


@pytest.mark.parametrize("answer", [Rejected("not_allowed", upstream="afterbuy"), Bug("odd", upstream="afterbuy")])
async def test_a_refused_check_is_an_answer(answer: Exception) -> None:
    """Probes that Afterbuy refuses must not keep all orders back because one of them fails."""
    world = World()
    world.answers = [answer]
    await world.breaker.check()
    assert not world.breaker.is_open


async def test_checks_of_many_calls_are_one_probe() -> None:
    world = World()
    await asyncio.gather(*(world.breaker.check() for _ in range(8)))
    assert len(world.probed) == 1


@pytest.mark.parametrize(("seconds", "longest"), [(30, 5.1), (1200, 40.1)])
def test_a_probe_that_hangs_is_given_up_and_the_next_one_finds_the_upstream_back(seconds: int, longest: float) -> None:
    """A half-open connection is never answered, not even when its server is back."""

    async def main() -> float:
        clock = asyncio.get_running_loop().time

        async def probe() -> None:
            if clock() < seconds:
                await asyncio.Event().wait()

        breaker = CircuitBreaker("afterbuy", probe, secrets_version=lambda: 0, clock=clock)
        for _ in range(5):
            breaker.record(DOWN)
        await breaker.wait_closed(asyncio.Event())
        return clock()

    assert seconds <= run(main()) <= seconds + longest


@pytest.mark.parametrize("seconds", [1, 8, 30, 90, 119])
def test_a_short_outage_ends_at_most_five_seconds_after_its_cause(seconds: int) -> None:
    for _ in range(20):
        assert seconds <= returned(seconds) <= seconds + 5


@pytest.mark.parametrize("seconds", [130, 1200])
def test_a_longer_outage_ends_at_most_forty_seconds_after_its_cause(seconds: int) -> None:
    for _ in range(5):
        assert seconds <= returned(seconds) <= seconds + 40


def returned(seconds: float) -> float:
    """When the circuit closes in an outage of so many seconds, with the waits of production."""

    async def main() -> float:
        clock = asyncio.get_running_loop().time

        async def probe() -> None:
            if clock() < seconds:
                raise DOWN

        breaker = CircuitBreaker("afterbuy", probe, secrets_version=lambda: 0, clock=clock)
        for _ in range(5):
            breaker.record(DOWN)
        await breaker.wait_closed(asyncio.Event())
        return clock()

    return run(main())


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
    assert all(4 <= timing.probes.delay(1) <= 5 for _ in range(100))
    assert all(32 <= timing.probes.delay(count) <= 40 for count in (4, 5000))


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


SECRETS_MISSING = SecretMissing("no_key", upstream="afterbuy")


@pytest.mark.parametrize(
    ("answer", "opens", "accepted"),
    [
        (None, False, True),
        (REFUSED, True, False),
        (SECRETS_MISSING, True, False),
        (DOWN, False, False),
        (Rejected("x"), False, False),
        (RuntimeError(), False, False),
    ],
)
def test_new_secrets_are_tried_once_and_open_it_only_if_they_are_refused(
    answer: Exception | None, *, opens: bool, accepted: bool
) -> None:
    world = World()
    world.answers = [answer]
    found = [asyncio.run(world.breaker.check_credentials()) for _ in range(3)]
    assert found == [accepted, False, False]
    assert (len(world.probed), world.breaker.is_open) == (1, opens)
    assert world.changes == ([CircuitState.REFUSED] if opens else [])


def test_changed_secrets_are_tried_again_but_not_those_that_a_probe_has_closed_it_with() -> None:
    world = World()
    asyncio.run(world.breaker.check_credentials())
    world.secret, world.answers = "wrong", [REFUSED]
    assert not asyncio.run(world.breaker.check_credentials())
    world.secret = "right"
    asyncio.run(world.wait())
    assert not asyncio.run(world.breaker.check_credentials())
    assert (len(world.probed), world.breaker.is_open) == (3, False)


def test_a_call_that_succeeds_beside_an_open_circuit_makes_it_probe_at_once() -> None:
    world = World()
    world.breaker.record(REFUSED)
    world.breaker.probe_now()
    (waited,) = asyncio.run(world.wait())
    assert waited < 5


def test_secrets_are_tried_seconds_after_start_and_change_at_random_moments() -> None:
    """The right key, a wrong one a minute later, and nothing more for an hour."""
    world, tried = World(), list[float]()

    async def lives() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        async def probe() -> None:
            tried.append(loop.time())
            await world.probe()

        breaker = CircuitBreaker("afterbuy", probe, secrets_version=world.secrets_version, clock=loop.time)
        checking = asyncio.create_task(keep_credentials_checked(breaker, stop))
        await asyncio.sleep(60)
        world.secret, world.answers = "new", [REFUSED]
        await asyncio.sleep(3600)
        stop.set()
        await checking

    run(lives())
    started, changed = tried
    assert 2 <= started <= 12
    assert 60 < changed <= 72
