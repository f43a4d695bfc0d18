"""The four conditions of a tenant, from its health: pure.

Ready        every part has a pod that serves, and no fault keeps orders from being carried
Progressing  pods are being made or replaced, or wait for the rollout gate
Degraded     there is a fault, whether it blocks orders or not
Suspended    ``spec.suspend`` is set
"""

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Final, Literal

from aftersend.tenant.status import Condition
from aftersend_operator.manifests.parts import REDIS
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.status.parts import PartState

_MAX_MESSAGE_CHARS: Final = 1000
_RANKS: Final = {reason: rank for rank, reason in enumerate(ConditionReason)}
_UPGRADE_FAILED: Final = (
    "it was ready before the upgrade and did not come up again: roll back the release, or cure what Degraded says"
)


Upgrade = Literal["", "rolls", "failed"]
"""How the upgrade of a tenant goes that was ready before it; empty without one."""


@dataclass(frozen=True, slots=True)
class TenantHealth:
    """What the conditions are derived from."""

    faults: Sequence[Fault] = ()
    available: bool = False
    """Every part has a pod that serves."""
    rolling: bool = False
    """The rollout of a part is not complete."""
    waiting_for: tuple[str, ...] = ()
    """The parts without a pod that serves."""
    waits_for_turn: bool = False
    wave_stopped: str = ""
    """Why no tenant rolls any more; empty if the wave goes on."""
    upgrade: Upgrade = ""
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class ConditionDraft:
    """One condition without generation and timestamp."""

    type: Literal["Ready", "Progressing", "Degraded", "Suspended"]
    reason: ConditionReason
    message: str = ""
    _: KW_ONLY
    holds: bool


def tenant_health(
    parts: Sequence[PartState],
    faults: Iterable[Fault],
    *,
    waits_for_turn: bool,
    suspended: bool,
    wave_stopped: str = "",
    upgrade: Upgrade = "",
) -> TenantHealth:
    """Combine the states of all parts with the faults that come from elsewhere.

    Services report that Redis is unreachable, its own part says why: the cause alone is shown, and before theirs.
    """
    is_explained = any(part.name == REDIS and part.fault and not part.serves for part in parts)
    others = [each for each in faults if not (is_explained and each.reason is ConditionReason.REDIS_UNREACHABLE)]
    return TenantHealth(
        faults=[*others, *(part.fault for part in sorted(parts, key=lambda part: part.name != REDIS) if part.fault)],
        available=bool(parts) and all(part.serves for part in parts),
        rolling=any(not part.complete for part in parts),
        waiting_for=tuple(part.name for part in parts if not part.serves),
        waits_for_turn=waits_for_turn,
        wave_stopped=wave_stopped,
        upgrade=upgrade,
        suspended=suspended,
    )


def condition_drafts(health: TenantHealth) -> tuple[ConditionDraft, ...]:
    """Derive the four conditions."""
    return _ready(health), _progressing(health), _degraded(health), _suspended(health)


def _worst(faults: Sequence[Fault]) -> Fault | None:
    return min(faults, key=lambda fault: _RANKS[fault.reason], default=None)


def _ready(health: TenantHealth) -> ConditionDraft:
    blocking = _worst([fault for fault in health.faults if fault.blocks])
    if blocking is not None:
        return ConditionDraft("Ready", blocking.reason, blocking.message, holds=False)
    if not health.available:
        return ConditionDraft("Ready", ConditionReason.STARTING, _waiting_text(health), holds=False)
    return ConditionDraft("Ready", ConditionReason.RUNNING, holds=True)


def _waiting_text(health: TenantHealth) -> str:
    """Say why pods are not ready if that is known, else which parts are waited for."""
    known = [fault for fault in health.faults if fault.reason is ConditionReason.WORKLOADS_UNAVAILABLE]
    parts = f" of {', '.join(health.waiting_for)}" if health.waiting_for else ""
    return known[0].message if known else f"waiting for pods{parts} to be ready"


def _progressing(health: TenantHealth) -> ConditionDraft:
    if health.upgrade == "failed":
        return ConditionDraft("Progressing", ConditionReason.UPGRADE_FAILED, _UPGRADE_FAILED, holds=True)
    if health.wave_stopped:
        return ConditionDraft("Progressing", ConditionReason.WAVE_STOPPED, health.wave_stopped, holds=True)
    if health.waits_for_turn:
        return ConditionDraft("Progressing", ConditionReason.WAITING_FOR_TURN, "other tenants roll first", holds=True)
    if health.rolling:
        reason = ConditionReason.UPGRADING if health.upgrade else ConditionReason.ROLLING_OUT
        return ConditionDraft("Progressing", reason, "waiting for pods to be replaced", holds=True)
    return ConditionDraft("Progressing", ConditionReason.UP_TO_DATE, holds=False)


def _degraded(health: TenantHealth) -> ConditionDraft:
    worst = _worst(health.faults)
    if worst is None:
        return ConditionDraft("Degraded", ConditionReason.HEALTHY, holds=False)
    return ConditionDraft("Degraded", worst.reason, worst.message, holds=True)


def _suspended(health: TenantHealth) -> ConditionDraft:
    if health.suspended:
        return ConditionDraft(
            "Suspended", ConditionReason.SUSPENDED, "export and write-back are paused; webhooks are stored", holds=True
        )
    return ConditionDraft("Suspended", ConditionReason.ACTIVE, holds=False)


def with_timestamps(draft: ConditionDraft, known: Sequence[Condition], *, generation: int, now: str) -> Condition:
    """Complete a condition; its transition time moves only with its status."""
    status: Literal["True", "False"] = "True" if draft.holds else "False"
    before = next((condition for condition in known if condition.type == draft.type), None)
    return Condition(
        type=draft.type,
        status=status,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and before.status == status else now,
        reason=draft.reason.value,
        message=draft.message
        if len(draft.message) <= _MAX_MESSAGE_CHARS
        else f"{draft.message[: _MAX_MESSAGE_CHARS - 1]}…",
    )


def transitions(before: Sequence[Condition], after: Sequence[Condition]) -> list[Condition]:
    """Return the conditions whose status or reason changed."""
    known = {(condition.type, condition.status, condition.reason) for condition in before}
    return [condition for condition in after if (condition.type, condition.status, condition.reason) not in known]
