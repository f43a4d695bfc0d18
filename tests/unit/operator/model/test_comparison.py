import msgspec
import pytest

from aftersend_operator.model.comparison import DIGEST, content, covers, digest, with_digest
from tests.support.operator_objects import live

WANTED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "namespace": "n", "labels": {"ours": "1"}},
    "spec": {"replicas": 1, "containers": [{"name": "c", "env": []}], "affinity": {}},
}


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 2}, {"a": 1}, False),
        ({}, {"a": 1}, False),
        ({}, {"a": {}}, True),
        ({"a": {"x": 1}}, {"a": {}}, True),
        ({"a": "text"}, {"a": {}}, False),
        ({}, {"a": []}, True),
        ({"a": [1]}, {"a": []}, False),
        ({"a": [{"x": 1, "default": 2}]}, {"a": [{"x": 1}]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": [2, 1]}, {"a": [1, 2]}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": None}, {"a": False}, False),
        (None, {"a": 1}, False),
    ],
)
def test_what_is_wanted_must_stand_there_and_more_may(found: object, wanted: object, *, fits: bool) -> None:
    assert covers(found, wanted) is fits


def test_a_child_as_applied_is_in_order_whatever_the_server_adds() -> None:
    wanted = with_digest(WANTED)
    found = live(wanted, managedFields=[{"manager": "x"}], annotations={**wanted["metadata"]["annotations"], "b": "1"})
    found["spec"] = {**found["spec"], "strategy": {"type": "RollingUpdate"}}
    assert covers(msgspec.json.decode(content(found)), wanted)


def test_a_field_that_is_no_longer_wanted_makes_a_difference_although_it_is_covered() -> None:
    before = with_digest({**WANTED, "spec": {**WANTED["spec"], "hostNetwork": True}})
    assert covers(before["spec"], with_digest(WANTED)["spec"])
    assert not covers(msgspec.json.decode(content(live(before))), with_digest(WANTED))


def test_the_digest_depends_on_nothing_but_the_manifest() -> None:
    again = {key: WANTED[key] for key in reversed(WANTED)}
    assert (
        with_digest(WANTED)["metadata"]["annotations"][DIGEST] == with_digest(again)["metadata"]["annotations"][DIGEST]
    )
    assert digest({"a": 1}) != digest({"a": 2})


def test_content_leaves_out_what_changes_by_itself() -> None:
    first = live({**WANTED, "status": {"replicas": 0}})
    later = live({**WANTED, "status": {"replicas": 1}}, uid=first["metadata"]["uid"])
    assert content(first) == content(later)
    assert content(first) != content({**first, "spec": {"replicas": 2}})
