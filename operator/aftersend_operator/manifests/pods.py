"""The pods of our own parts: security contexts, environment, volumes, probes, the way they end.

Everything passes the restricted Pod Security Standard. The file system is read-only but for ``/tmp``, which is memory.
Pods have no token of the API server, and no environment variables about other services.
"""

from typing import Any, Final

import msgspec

from aftersend.tenant.pods import Toleration
from aftersend_operator.manifests.parts import (
    BACKUPS_DIR,
    CONFIG_DIR,
    SCRATCH_DIR,
    SECRETS_DIR,
    TENANT_FILE,
    Part,
)
from aftersend_operator.manifests.plan import Plan
from aftersend_operator.manifests.resources import resources
from aftersend_operator.manifests.secret_files import secret_mounts, secret_volumes
from aftersend_operator.model.naming import labels, namespace_of

_USER: Final = 10001
PUBLIC_PORT: Final = 8080
ADMIN_PORT: Final = 9090
GRACE_SECONDS: Final = 30
"""Our processes end within 25 seconds."""
DRAIN_SECONDS: Final = 10
"""How long the webhook still answers after it was taken off the list of endpoints, until every node knows that."""


def pod_security() -> dict[str, Any]:
    """Of every pod, Redis included."""
    return {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "fsGroup": _USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """Of every container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def pod_frame(plan: Plan, part: str) -> dict[str, Any]:
    """What every pod of the tenant has in common, Redis included."""
    frame = {
        "serviceAccountName": plan.name(part),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
    }
    pods = plan.spec.pods
    placed = {
        "nodeSelector": pods.node_selector,
        "tolerations": [_sparse(toleration) for toleration in pods.tolerations],
        "imagePullSecrets": [{"name": secret.name} for secret in pods.image_pull_secrets],
    }
    return {**frame, **{name: value for name, value in placed.items() if value}}


def pod_spec(plan: Plan, part: Part) -> dict[str, Any]:
    """The pod of one of our parts."""
    secrets = secret_volumes(plan, part)
    return {
        **pod_frame(plan, part.name),
        "terminationGracePeriodSeconds": GRACE_SECONDS + (DRAIN_SECONDS if part.serves_webhook else 0),
        "containers": [{**_container(plan, part), "volumeMounts": [*_mounts(plan, part), *secret_mounts(secrets)]}],
        "volumes": [*_volumes(plan, part), *secrets],
    }


def pod_template(plan: Plan, part: str, spec: dict[str, Any], annotations: dict[str, str]) -> dict[str, Any]:
    """A template with the labels that selectors, policies and people look for."""
    pods = plan.spec.pods
    metadata: dict[str, Any] = {"labels": {**pods.labels, **labels(plan.tenant, part, plan.uid)}}
    if pods.annotations or annotations:
        metadata["annotations"] = {**pods.annotations, **annotations}
    return {"metadata": metadata, "spec": spec}


def keeps_backups(plan: Plan, part: Part) -> bool:
    """True if the part writes backups to the volume."""
    return part.makes_backups and plan.spec.backup.target == "volume"


def _sparse(toleration: Toleration) -> dict[str, Any]:
    """As a pod spells it: what is null is not there."""
    return {name: value for name, value in msgspec.to_builtins(toleration).items() if value is not None}


def _container(plan: Plan, part: Part) -> dict[str, Any]:
    container = {
        "name": part.name,
        "image": plan.settings.service_image,
        "imagePullPolicy": plan.settings.image_pull_policy,
        "command": list(part.command),
        "env": _environment(plan, part),
        "resources": resources(plan.spec.pods, part.name),
        "securityContext": container_security(),
        "terminationMessagePolicy": "File",
    }
    return {**container, **_service(part)} if part.is_service else container


def _service(part: Part) -> dict[str, Any]:
    """Ports, probes and the end of what runs all the time."""
    ports = [{"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"}]
    if part.serves_webhook:
        ports.insert(0, {"name": "http", "containerPort": PUBLIC_PORT, "protocol": "TCP"})
    probes = {
        "startupProbe": _probe("/healthz", periodSeconds=2, failureThreshold=60),
        "livenessProbe": _probe("/healthz", periodSeconds=10, failureThreshold=3),
        "readinessProbe": _probe("/readyz", periodSeconds=5, failureThreshold=2),
    }
    drain = {"lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}} if part.serves_webhook else {}
    return {"ports": ports, **probes, **drain}


def _probe(path: str, **times: int) -> dict[str, Any]:
    """``/readyz`` gives each of its checks three seconds."""
    return {"httpGet": {"path": path, "port": "admin"}, "timeoutSeconds": 5, **times}


def _environment(plan: Plan, part: Part) -> list[dict[str, Any]]:
    values = {
        "AFTERSEND_TENANT_FILE": TENANT_FILE,
        "AFTERSEND_SECRETS_DIR": SECRETS_DIR,
        "AFTERSEND_LOG_FORMAT": "json",
        "HOME": SCRATCH_DIR,  # the image's user has none
    }
    if part.name == "all":
        values |= {"AFTERSEND_ADMIN_LISTEN": f"0.0.0.0:{ADMIN_PORT}", "AFTERSEND_SCHEDULER": "all"}
    if part.makes_backups:
        target = plan.spec.backup.target
        values["AFTERSEND_BACKUP_TARGET"] = BACKUPS_DIR if target == "volume" else target
    if plan.settings.allow_http:
        values["AFTERSEND_ALLOW_HTTP"] = "1"
    values |= dict(plan.settings.traces)
    return [*({"name": name, "value": value} for name, value in values.items()), _redis_url(plan)]


def _redis_url(plan: Plan) -> dict[str, Any]:
    name = "AFTERSEND_REDIS_URL"
    if plan.is_managed:
        host = f"{plan.name('redis')}.{namespace_of(plan.tenant)}.svc"
        return {"name": name, "value": f"rediss://{host}:6379/0"}
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": plan.spec.redis.url_secret_name, "key": "url"}}}


def _volumes(plan: Plan, part: Part) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": plan.name("tenant")}},
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "32Mi"}},
    ]
    if keeps_backups(plan, part):
        volumes.append({"name": "backups", "persistentVolumeClaim": {"claimName": plan.name("backup")}})
    return volumes


def _mounts(plan: Plan, part: Part) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
        {"name": "scratch", "mountPath": SCRATCH_DIR},
    ]
    if keeps_backups(plan, part):
        mounts.append({"name": "backups", "mountPath": BACKUPS_DIR})
    return mounts
