"""An API server in memory, and one process of the operator beside it: cache, reconciler, gate."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from aftersend_operator.api.client import Api
from aftersend_operator.api.errors import Conflict
from aftersend_operator.api.metadata_list import MetadataList
from aftersend_operator.informer.cache import Cache
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.model.kinds import CHILDREN, SECRET, Kind, kind_of
from aftersend_operator.model.naming import FIELD_MANAGER, MANAGED_BY_LABEL, Manifest
from aftersend_operator.model.records import Key
from aftersend_operator.reconcile.apply import ChildApplier
from aftersend_operator.reconcile.events import EventRecorder
from aftersend_operator.reconcile.reconciler import Reconciler
from aftersend_operator.reconcile.repairs import Repairs
from aftersend_operator.reconcile.rollout_gate import RolloutGate
from aftersend_operator.reconcile.secrets import GeneratedSecrets
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.address_checks import IngressClasses
from aftersend_operator.status.collector import StatusCollector
from aftersend_operator.status.event_reader import EventReader
from tests.support.operator_objects import SETTINGS, live, merchant_secrets, merged, tenant_document

NAMESPACE = "shops"
WORKLOADS = ("Deployment", "StatefulSet")
Place = tuple[Kind, str]
_NEWEST = 10**9


@dataclass
class FakeApi:
    """Objects of one namespace by kind and name; like the server, it writes nothing that is already as applied."""

    objects: dict[Place, Manifest] = field(default_factory=dict)
    events: list[Manifest] = field(default_factory=list)
    spell: Callable[[str], str] = lambda text: text
    """How the server writes what was applied, as JSON."""
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls by verb and kind."""
    on_write: Callable[[Kind, Manifest], None] = lambda _kind, _live: None
    """A watch that is faster than the response."""

    async def get(self, kind: Kind, _namespace: str, name: str) -> Manifest | None:
        self.calls["get", kind.name] += 1
        return self.objects.get((kind, name))

    async def apply(self, manifest: Manifest, *, subresource: str = "", only_new: bool = False) -> Manifest:
        place = _place(manifest)
        self.calls["apply", place[0].name + subresource.capitalize()] += 1
        if only_new and place in self.objects:
            raise Conflict("409 Conflict")
        return self.write(place, {subresource: manifest[subresource]} if subresource else manifest)

    async def create(self, manifest: Manifest) -> Manifest:
        self.calls["create", manifest["kind"]] += 1
        return self.write(_place(manifest), manifest)

    async def patch(self, manifest: Manifest) -> Manifest:
        self.calls["patch", manifest["kind"]] += 1
        return self.write(_place(manifest), manifest)

    async def delete(self, kind: Kind, _namespace: str, name: str, *, uid: str, version: int = 0) -> None:
        self.calls["delete", kind.name] += 1
        assert version <= int(self.objects[kind, name]["metadata"]["resourceVersion"])
        assert self.objects.pop((kind, name))["metadata"]["uid"] == uid

    async def list_metadata(self, kind: Kind, _namespace: str, _chosen: Mapping[str, str]) -> MetadataList:
        return MetadataList(version=_NEWEST, present={("", name): 1 for of, name in self.objects if of == kind})

    async def events_about(self, _namespace: str, uid: str) -> list[Manifest]:
        self.calls["list", "Event"] += 1
        return [event for event in self.events if event["involvedObject"]["uid"] == uid]

    async def post_event(self, event: Manifest) -> None:
        self.calls["create", "Event"] += 1
        self.events.append(event)

    def write(self, place: Place, change: Mapping[str, Any]) -> Manifest:
        """Merge into an object; its version grows if it changes, its generation if its spec does."""
        known = self.objects.get(place, {})
        joined = merged(known, json.loads(self.spell(json.dumps(change))))
        if joined != known:
            metadata = known.get("metadata", {})
            same = {name: metadata[name] for name in ("uid", "creationTimestamp") if name in metadata}
            same.setdefault("creationTimestamp", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
            generation = metadata.get("generation", 0) + (joined.get("spec", 0) != known.get("spec"))
            self.objects[place] = live(joined, generation=generation, **same)
            self.on_write(place[0], self.objects[place])
        return self.objects[place]


class _SilentPods:
    """Pods that report nothing."""

    async def fetch(self, _address: str) -> bytes:
        return b""


@dataclass
class OperatorInMemory:
    """One process of the operator; ``again`` starts the next one on the same objects."""

    api: FakeApi = field(default_factory=FakeApi)
    settings: OperatorSettings = SETTINGS
    due: set[Key] = field(default_factory=set)
    """The tenants that changes have enqueued."""

    def __post_init__(self) -> None:
        api = cast("Api", self.api)
        self.cache = Cache(on_change=self.due.add)
        self.gate = RolloutGate(self.settings.rollout_at_once, self.settings.wave_failures)
        self.metrics = OperatorMetrics()
        events = EventRecorder(api)
        repairs = Repairs(events)
        self.reconciler = Reconciler(
            settings=self.settings,
            api=api,
            cache=self.cache,
            applier=ChildApplier(api, self.cache, self.gate, repairs),
            secrets=GeneratedSecrets(api, self.cache, repairs),
            repairs=repairs,
            events=events,
            collector=StatusCollector(self.cache, cast("Any", _SilentPods())),
            event_reader=EventReader(api),
            ingress_classes=IngressClasses(api),
            metrics=self.metrics,
        )
        self.watch()

    def again(self, **settings: Any) -> "OperatorInMemory":
        """The next process, perhaps of another release."""
        return OperatorInMemory(self.api, replace(self.settings, **settings))

    def resume(self) -> None:
        """Continue what the process before began, as the runtime does before the queue starts."""
        for record in self.cache.tenants.values():
            self.gate.resume(record, self.cache.children(record.key).values())

    def watch(self) -> None:
        """Show everything that the watches have seen by now."""
        for (kind, _), item in self.api.objects.items():
            self.cache.upsert(kind, {"apiVersion": kind.api_version, "kind": kind.name, **item})
        for kind in CHILDREN:
            items = [item for (of, _), item in self.api.objects.items() if of is kind and _is_watched(kind, item)]
            self.cache.replace_all(kind, NAMESPACE, items, version=_NEWEST)

    async def reconcile(self, *names: str) -> None:
        """Reconcile tenants twice, as their own writes cause it."""
        for name in (names or ("mueller",)) * 2:
            self.watch()
            await self.reconciler.reconcile((NAMESPACE, name))
        self.watch()

    async def bring_up(self, *names: str, **spec: Any) -> None:
        """Tenants that run as they should."""
        for name in names or ("mueller",):
            self.apply_tenant(name, **spec)
            await self.reconcile(name)
            self.run_pods(name)
            await self.reconcile(name)
            assert self.reason("Ready", name) == "Running"

    async def work_off(self) -> int:
        """Reconcile what changes have enqueued, as the work queue does; return the number of passes."""
        self.watch()
        passes = 0
        while self.due:
            key = self.due.pop()
            await self.reconciler.reconcile(key)
            passes += 1
        return passes

    # what persons and controllers do

    def apply_tenant(self, name: str = "mueller", **spec: Any) -> None:
        """Apply the document and the secrets that it names."""
        for document in (*merchant_secrets(name, NAMESPACE), tenant_document(name, NAMESPACE, **spec)):
            self.api.write(_place(document), document)

    def edit(self, what: str, change: Mapping[str, Any]) -> None:
        """Merge something into an object, as another hand."""
        self.api.write(self._find(what), change)

    def delete(self, what: str) -> None:
        """Delete an object, as another hand."""
        del self.api.objects[self._find(what)]

    def run_pods(self, name: str = "mueller") -> None:
        """Complete the rollout of each workload of a tenant."""
        for (kind, child), item in list(self.api.objects.items()):
            if kind.name in WORKLOADS and child.startswith(f"aftersend-{name}-"):
                counts = dict.fromkeys(("replicas", "availableReplicas", "updatedReplicas"), 1)
                generation = item["metadata"]["generation"]
                self.api.write(
                    (kind, child), {"status": {**counts, "observedGeneration": generation, "conditions": []}}
                )

    # what is there

    def reason(self, condition: str, name: str = "mueller") -> str:
        """Why a condition is as it is."""
        conditions = self.api.objects[self._find(f"AftersendTenant/{name}")]["status"]["conditions"]
        return str(next(each["reason"] for each in conditions if each["type"] == condition))

    def messages(self, reason: str) -> list[str]:
        """Return the texts of the events of one reason."""
        return [event["message"] for event in self.api.events if event["reason"] == reason]

    def _find(self, what: str) -> Place:
        kind, _, name = what.partition("/")
        return next(place for place in self.api.objects if (place[0].name, place[1]) == (kind, name))


def _place(manifest: Manifest) -> Place:
    return kind_of(manifest), manifest["metadata"]["name"]


def _is_watched(kind: Kind, item: Manifest) -> bool:
    return kind is SECRET or item["metadata"].get("labels", {}).get(MANAGED_BY_LABEL) == FIELD_MANAGER
