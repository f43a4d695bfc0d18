"""What ``--json`` prints: names and types, from commands that talk to a tenant that is served."""

import json
from typing import Any

from tests.contracts.served_tenant import ServedTenant, until
from tests.support.snapshots import Compare, as_yaml

DEAD = "018f0000-0000-7000-8000-00000000000"
CALLS = (
    *(
        "check",
        "setup --dry-run",
        "setup",
        "setup --yes",
        "trigger sweep",
        "trigger sweep --wait",
        "trigger export --wait",
        "trigger export --dry-run",
        "trigger export --wait --timeout 0",
    ),
    *(
        "orders",
        "orders --problems",
        "orders 1",
        "orders 1 --all",
        "orders ORDER --all",
        "report",
        "report --since 31d",
    ),
    *("dead list", f"dead show {DEAD}0", "dead show x"),
    *(f"dead redrive {DEAD}0", f"dead drop {DEAD}1", "dead drop x"),
    *("backup create", "backup list", "backup verify", "backup verify x", "backup restore --yes"),
    *("backup restore --live --yes", "keys export --yes", "keys export", "keys new", "keys reseal"),
    *("forget --order 1", "forget --order ORDER", "forget --tenant --yes", "audit"),
)
"""In this order: later ones change what is there."""
MAPS = ("skipped", "problems", "notices", "keys export --yes")
"""Names in these are data."""


def shape(value: Any, name: str = "") -> Any:
    """The value with types in the place of values; elements of a list are one shape."""
    match value:
        case dict() if name in MAPS:
            return {"<name>": merged([shape(each) for each in value.values()])} if value else {}
        case dict():
            return {key: shape(each, key) for key, each in value.items()}
        case list():
            return [merged([shape(each) for each in value])] if value else []
        case bool() | None:
            return json.dumps(value) if value is None else "bool"
        case _:
            return type(value).__name__


def merged(shapes: list[Any]) -> Any:
    """One shape for all; where they differ, each of them."""
    different = [each for index, each in enumerate(shapes) if each not in shapes[:index]]
    if len(different) == 1:
        return different[0]
    if all(isinstance(each, dict) for each in different):
        names = sorted({name for each in different for name in each})
        return {name: merged([each.get(name, "absent") for each in different]) for name in names}
    if all(isinstance(each, list) for each in different):
        return [merged([below for each in different for below in each])]
    return {"one of": sorted(different, key=str)}


def first_order(tenant: ServedTenant) -> str:
    """An order with a label."""
    return next(order["order"] for order in tenant.json("orders") if order["state"] == "labelled")


def call(tenant: ServedTenant, words: str) -> tuple[int, str]:
    """A command to its end. Resealing is repeated while an event is in flight, as its message says."""
    if words == "setup --dry-run":
        tenant.control("settings", {"webhook_url": ""})  # so that there is something to change
    if words != "keys reseal":
        order = first_order(tenant) if "ORDER" in words else ""
        return tenant.call(*words.replace("ORDER", order).split())
    done: tuple[int, str] = until(lambda: (answer := tenant.call("keys", "reseal"))[0] == 0 and answer)
    return done


def test_shapes_and_exit_codes(tenant: ServedTenant, contract: Compare) -> None:
    found = {}
    for words in CALLS:
        code, out = call(tenant, words)
        found[words] = {"exit code": code, "prints": shape(json.loads(out), words) if out else "nothing"}
    (tenant.folder / "secrets" / "afterbuy" / "accountToken").write_text("revoked")
    found["trigger export --wait, Afterbuy refuses the tokens"] = {
        "exit code": tenant.call("trigger", "export", "--wait")[0]
    }
    contract("json.yaml", as_yaml(found))
