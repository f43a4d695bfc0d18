"""From what is wrong to the four conditions of a tenant: pure.

Ready        orders can travel: every workload is available and nothing that blocks is wrong
Progressing  something is being changed, or waits for its turn in a rollout
Degraded     something is wrong that a person should know, whether orders travel or not
Suspended    the tenant's own wish
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Final, Literal

from aftersend.tenant.status import Condition
from aftersend_operator.model.reasons import Reason

_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong; ``blocks`` if no order can travel because of it."""

    reason: Reason
    message: str
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a tenant right now."""

    faults: Sequence[Fault] = ()
    available: bool = False
    """Every workload has a pod that serves."""
    rolling: bool = False
    """Some workload has not done yet what its object asks for."""
    waits_for_turn: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition, before it is dated."""

    type: Literal["Ready", "Progressing", "Degraded", "Suspended"]
    reason: Reason
    message: str = ""
    _: KW_ONLY
    holds: bool


def verdicts(picture: Picture) -> tuple[Verdict, ...]:
    """The four conditions."""
    return _ready(picture), _progressing(picture), _degraded(picture), _suspended(picture)


def _worst(faults: Sequence[Fault]) -> Fault | None:
    order = list(Reason)
    return min(faults, key=lambda fault: order.index(fault.reason), default=None)


def _ready(picture: Picture) -> Verdict:
    blocking = _worst([fault for fault in picture.faults if fault.blocks])
    if blocking is not None:
        return Verdict("Ready", blocking.reason, blocking.message, holds=False)
    if not picture.available:
        return Verdict("Ready", Reason.STARTING, "waiting for pods to become ready", holds=False)
    return Verdict("Ready", Reason.RUNNING, holds=True)


def _progressing(picture: Picture) -> Verdict:
    if picture.waits_for_turn:
        return Verdict("Progressing", Reason.WAITING_FOR_TURN, "other tenants roll first", holds=True)
    if picture.rolling:
        return Verdict("Progressing", Reason.ROLLING_OUT, "waiting for pods to be replaced", holds=True)
    return Verdict("Progressing", Reason.UP_TO_DATE, holds=False)


def _degraded(picture: Picture) -> Verdict:
    worst = _worst(picture.faults)
    if worst is None:
        return Verdict("Degraded", Reason.HEALTHY, holds=False)
    return Verdict("Degraded", worst.reason, worst.message, holds=True)


def _suspended(picture: Picture) -> Verdict:
    if picture.suspended:
        return Verdict("Suspended", Reason.SUSPENDED, "export and write-back rest; webhooks are kept", holds=True)
    return Verdict("Suspended", Reason.ACTIVE, holds=False)


def dated(verdict: Verdict, known: Sequence[Condition], *, generation: int, now: str) -> Condition:
    """The condition as it is written: its time moves only when its status does."""
    status: Literal["True", "False"] = "True" if verdict.holds else "False"
    before = next((condition for condition in known if condition.type == verdict.type), None)
    return Condition(
        type=verdict.type,
        status=status,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and before.status == status else now,
        reason=verdict.reason.value,
        message=verdict.message if len(verdict.message) <= _LONGEST else f"{verdict.message[: _LONGEST - 1]}…",
    )


def transitions(before: Sequence[Condition], after: Sequence[Condition]) -> list[Condition]:
    """Conditions whose status or reason is another one than before."""
    known = {(condition.type, condition.status, condition.reason) for condition in before}
    return [condition for condition in after if (condition.type, condition.status, condition.reason) not in known]
