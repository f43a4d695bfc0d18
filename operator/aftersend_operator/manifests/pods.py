"""The pods of all parts: security contexts, environment, volumes, probes, shutdown.

They pass the restricted Pod Security Standard. The file system is read-only but for ``/tmp``, which is memory. Pods
have no API token, and no environment variables of other services.
"""

from typing import Any, Final

import msgspec

from aftersend.settings import UPSTREAM_HOSTS
from aftersend.tenant.pods import Toleration
from aftersend_operator.manifests.parts import (
    BACKUPS_DIR,
    CONFIG_DIR,
    SCRATCH_DIR,
    SECRETS_DIR,
    TENANT_FILE,
    TenantPart,
)
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.manifests.resources import resources
from aftersend_operator.manifests.secret_files import secret_mounts, secret_volumes
from aftersend_operator.model.naming import labels, namespace_of
from aftersend_operator.model.ports import ADMIN_PORT, PUBLIC_PORT, REDIS_PORT

_USER: Final = 10001
GRACE_SECONDS: Final = 30
"""The processes end within 25 seconds of SIGTERM."""
START_SECONDS: Final = 300
"""A start costs a second of a core; on a starved node, where all get 4 % of one together, that is over a minute."""
DRAIN_SECONDS: Final = 10
"""How long the webhook serves after its removal from the endpoints, until every node has seen that."""


def pod_security(*, fixed_user: bool) -> dict[str, Any]:
    """Return the security context of every pod, Redis included; without a fixed user the cluster chooses one."""
    user = {"runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER} if fixed_user else {}
    return {
        "runAsNonRoot": True,
        **user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """Return the security context of every container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def pod_frame(context: RenderContext, part: str) -> dict[str, Any]:
    """Return the fields that all pods of the tenant share, Redis included."""
    frame = {
        "serviceAccountName": context.name(part),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(fixed_user=context.settings.pods.fixed_user),
    }
    pods = context.spec.pods
    placed = {
        "priorityClassName": context.settings.pods.priority_class_name,
        "runtimeClassName": context.settings.pods.runtime_class_name,
        "nodeSelector": pods.node_selector,
        "affinity": context.settings.pods.affinity,
        "tolerations": [_sparse(toleration) for toleration in pods.tolerations],
        "imagePullSecrets": [{"name": secret.name} for secret in pods.image_pull_secrets],
    }
    return {**frame, **{name: value for name, value in placed.items() if value}}


def pod_spec(context: RenderContext, part: TenantPart) -> dict[str, Any]:
    """Render the pod of a part."""
    secrets = secret_volumes(context, part)
    return {
        **pod_frame(context, part.name),
        # The kernel drops SIGTERM for a first process that does not handle it yet: an interpreter that starts.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": GRACE_SECONDS + (DRAIN_SECONDS if part.serves_webhook else 0),
        "containers": [
            {**_container(context, part), "volumeMounts": [*_mounts(context, part), *secret_mounts(secrets)]}
        ],
        "volumes": [*_volumes(context, part), *secrets],
    }


def pod_template(
    context: RenderContext, part: str, spec: dict[str, Any], annotations: dict[str, str]
) -> dict[str, Any]:
    """Wrap a pod in a template with the labels that selectors and policies match."""
    pods = context.spec.pods
    metadata: dict[str, Any] = {"labels": {**pods.labels, **labels(context.tenant, part, context.uid)}}
    if pods.annotations or annotations:
        metadata["annotations"] = {**pods.annotations, **annotations}
    return {"metadata": metadata, "spec": spec}


def keeps_backups(context: RenderContext, part: TenantPart) -> bool:
    """Return True if the part writes backups to the volume."""
    return part.makes_backups and context.spec.backup.target == "volume"


def _sparse(toleration: Toleration) -> dict[str, Any]:
    """Drop null fields, as the API server does."""
    return {name: value for name, value in msgspec.to_builtins(toleration).items() if value is not None}


def _container(context: RenderContext, part: TenantPart) -> dict[str, Any]:
    container = {
        "name": part.name,
        "image": context.settings.service_image,
        "imagePullPolicy": context.settings.image_pull_policy,
        "command": list(part.command),
        "env": _environment(context, part),
        "resources": resources(context.spec.pods, part.name),
        "securityContext": container_security(),
        "terminationMessagePolicy": "File",
    }
    return {**container, **_service(part)} if part.is_service else container


def _service(part: TenantPart) -> dict[str, Any]:
    """Return ports, probes and shutdown of a long-running part."""
    ports = [{"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"}]
    if part.serves_webhook:
        ports.insert(0, {"name": "http", "containerPort": PUBLIC_PORT, "protocol": "TCP"})
    probes = {
        "startupProbe": _probe("/healthz", periodSeconds=2, failureThreshold=START_SECONDS // 2),
        "livenessProbe": _probe("/healthz", periodSeconds=10, failureThreshold=3),
        "readinessProbe": _probe("/readyz", periodSeconds=5, failureThreshold=2),
    }
    drain = {"lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}} if part.serves_webhook else {}
    return {"ports": ports, **probes, **drain}


def _probe(path: str, **times: int) -> dict[str, Any]:
    """Probe with 5 seconds, more than the 3 that ``/readyz`` gives each of its checks."""
    return {"httpGet": {"path": path, "port": "admin"}, "timeoutSeconds": 5, **times}


def _environment(context: RenderContext, part: TenantPart) -> list[dict[str, Any]]:
    values = {
        "AFTERSEND_TENANT_FILE": TENANT_FILE,
        "AFTERSEND_SECRETS_DIR": SECRETS_DIR,
        "AFTERSEND_LOG_FORMAT": "json",
        "HOME": SCRATCH_DIR,  # the image's user has none
    }
    if part.name == "all":
        values |= {"AFTERSEND_ADMIN_LISTEN": f"0.0.0.0:{ADMIN_PORT}", "AFTERSEND_SCHEDULER": "all"}
    if part.makes_backups:
        target = context.spec.backup.target
        values["AFTERSEND_BACKUP_TARGET"] = BACKUPS_DIR if target == "volume" else target
    if context.settings.allow_http:
        values["AFTERSEND_ALLOW_HTTP"] = "1"
    if context.settings.upstream_hosts != UPSTREAM_HOSTS:
        values["AFTERSEND_UPSTREAM_HOSTS"] = ",".join(sorted(context.settings.upstream_hosts))
    values |= dict(context.settings.traces)
    return [*({"name": name, "value": value} for name, value in values.items()), _redis_url(context)]


def _redis_url(context: RenderContext) -> dict[str, Any]:
    name = "AFTERSEND_REDIS_URL"
    if context.is_managed:
        host = f"{context.name('redis')}.{namespace_of(context.tenant)}.svc"
        return {"name": name, "value": f"rediss://{host}:{REDIS_PORT}/0"}
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": context.spec.redis.url_secret_name, "key": "url"}}}


def _volumes(context: RenderContext, part: TenantPart) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": context.name("tenant")}},
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "32Mi"}},
    ]
    if keeps_backups(context, part):
        volumes.append({"name": "backups", "persistentVolumeClaim": {"claimName": context.name("backup")}})
    return volumes


def _mounts(context: RenderContext, part: TenantPart) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
        {"name": "scratch", "mountPath": SCRATCH_DIR},
    ]
    if keeps_backups(context, part):
        mounts.append({"name": "backups", "mountPath": BACKUPS_DIR})
    return mounts
