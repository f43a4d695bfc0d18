"""What a gateway's controller says of a route."""

from typing import Any

import pytest

from aftersend_operator.model.routes import Route, route_of

CREATED = "2026-11-26T10:00:00Z"
AT = 1795687200.0


def said(kind: str, status: str, *, seen: int = 2, message: str = "no listener") -> dict[str, Any]:
    return {"type": kind, "status": status, "observedGeneration": seen, "reason": "Why", "message": message}


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ([], Route(AT)),
        ([[said("Accepted", "True"), said("ResolvedRefs", "True")]], Route(AT, accepted=True)),
        ([[said("Accepted", "False")]], Route(AT, refusal="no listener")),
        ([[said("Accepted", "True"), said("ResolvedRefs", "False")]], Route(AT, refusal="no listener")),
        ([[said("Accepted", "False", message="")]], Route(AT, refusal="Why")),
        ([[said("Accepted", "False", message="a\nb")]], Route(AT, refusal="a")),
        ([[said("Accepted", "False", seen=1)]], Route(AT, accepted=True)),
        ([[said("Accepted", "Unknown")]], Route(AT, accepted=True)),
        ([[said("Accepted", "False")], [said("Accepted", "True")]], Route(AT, accepted=True, refusal="no listener")),
        ([[]], Route(AT, accepted=True)),
    ],
)
def test_a_route_is_served_when_one_gateway_has_taken_it(parents: list[list[Any]], expected: Route) -> None:
    status = {"parents": [{"controllerName": "x", "conditions": conditions} for conditions in parents]}
    live = {"kind": "HTTPRoute", "metadata": {"generation": 2, "creationTimestamp": CREATED}, "status": status}
    assert route_of(live) == expected
    assert route_of({**live, "kind": "Ingress"}) is None


def test_a_route_without_status_waits() -> None:
    assert route_of({"kind": "HTTPRoute", "metadata": {"creationTimestamp": CREATED}}) == Route(AT)
