"""No content of a secret ends a process: each key of each service missing, empty, blank, not text, or a folder.

Each combination is a tenant of its own. All tenants of a service run in this process, as in ``aftersend up``.
"""

import asyncio
import base64
import dataclasses
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from aftersend.observe.metrics import Metrics
from aftersend.runs import RunRequest, publish
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelEvent
from aftersend.service import run
from aftersend.service.runtime import Part, Runtime, Shared, http_session, runtime_for
from aftersend.settings import read_settings
from aftersend.stream.stream import Stream
from aftersend.tenant.loading import load_tenant
from aftersend_exporter.main import PART as EXPORTER
from aftersend_webhook.main import PART as WEBHOOK
from aftersend_writer.main import PART as WRITER
from tests.support.part_kit import KEY, TENANT, environment
from tests.support.servers import NewServer
from tests.support.stream_kit import until

_POLL: Final = 0.2
"""Dozens of tenants look at the same time."""
PARCEL: Final = ParcelEvent(parcel="1", status=1000, received=1, external_order_id="afterbuy-4711")
PASSWORD: Final = "a-password-of-redis"
GOOD: Final = {
    "afterbuy/partnerToken": "partner",
    "afterbuy/accountToken": "account",
    "afterbuy/partnerId": "4711",
    "sendcloud/publicKey": "public",
    "sendcloud/secretKey": "a-secret-key-of-some-length",
    "sendcloud/webhookSignatureKey": "a-signature-key-of-some-length",
    "redis/username": "default",
    "redis/password": PASSWORD,
    "data-key/20260101": KEY,
    "data-key/fingerprint": base64.b64encode(bytes(32)).decode(),
}
SHARED: Final = ("redis/username", "redis/password", "data-key/20260101")
SERVICES: Final = {
    "exporter": (EXPORTER, [key for key in GOOD if key != "sendcloud/webhookSignatureKey"]),
    "webhook": (WEBHOOK, ["sendcloud/secretKey", "sendcloud/webhookSignatureKey", *SHARED]),
    "writer": (WRITER, [key for key in GOOD if not key.startswith("sendcloud/")]),
}
STATES: Final[dict[str, Callable[[Path], object]]] = {
    "missing": lambda path: path.unlink(missing_ok=True),
    "empty": lambda path: path.write_bytes(b""),
    "blank": lambda path: path.write_bytes(b" \n\t\n"),
    "garbage": lambda path: path.write_bytes(b"\xff\xfe\x00\xf6"),
    "folder": lambda path: path.mkdir(),
}


def good_keyring(folder: Path) -> Keyring:
    """The data keys as they will be after the repair."""
    for key in ("20260101", "fingerprint"):
        (folder / "good").mkdir(exist_ok=True)
        (folder / "good" / key).write_text(GOOD[f"data-key/{key}"])
    return Keyring(SecretFiles(folder / "good"))


def damage(secrets: Path, key: str, state: str) -> None:
    """Fill a folder of secrets, one key of it in this state."""
    for name, value in GOOD.items():
        (secrets / name).parent.mkdir(parents=True, exist_ok=True)
        if name != key:
            (secrets / name).write_text(value)
    STATES[state](secrets / key)


def repair(secrets: Path, key: str) -> None:
    """Put the right value into the key's place."""
    path = secrets / key
    if path.is_dir():
        path.rmdir()
    path.write_text(GOOD[key])


@dataclasses.dataclass
class Served:
    """One tenant whose secrets lack one key."""

    part: Part
    key: str
    state: str
    runtime: Runtime
    redis: Redis
    """A client with the right password."""

    @property
    def streams(self) -> list[Stream]:
        identity, keyring = self.runtime.identity, good_keyring(self.runtime.settings.secrets_dir.parent)
        return [Stream(self.redis, tenant=identity, name=name, keyring=keyring) for name in ("runs", "parcels")]

    @property
    def name(self) -> str:
        return f"{self.key} {self.state}"

    async def walk(self) -> None:
        """Serve with the broken key, with work to do; repair it, serve on, end."""
        runs, parcels = self.streams
        await publish(runs, RunRequest(kind="export"), source="cli")
        await parcels.add("parcel.changed", "sweep", PARCEL)
        serving = asyncio.create_task(run._serve(self.part, self.runtime))
        try:
            await self._reach(serving, named=self._is_named)
            await until(partial(self._has_worked, serving), within=240)
            repair(self.runtime.settings.secrets_dir, self.key)
            await self._reach(serving, named=False)
            assert all(not what for what in (await self.runtime.health.ready()).values()), self.name
        finally:
            self.runtime.stop.set()
        assert await serving == 0, self.name

    @property
    def _is_named(self) -> bool:
        folder, _, key = self.key.partition("/")
        return self.state != "missing" or key in self.part.keys.get(folder, ())

    async def _has_worked(self, serving: "asyncio.Task[int]") -> bool:
        """Whether the consumer has read the entry that waits for it, or was refused by Redis."""
        await asyncio.sleep(_POLL)
        assert not serving.done(), f"{self.name}: {serving.result()}"
        if (await self.runtime.health.ready())["redis"]:
            return self.key.startswith("redis/")
        groups = [await self.redis.xinfo_groups(stream.key) for stream in self.streams]
        return self.part is WEBHOOK or any(group["entries-read"] for found in groups for group in found)

    async def _reach(self, serving: "asyncio.Task[int]", *, named: bool) -> None:
        """Wait until the key is named, or no longer; the loops of the service run meanwhile."""

        async def reached() -> bool:
            await asyncio.sleep(_POLL)
            if serving.done():
                raise AssertionError(f"{self.name}: the process ended with {serving.result()}")
            is_ready = not any((await self.runtime.health.ready()).values())
            return (self.key in self.missing) == named and (is_ready or named or self.state == "missing")

        await until(reached, within=240)

    @property
    def missing(self) -> list[str]:
        found: Any = self.runtime.health.facts.get("missingKeys", [])
        return list(found)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_lives_names_the_key_and_heals(service: str, new_server: NewServer, tmp_path: Path) -> None:
    part, keys = SERVICES[service]
    server = new_server("--requirepass", PASSWORD).start()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_session())
        redis = await stack.enter_async_context(Redis(port=server.port, password=PASSWORD))
        metrics, walks = Metrics(), []
        for number, (key, state) in enumerate(product(keys, STATES)):
            folder = tmp_path / str(number)
            environ = environment(folder, AFTERSEND_REDIS_URL=server.url)
            (folder / "tenant.yaml").write_text(TENANT.replace("mueller,", f"t{number},"))
            shutil.rmtree(folder / "secrets")
            damage(folder / "secrets", key, state)
            runtime = await stack.enter_async_context(
                runtime_for(
                    tenant=load_tenant(folder / "tenant.yaml"),
                    settings=read_settings(environ),
                    shared=Shared(http=http, metrics=metrics),
                    part=part.name,
                )
            )
            walks.append(Served(part, key, state, runtime, redis))
        found = await asyncio.gather(*(walk.walk() for walk in walks), return_exceptions=True)
    assert [f"{walk.name}: {error!r}" for walk, error in zip(walks, found, strict=True) if error] == []
