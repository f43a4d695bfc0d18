"""The operator's runtime: its loops, wired together once.

    kopf's watches, secret watch ──> cache ──> work queue ──> reconciler ──> API server
                                ^   ^                          │
    resync ─────────────────────┘   └─── responses to writes ──┘

The queue starts after every kind was listed once, so that no decision rests on an incomplete cache. An error that ends
one loop ends all of them, and the process.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import kopf

from aftersend.errors import AftersendError, Misconfigured, Transient
from aftersend.loops import every, until_reached
from aftersend.observe.logs import get_logger
from aftersend.observe.throttle import LogThrottle
from aftersend.service.health import Health
from aftersend_operator.api.access import ApiAccess
from aftersend_operator.api.client import Api
from aftersend_operator.informer.cache import Cache
from aftersend_operator.informer.kopf_watch import watch_registry, watch_settings, watched_kinds
from aftersend_operator.informer.list_sync import MAX_SILENCE_SECONDS, ListSync
from aftersend_operator.informer.resync import Resync
from aftersend_operator.informer.secret_watch import SecretWatch
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.model.kinds import CHILDREN, SECRET, TENANT, Kind
from aftersend_operator.model.records import Key
from aftersend_operator.reconcile.apply import ChildApplier
from aftersend_operator.reconcile.events import EventRecorder
from aftersend_operator.reconcile.reconciler import Reconciler
from aftersend_operator.reconcile.repairs import Repairs
from aftersend_operator.reconcile.rollout_gate import RolloutGate
from aftersend_operator.reconcile.secrets import GeneratedSecrets
from aftersend_operator.reconcile.work_queue import WorkQueue
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.address_checks import IngressClasses
from aftersend_operator.status.collector import StatusCollector
from aftersend_operator.status.event_reader import EventReader
from aftersend_operator.status.readyz_client import ReadyzClient

_IDENTITY: Final = "aftersend-operator"
"""Used by kopf's peering only; without one kopf reads the user's name, which user 10001 of an image does not have."""
_QUEUE: Final = "work-queue"
_RESYNC: Final = "resync"
_RETRY_SECONDS: Final = 5.0
_BURST_SECONDS: Final = 0.5
"""How long a change waits for others of its tenant: a rollout makes twenty within a second."""
_MAX_NAMES: Final = 20
_TENANTS_UNKNOWN: Final = "tenants_unknown"
_CURE: Final = "helm upgrade with crds.enabled=true, or: aftersend crd | kubectl apply --server-side -f -"
_KIND_CHECK_SECONDS: Final = 600.0


class OperatorRuntime:
    """The loops of one operator process."""

    def __init__(
        self,
        settings: OperatorSettings,
        *,
        load_access: Callable[[], ApiAccess],
        api: Api,
        metrics: OperatorMetrics,
        health: Health,
    ) -> None:
        self._settings = settings
        self._load_access = load_access
        self._api = api
        self._health = health
        self._cache = Cache(on_change=self._enqueue)
        self._list_sync = ListSync(self._cache, health)
        self._gate = RolloutGate(settings.rollout_at_once, settings.wave_failures)
        self._collector = StatusCollector(self._cache, ReadyzClient())
        self._reconciler = self._make_reconciler(metrics)
        self._queue = WorkQueue[Key](self._reconciler.reconcile, heartbeat=partial(health.heartbeat, _QUEUE))
        self._missing: AftersendError | None = Transient("starting")
        self._log_throttle = LogThrottle()
        self._show(metrics)

    def _make_reconciler(self, metrics: OperatorMetrics) -> Reconciler:
        events = EventRecorder(self._api)
        repairs = Repairs(events)
        return Reconciler(
            settings=self._settings,
            api=self._api,
            cache=self._cache,
            applier=ChildApplier(self._api, self._cache, self._gate, repairs),
            secrets=GeneratedSecrets(self._api, self._cache, repairs),
            repairs=repairs,
            events=events,
            collector=self._collector,
            event_reader=EventReader(self._api),
            ingress_classes=IngressClasses(self._api),
            metrics=metrics,
        )

    def _show(self, metrics: OperatorMetrics) -> None:
        """Show the state of the loops in metrics and at ``/readyz``."""
        foreign, unscraped = self._reconciler.foreign, self._collector.unscraped
        metrics.queue_depth.set_function(lambda: self._queue.depth)
        metrics.tenants.set_function(lambda: len(self._cache.tenants) - len(foreign))
        metrics.wave_stopped.set_function(lambda: self._gate.is_stopped)
        metrics.foreign_tenants.set_function(lambda: len(foreign))
        metrics.unscraped_tenants.set_function(lambda: len(unscraped))
        self._health.set_fact("podMonitors", self._has_pod_monitors)
        self._health.set_fact("unscraped", lambda: sorted(".".join(key) for key in unscraped)[:_MAX_NAMES])
        self._health.add_ready_check("api-server", self._check_served)
        self._health.add_ready_check("lists", self._list_sync.check_complete)

    async def run(self) -> None:
        """Serve until SIGTERM; raise what ended a loop."""
        stop = asyncio.Event()
        optional = await until_reached(self._served_kinds, stop, wait=self._note_missing) or ()
        self._missing = None
        self._reconciler.kinds.update(kind.name for kind in optional)
        kinds = watched_kinds(optional)
        self._list_sync.expect(kinds, self._settings.watch_namespaces)
        # kopf cancels every task that was created after it, so it comes last.
        secrets = (self._watch_secrets(name) for name in self._settings.watch_namespaces or ("",))
        others = (self._work(stop), self._watch_kinds(optional), self._run_resync(kinds, stop), *secrets)
        tasks = [asyncio.create_task(loop) for loop in (*others, self._watch(kinds))]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in done:
            task.result()

    def _enqueue(self, key: Key) -> None:
        self._queue.add(key, _BURST_SECONDS)

    async def _watch(self, kinds: tuple[Kind, ...]) -> None:
        """Run kopf; raise at once what ended one of its tasks, because the others may never end then."""
        others, namespaces = asyncio.all_tasks(), self._settings.watch_namespaces
        tasks = await kopf.spawn_tasks(
            registry=watch_registry(self._cache, kinds, load_access=self._load_access, list_sync=self._list_sync),
            settings=watch_settings(),
            standalone=True,
            identity=_IDENTITY,  # type: ignore[arg-type]
            clusterwide=not namespaces,
            namespaces=namespaces,
        )
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        await kopf.run_tasks(tasks, ignored=others)

    async def _watch_secrets(self, namespace: str) -> None:
        loop = SECRET.path(namespace)
        self._health.register_loop(loop, MAX_SILENCE_SECONDS)
        await SecretWatch(self._api, self._list_sync, namespace, partial(self._health.heartbeat, loop)).run()

    async def _run_resync(self, kinds: tuple[Kind, ...], stop: asyncio.Event) -> None:
        await self._list_sync.complete.wait()
        self._health.register_loop(_RESYNC, MAX_SILENCE_SECONDS)
        scopes = [(kind, name) for kind in kinds for name in self._settings.watch_namespaces or ("",)]
        await Resync(self._api, self._cache, scopes, heartbeat=partial(self._health.heartbeat, _RESYNC)).run(stop)

    async def _work(self, stop: asyncio.Event) -> None:
        await self._list_sync.complete.wait()
        get_logger().info("listed", tenants=len(self._cache.tenants))
        for record in self._cache.tenants.values():
            if self._reconciler.is_served(record):
                self._gate.resume(record, self._cache.children(record.key).values())
        self._health.register_loop(_QUEUE, MAX_SILENCE_SECONDS)
        await self._queue.run(stop)

    def _has_pod_monitors(self) -> bool:
        return self._settings.pod_monitors != "skip" or "PodMonitor" in self._reconciler.kinds

    async def _check_served(self) -> None:
        """Readiness check: raise what is missing until the API server answers and serves tenants."""
        if self._missing is not None:
            raise self._missing

    def _note_missing(self, error: Transient) -> float:
        """Show what the operator waits for, and log it once a minute; return the seconds until it looks again."""
        is_unknown = error.code == _TENANTS_UNKNOWN
        what = f"the API server does not serve {TENANT.plural} of {TENANT.api_version}"
        self._missing = Misconfigured(what, cure=_CURE) if is_unknown else error
        if self._log_throttle.suppressed(is_unknown) is None:
            return _RETRY_SECONDS
        if is_unknown:
            get_logger().warning(_TENANTS_UNKNOWN, cure=_CURE)
        else:
            get_logger().warning("server_away", exc_info=error)
        return _RETRY_SECONDS

    async def _served_kinds(self) -> tuple[Kind, ...]:
        """Return the optional kinds that are served; ``Transient`` without API server or CustomResourceDefinition."""
        if not await self._api.serves(TENANT):
            raise Transient(_TENANTS_UNKNOWN)
        return await self._optional_kinds()

    async def _optional_kinds(self) -> tuple[Kind, ...]:
        found = tuple([kind for kind in CHILDREN if kind.optional and await self._api.serves(kind)])
        known = {kind.name for kind in found}
        if self._settings.pod_monitors == "fail" and "PodMonitor" not in known:
            raise Misconfigured("the cluster has no PodMonitor", cure="install it, or set AFTERSEND_POD_MONITORS=skip")
        return found

    async def _watch_kinds(self, known: tuple[Kind, ...]) -> None:
        """Return when an add-on came or went: watches must be set up anew, which a new process does best."""
        changed = asyncio.Event()

        async def check() -> None:
            if await self._optional_kinds() != known:
                get_logger().info("kinds_changed")
                changed.set()

        await every(_KIND_CHECK_SECONDS, check, changed)
