"""The watch of Secrets: from where it goes on after events, ends and errors, and what it keeps of an object."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aftersend.errors import Transient
from aftersend.service.health import Health
from aftersend_operator.api.errors import ApiRefusal, Expired
from aftersend_operator.api.metadata_list import MetadataList, parse_metadata_event, parse_metadata_list
from aftersend_operator.informer import secret_watch
from aftersend_operator.informer.cache import Cache
from aftersend_operator.informer.list_sync import ListSync
from aftersend_operator.informer.secret_watch import SecretWatch
from aftersend_operator.model.kinds import SECRET
from aftersend_operator.model.naming import Manifest

Step = Callable[[], Any]
VALUE = "c2VjcmV0LXZhbHVl"


class StopError(Exception):
    """The script is over."""


def secret(name: str, version: int) -> Manifest:
    return {"metadata": {"name": name, "namespace": "shops", "resourceVersion": str(version), "uid": name}}


@dataclass
class Server:
    """Lists what is there; each watch gives the next events of the script, and ends by the error behind them."""

    watches: deque[list[Any]]
    there: dict[str, int] = field(default_factory=dict)
    version: int = 10
    calls: list[Any] = field(default_factory=list)

    async def list_metadata(self, _kind: object, _namespace: str, _chosen: object) -> MetadataList:
        self.calls.append("list")
        objects = {("shops", name): secret(name, version) for name, version in self.there.items()}
        return MetadataList({key: self.there[key[1]] for key in objects}, self.version, objects)

    async def watch_metadata(
        self, _kind: object, _namespace: str, _chosen: object, *, version: int, seconds: int
    ) -> AsyncIterator[tuple[str, Manifest]]:
        assert seconds < 60
        self.calls.append(version)
        if not self.watches:
            raise StopError
        for event in self.watches.popleft():
            if isinstance(event, Exception):
                raise event
            yield event


@dataclass
class Watched:
    cache: Cache
    calls: list[Any]
    slept: list[float]
    beats: int


async def run(monkeypatch: pytest.MonkeyPatch, *watches: list[Any], there: dict[str, int] | None = None) -> Watched:
    slept: list[float] = []
    beats: list[int] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(secret_watch.asyncio, "sleep", sleep)
    cache, server = Cache(on_change=lambda _: None), Server(deque(watches), there or {})
    sync = ListSync(cache, Health())
    sync.expect([SECRET], [])
    watch = SecretWatch(server, sync, "", lambda: beats.append(1))  # type: ignore[arg-type]
    with pytest.raises((StopError, ApiRefusal)):
        await watch.run()
    assert sync.complete.is_set()
    return Watched(cache, server.calls, slept, len(beats))


async def test_it_lists_once_and_goes_on_from_events_and_bookmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await run(
        monkeypatch,
        [("ADDED", secret("b", 11)), ("MODIFIED", secret("a", 12))],
        [("BOOKMARK", {"metadata": {"resourceVersion": "40"}}), ("BOOKMARK", {"metadata": {}})],
        [("DELETED", secret("b", 41))],
        there={"a": 3},
    )
    assert found.calls == ["list", 10, 12, 40, 41]
    assert found.cache.secrets == {("shops", "a"): 12}
    assert (found.slept, found.beats) == ([], 4)


async def test_after_an_error_it_goes_on_where_it_was_and_waits_longer_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = Transient("503", upstream="kubernetes")
    later = Transient("429", upstream="kubernetes", retry_after=40)
    found = await run(monkeypatch, [("ADDED", secret("b", 11)), away], [away], [away], [later])
    assert found.calls == ["list", 10, 11, 11, 11, 11]
    assert found.slept == [1.0, 2.0, 4.0, 40]


async def test_a_compacted_version_is_listed_anew_and_what_is_gone_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Expired("410 Expired", upstream="kubernetes")
    found = await run(monkeypatch, [("ADDED", secret("b", 9)), gone], there={"a": 3})
    assert found.calls == ["list", 10, "list", 10]
    assert found.cache.secrets == {("shops", "a"): 3}
    assert found.slept == [1.0]


async def test_a_refusal_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await run(monkeypatch, [ApiRefusal("403 Forbidden", upstream="kubernetes")])
    assert found.slept == []


@pytest.mark.parametrize(("code", "kind"), [(410, Expired), (500, Transient), (403, ApiRefusal)])
def test_an_error_within_the_stream_is_raised(code: int, kind: type[Exception]) -> None:
    line = b'{"type":"ERROR","object":{"kind":"Status","metadata":{},"code":%d,"reason":"Expired"}}' % code
    with pytest.raises(kind):
        parse_metadata_event(line)


def test_nothing_is_kept_that_may_hold_a_value() -> None:
    annotation = f'"annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"{VALUE}"}}'
    metadata = f'"metadata":{{"name":"a","namespace":"n","resourceVersion":"7","labels":{{"x":"y"}},{annotation}}}'
    item = f'{{{metadata},"data":{{"key":"{VALUE}"}}}}'
    listed = parse_metadata_list(f'{{"metadata":{{"resourceVersion":"9"}},"items":[{item}]}}'.encode())
    kind, live = parse_metadata_event(f'{{"type":"ADDED","object":{item}}}'.encode())
    assert listed.objects[("n", "a")] == live
    assert (kind, live["metadata"]["labels"]) == ("ADDED", {"x": "y"})
    assert VALUE not in repr((listed, live))
