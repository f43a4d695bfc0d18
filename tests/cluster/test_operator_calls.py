"""How many calls a tenant costs on a real API server, until it runs and when it is idle, by verb and kind."""

from collections import Counter

from aftersend_operator.model.kinds import CHILDREN, POD, TENANT
from tests.support.cluster.operator_scene import OperatorScene, eventually
from tools.test_cluster.proxy import Call

LISTED = tuple(f"/{kind.plural}" for kind in (TENANT, POD, *CHILDREN))
NAMES = ("mueller", "schmidt", "weber")
MAX_CALLS = 45


def of_tenants(scene: OperatorScene) -> list[Call]:
    """The calls about objects of tenants, which leaves out lists and watches of a whole kind."""
    return [call for call in scene.proxy.calls if any(name in f"{call.path} {call.what}" for name in NAMES)]


def asked_events(scene: OperatorScene) -> list[Call]:
    """The looks for a claim's events: there is no volume here, which a status says after ten seconds."""
    return [call for call in scene.proxy.calls if call.method == "GET" and call.path.endswith("/events")]


def test_a_tenant_costs_one_call_for_each_object_and_few_more_until_it_runs(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    eventually(operator.is_ready, what="the operator")
    scene.proxy.calls.clear()
    for name in NAMES:
        scene.bring_up(name)
    calls = of_tenants(scene)
    by_kind = Counter((call.method, call.path.split("/")[-2]) for call in calls)
    assert len(calls) <= MAX_CALLS * len(NAMES), by_kind
    assert not [call for call in calls if call.method == "GET"], "nothing is read that a watch shows"
    writes = Counter(call.path for call in calls if call.method == "PATCH" and not call.path.endswith("/status"))
    assert set(writes.values()) == {1}, "no child is applied twice"


def test_idle_tenants_cost_no_calls_but_the_lists_of_each_kind(scene: OperatorScene) -> None:
    operator = scene.operator()
    operator.shortened = {"aftersend_operator.informer.resync:INTERVAL_SECONDS": 2.0}
    operator.start()
    for name in NAMES:
        scene.bring_up(name)
    eventually(lambda: len(asked_events(scene)) >= 2 * len(NAMES), what="claims to be asked why they wait")
    eventually(lambda: not operator.metric("aftersend_operator_queue_depth"), what="an idle queue")
    scene.proxy.calls.clear()
    tenants = f"/namespaces/{scene.namespace}/aftersendtenants"
    eventually(lambda: len([call for call in scene.proxy.calls if call.path.endswith(tenants)]) > 3, what="rounds")
    others = [call for call in scene.proxy.calls if not call.path.endswith(LISTED)]
    assert not [call for call in others if "/events" not in call.path], "claims without a volume are asked about"
