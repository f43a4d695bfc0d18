"""What the operator sees of Secrets on a real API server: that they are there, and never what is in them."""

import base64
import json
import shlex
from typing import Any

import pytest

from aftersend_operator.status.secret_commands import set_keys
from tests.support.cluster.operator_scene import CANARY, OperatorScene, eventually
from tools.test_cluster.cluster import Cluster

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
VALUE = base64.b64encode(CANARY.encode()).decode()


def secret_calls(scene: OperatorScene) -> list[str]:
    return [call.path for call in scene.proxy.calls if call.path.endswith("/secrets")]


def foreign(scene: OperatorScene, name: str, **metadata: Any) -> dict[str, Any]:
    about = {"name": name, "namespace": scene.namespace, **metadata}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": {"password": VALUE}}


def test_values_of_foreign_secrets_are_never_sent_to_the_operator(scene: OperatorScene) -> None:
    copied = json.dumps({"data": {"password": VALUE}})
    taken = f"aftersend-{NAME}-redis-users"
    scene.kube.apply(foreign(scene, "of-another-team"), foreign(scene, taken))
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant(webhook={"host": "hooks.example.com", "tlsSecretName": "of-another-team"})
    eventually(lambda: scene.reason() == "NotOurs", what="the name that is taken")
    scene.delete(f"secret/{taken}")
    eventually(scene.settled, what="the children")
    scene.kube.apply(foreign(scene, "of-another-team", labels={"changed": "yes"}))
    scene.delete(f"secret/{NAME}-afterbuy")
    eventually(lambda: scene.reason() == "SecretMissing", what="the loss")
    scene.apply_secrets()
    eventually(lambda: scene.reason() == "Starting", what="it to heal")
    assert secret_calls(scene), "the proxy saw how Secrets are read"
    assert scene.proxy.leaks == []
    scene.kube.apply(foreign(scene, "copied", annotations={"kubectl.kubernetes.io/last-applied-configuration": copied}))
    eventually(lambda: scene.proxy.leaks, what="the value that kubectl copied into metadata: what no right can hide")
    scene.proxy.leaks.clear()


def test_a_secret_watch_that_is_blind_or_compacted_sees_again(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    scene.proxy.deafen_watches("/secrets")
    scene.delete(f"secret/{NAME}-sendcloud")
    eventually(lambda: not scene.exists(f"secret/{NAME}-sendcloud"), what="it to be gone")
    scene.proxy.fail(410, path="secrets.*watch=true", in_stream=True)
    scene.proxy.cut_watches()
    eventually(lambda: scene.reason() == "SecretMissing", what="the new list to show it")
    for status in (500, 429):
        scene.proxy.fail(status, path="secrets.*watch=true")
    scene.proxy.cut_watches()
    scene.apply_secrets()
    eventually(scene.is_running, what="the secret to be seen")


@pytest.mark.parametrize("made", ["create", "apply", "apply --server-side"])
def test_the_cure_of_a_wrong_key_leaves_the_others(api_cluster: Cluster, made: str) -> None:
    """However the Secret was made: ``apply`` of two keys would take away the third."""
    namespace = api_cluster.make_namespace("keys")
    about = {"name": f"{NAME}-sendcloud", "namespace": namespace}
    keys = dict.fromkeys(("publicKey", "secretKey", "webhookSignatureKey"), "wrong")
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": keys}
    api_cluster.kubectl(*made.split(), "--filename=-", text=json.dumps(document))
    command = set_keys(namespace, about["name"], ("publicKey", "secretKey")).replace("…", "right")
    api_cluster.kubectl(*shlex.split(command)[1:])
    found = api_cluster.get("secret", about["name"], f"--namespace={namespace}")
    values = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
    assert values == {"publicKey": "right", "secretKey": "right", "webhookSignatureKey": "wrong"}
    assert base64.b64encode(b"right").decode() not in json.dumps(found["metadata"])
