"""What the operator, people and the release's test may do: all that is needed and nothing more."""

from typing import Any

import pytest

from aftersend_operator.model.kinds import CHILDREN, EVENT, POD, TENANT
from aftersend_operator.status.address_checks import INGRESS_CLASS
from tests.support.chart_kit import Manifest, of_kind, one, render
from tools.test_cluster.cluster import ROOT


def rules(role: Manifest) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def operator() -> set[tuple[str, str, str]]:
    return rules(one(render(), "ClusterRole"))


SETS: list[dict[str, Any]] = [{}, {"watchNamespaces": ["a", "b"]}]


@pytest.mark.parametrize("values", SETS)
def test_no_role_has_a_wildcard(values: dict[str, Any]) -> None:
    manifests = render(values)
    for role in of_kind(manifests, "ClusterRole") + of_kind(manifests, "Role"):
        assert not any("*" in rule for rule in rules(role)), role["metadata"]["name"]
        assert not any("nonResourceURLs" in rule for rule in role["rules"])


def test_the_operator_may_do_what_it_does_and_nothing_more() -> None:
    child = ("get", "list", "watch", "create", "patch", "delete")
    needed = {(kind.group, kind.plural, verb) for kind in CHILDREN for verb in child}
    needed -= {("", "secrets", "delete")}
    needed |= {(kind.group, kind.plural, verb) for kind in (TENANT, POD) for verb in ("list", "watch")}
    needed |= {(EVENT.group, EVENT.plural, verb) for verb in ("create", "list")}
    needed |= {(TENANT.group, "aftersendtenants/status", "patch"), (INGRESS_CLASS.group, INGRESS_CLASS.plural, "list")}
    needed |= {(TENANT.group, "aftersendtenants/finalizers", "update")}
    assert operator() == needed


def test_the_guide_gives_a_reason_for_each_right() -> None:
    guide = (ROOT / "docs/guides/platform.md").read_text().partition("## Rights of the operator")[2].partition("##")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in guide.splitlines() if "| `" in line]
    explained = {
        (name.strip("` "), verb.strip())
        for verbs, names, why in cells
        if why
        for name in names.split(",")
        for verb in verbs.split(",")
    }
    assert explained == {(resource, verb) for _, resource, verb in operator()}


def test_cluster_wide_by_default() -> None:
    manifests = render()
    binding = one(manifests, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == "aftersend"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "aftersend", "namespace": "operators"}]
    assert [role["metadata"]["name"] for role in of_kind(manifests, "Role")] == ["aftersend-test"]


def test_a_list_of_namespaces_gets_a_role_each_and_no_cluster_role() -> None:
    manifests = render({"watchNamespaces": ["a", "b", "a"]})
    roles = [role for role in of_kind(manifests, "Role") if role["metadata"]["name"] == "aftersend"]
    bindings = [each for each in of_kind(manifests, "RoleBinding") if each["metadata"]["name"] == "aftersend"]
    assert [role["metadata"]["namespace"] for role in roles] == ["a", "b"]
    assert [binding["metadata"]["namespace"] for binding in bindings] == ["a", "b"]
    assert all(binding["subjects"][0]["namespace"] == "operators" for binding in bindings)
    assert not of_kind(manifests, "ClusterRoleBinding")
    assert {role["metadata"]["name"] for role in of_kind(manifests, "ClusterRole")} == {
        "aftersend-view",
        "aftersend-edit",
    }


def test_a_role_in_a_namespace_holds_the_same() -> None:
    (role,) = [
        role for role in of_kind(render({"watchNamespaces": ["a"]}), "Role") if role["metadata"]["namespace"] == "a"
    ]
    assert rules(role) == operator()


def test_without_rbac_nothing_is_bound() -> None:
    manifests = render({"rbac": {"create": False, "aggregate": False}})
    assert not of_kind(manifests, "ClusterRole") + of_kind(manifests, "ClusterRoleBinding")


def test_view_edit_and_admin_include_tenants() -> None:
    view, edit = (one(render(), "ClusterRole", name) for name in ("aftersend-view", "aftersend-edit"))
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    into = [{key.removeprefix(prefix) for key in role["metadata"]["labels"] if prefix in key} for role in (view, edit)]
    assert into == [{"view", "edit", "admin"}, {"edit", "admin"}]
    assert {verb for _, _, verb in rules(view)} == {"get", "list", "watch"}
    assert rules(edit) == {
        (TENANT.group, "aftersendtenants", verb) for verb in ("create", "update", "patch", "delete", "deletecollection")
    }


def test_the_service_account_has_no_token_of_its_own_accord() -> None:
    manifests = render()
    assert one(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
    spec = one(manifests, "Deployment")["spec"]["template"]["spec"]
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("aftersend", True)


@pytest.mark.parametrize(
    ("account", "name"),
    [({"name": "mine"}, "mine"), ({"create": False, "name": "mine"}, "mine"), ({"create": False}, "default")],
)
def test_another_service_account(account: dict[str, Any], name: str) -> None:
    manifests = render({"serviceAccount": account})
    assert one(manifests, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == name
    assert one(manifests, "ClusterRoleBinding")["subjects"][0]["name"] == name
    made = [each["metadata"]["name"] for each in of_kind(manifests, "ServiceAccount")]
    assert (name in made) == account.get("create", True)


def test_annotations_of_the_service_account() -> None:
    account = one(render({"serviceAccount": {"annotations": {"a": "b"}}}), "ServiceAccount")
    assert account["metadata"]["annotations"] == {"a": "b"}


def test_the_test_may_only_try_to_create_a_tenant() -> None:
    assert rules(one(render(), "Role", "aftersend-test")) == {(TENANT.group, "aftersendtenants", "create")}
