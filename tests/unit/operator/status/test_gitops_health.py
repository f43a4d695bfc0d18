"""What Argo CD and Flux make of a tenant: the rules of ``examples/``, run against every reason of every condition.

Argo CD runs Lua 5.1. Flux reads CEL: first the generation, then ``inProgress``, ``failed`` and ``current``; an
expression that asks for what is not there is no verdict, so it goes on waiting.
"""

from itertools import takewhile
from pathlib import Path
from typing import Any

import cel
import msgspec
import pytest
import yaml
from lupa import lua51

from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.status.conditions import TenantHealth, condition_drafts, with_timestamps

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
FAULTS = tuple(takewhile(lambda reason: reason is not ConditionReason.RUNNING, ConditionReason))


def runs(**more: Any) -> TenantHealth:
    return TenantHealth(available=True, **more)


STATES: dict[str, tuple[TenantHealth, str, str]] = {
    "serves": (runs(), "Healthy", "Current"),
    "starts": (TenantHealth(waiting_for=("writer",), rolling=True), "Progressing", "InProgress"),
    "has lost its pods": (TenantHealth(waiting_for=("writer",)), "Progressing", "InProgress"),
    "rolls": (runs(rolling=True), "Healthy", "InProgress"),
    "is upgraded": (runs(rolling=True, upgrade="rolls"), "Healthy", "InProgress"),
    "waits for its turn": (runs(waits_for_turn=True), "Healthy", "InProgress"),
    "waits in a wave that stopped": (runs(wave_stopped="two failed"), "Healthy", "InProgress"),
    "did not survive an upgrade": (TenantHealth(upgrade="failed"), "Progressing", "InProgress"),
    "is suspended": (runs(suspended=True), "Suspended", "Current"),
    "is suspended with a fault": (
        runs(suspended=True, faults=[Fault(ConditionReason.BACKUP_FAILED, "volume full", blocks=False)]),
        "Suspended",
        "Failed",
    ),
    **{
        f"{reason} {'blocks' if blocks else 'while orders travel'}": (
            runs(faults=[Fault(reason, "what and how", blocks=blocks)]),
            "Degraded",
            "Failed",
        )
        for reason in FAULTS
        for blocks in (True, False)
    },
}


def tenant(health: TenantHealth, *, generation: int = 3, seen: int = 3) -> dict[str, Any]:
    """The object as the API server holds it."""
    drafts = condition_drafts(health)
    conditions = [with_timestamps(draft, (), generation=seen, now="2026-01-01T00:00:00Z") for draft in drafts]
    status = {"observedGeneration": seen, "conditions": msgspec.to_builtins(conditions)}
    return {"metadata": {"generation": generation}, "spec": {}, "status": status}


def argo(thing: dict[str, Any]) -> dict[str, str]:
    """What the script of the ConfigMap returns."""
    data = yaml.safe_load((EXAMPLES / "argocd/health.yaml").read_text())["data"]
    runtime = lua51.LuaRuntime()
    runtime.globals().obj = runtime.table_from(thing, recursive=True)
    return dict(runtime.execute(data["resource.customizations.health.aftersend.jj-ideenschmiede.de_AftersendTenant"]))


def flux(thing: dict[str, Any]) -> str:
    """The state by the expressions of the Kustomization, in Flux' order."""
    (rules,) = yaml.safe_load((EXAMPLES / "flux/merchants.yaml").read_text())["spec"]["healthCheckExprs"]
    seen = thing.get("status", {}).get("observedGeneration", thing["metadata"]["generation"])
    if seen != thing["metadata"]["generation"]:
        return "InProgress"
    for rule, state in (("inProgress", "InProgress"), ("failed", "Failed"), ("current", "Current")):
        try:
            if cel.evaluate(rules[rule], thing):
                return state
        except (KeyError, RuntimeError):
            return "Unknown"
    return "InProgress"


def test_every_reason_is_tried() -> None:
    assert {draft.reason for health, _, _ in STATES.values() for draft in condition_drafts(health)} == {
        *ConditionReason
    }


@pytest.mark.parametrize("name", STATES)
def test_both_say_of_a_tenant_that_it(name: str) -> None:
    health, of_argo, of_flux = STATES[name]
    assert (argo(tenant(health))["status"], flux(tenant(health))) == (of_argo, of_flux)


def test_argo_shows_the_message_that_cures() -> None:
    broken = runs(faults=[Fault(ConditionReason.SECRET_MISSING, "kubectl create secret …")])
    assert argo(tenant(broken))["message"] == "kubectl create secret …"
    assert argo(tenant(TenantHealth(waiting_for=("writer",))))["message"] == "waiting for pods of writer to be ready"


@pytest.mark.parametrize("health", [runs(), runs(suspended=True), TenantHealth(faults=[Fault(FAULTS[0], "")])])
def test_what_the_operator_has_not_seen_yet_is_no_verdict(health: TenantHealth) -> None:
    stale = tenant(health, generation=4)
    assert (argo(stale)["status"], flux(stale)) == ("Progressing", "InProgress")


@pytest.mark.parametrize(
    ("status", "of_flux"),
    [
        ({}, "Unknown"),
        ({"status": {}}, "InProgress"),
        ({"status": {"conditions": []}}, "InProgress"),
        ({"status": {"servedBy": "a/b"}}, "InProgress"),
    ],
    ids=str,
)
def test_a_tenant_that_no_operator_has_judged_is_waited_for(status: dict[str, Any], of_flux: str) -> None:
    thing = {"metadata": {"generation": 1}, "spec": {}, **status}
    assert (argo(thing)["status"], flux(thing)) == ("Progressing", of_flux)
