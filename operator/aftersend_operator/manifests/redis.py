"""The managed Redis: one durable server per tenant.

TLS only; users from an ACL file (``redis_acl``); ``appendfsync always``: every write is on disk before it is confirmed;
no eviction. ``maxmemory`` is 60 % of the memory limit: the rest is for connections, and for copy-on-write while the
append-only file is rewritten. A StatefulSet, because two servers must never run on one volume.

The image may be Redis or Valkey, with a shell, the server and the client on its path. The container starts the server
itself, so the image's entry point changes neither users nor files. If the image has a JSON module where the official
ones have it, that one module is loaded, and the ledger stores JSON that can be queried; else plain values. Several
settings must not be left to images: ``save`` (no snapshots), ``protected-mode`` (would refuse every client, because the
user ``default`` has no password; but that user is off) and ``bind``.
"""

from collections.abc import Sequence
from typing import Any, Final

from aftersend.redis.embedded import CLIENT_LIMITS
from aftersend.tenant.quantities import memory_bytes
from aftersend_operator.manifests.config_map import CONFIG_ANNOTATION, content_hash
from aftersend_operator.manifests.generated_secrets import JSON_ACL, PLAIN_ACL
from aftersend_operator.manifests.parts import REDIS
from aftersend_operator.manifests.pods import container_security, pod_frame, pod_template
from aftersend_operator.manifests.redis_acl import PROBE
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.manifests.resources import resources
from aftersend_operator.model.naming import GROUP, Manifest, selector
from aftersend_operator.model.ports import REDIS_PORT

SECRETS_ANNOTATION: Final = f"{GROUP}/redis-secrets"
CONFIG_FILE: Final = "redis.conf"
START_FILE: Final = "start.sh"
JSON_MODULES: Final = ("/usr/local/lib/redis/modules/rejson.so", "/usr/lib/valkey/libjson.so")
"""Where ``redis:8`` and ``valkey-bundle`` have it."""
_CONFIG_DIR: Final = "/etc/redis/config"
_USERS_DIR: Final = "/etc/redis/users"
_TLS_DIR: Final = "/etc/redis/tls"
_DATA_DIR: Final = "/data"
_GRACE_SECONDS: Final = 30
_MEMORY_SHARE: Final = 0.6


def redis_conf(memory_limit: int, *, data: str = _DATA_DIR, tls: str = _TLS_DIR, port: int = REDIS_PORT) -> str:
    """Render redis.conf for a memory limit in bytes."""
    lines = (
        "bind * -::*",
        "protected-mode no",
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {tls}/tls.crt",
        f"tls-key-file {tls}/tls.key",
        f"tls-ca-cert-file {tls}/ca.crt",
        "tls-auth-clients no",
        'tls-protocols "TLSv1.2 TLSv1.3"',
        f"dir {data}",
        "appendonly yes",
        "appendfsync always",
        'save ""',
        f"maxmemory {int(memory_limit * _MEMORY_SHARE)}",
        "maxmemory-policy noeviction",
        *CLIENT_LIMITS,
        "tcp-keepalive 60",
        "loglevel notice",
    )
    return "\n".join(lines) + "\n"


def start_script(*, config: str = _CONFIG_DIR, users: str = _USERS_DIR, modules: Sequence[str] = JSON_MODULES) -> str:
    """Render the container's script: find the server, load a JSON module if present, choose the matching ACL file."""
    return f"""\
set -eu
server=$(command -v redis-server || command -v valkey-server)
for module in {" ".join(modules)}; do
  if [ -r "$module" ]; then
    exec "$server" {config}/{CONFIG_FILE} --aclfile {users}/{JSON_ACL} --loadmodule "$module"
  fi
done
exec "$server" {config}/{CONFIG_FILE} --aclfile {users}/{PLAIN_ACL}
"""


def ping_command(*, tls: str = _TLS_DIR, port: int = REDIS_PORT) -> str:
    """Render the probe: success if the server answers PONG over TLS, not LOADING."""
    client = "$(command -v redis-cli || command -v valkey-cli)"
    user = f"--user {PROBE} --pass any --no-auth-warning"
    return f'test "$({client} --tls --cacert {tls}/ca.crt -h localhost -p {port} {user} ping)" = PONG'


def redis_config_map(context: RenderContext) -> Manifest:
    """Render configuration and start script."""
    return {**context.manifest("v1", "ConfigMap", "redis", part=REDIS), "data": _files(context)}


def redis_stateful_set(context: RenderContext) -> Manifest:
    """Render the server; it restarts when configuration, users or certificate change."""
    annotations = {
        CONFIG_ANNOTATION: content_hash("".join(_files(context).values())),
        SECRETS_ANNOTATION: context.facts.redis_secrets,
    }
    return {
        **context.manifest("apps/v1", "StatefulSet", "redis", part=REDIS),
        "spec": {
            "replicas": 1,
            "podManagementPolicy": "Parallel",  # else a pod that never got ready would block its own repair
            "revisionHistoryLimit": 2,
            "serviceName": context.name("redis"),
            "selector": {"matchLabels": selector(context.tenant, REDIS)},
            "template": pod_template(context, REDIS, _pod(context), annotations),
        },
    }


def _files(context: RenderContext) -> dict[str, str]:
    limit = memory_bytes(resources(context.spec.pods, REDIS)["limits"]["memory"])
    return {CONFIG_FILE: redis_conf(limit), START_FILE: start_script()}


def _pod(context: RenderContext) -> dict[str, Any]:
    return {
        **pod_frame(context, REDIS),
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "containers": [_container(context)],
        "volumes": [
            {"name": "config", "configMap": {"name": context.name("redis")}},
            {"name": "users", "secret": _only(context.name("redis-users"), PLAIN_ACL, JSON_ACL)},
            {"name": "tls", "secret": _only(context.name("redis-tls"), "ca.crt", "tls.crt", "tls.key")},
            {"name": "data", "persistentVolumeClaim": {"claimName": context.name("redis")}},
        ],
    }


def _container(context: RenderContext) -> dict[str, Any]:
    return {
        "name": REDIS,
        "image": context.settings.redis_image,
        "imagePullPolicy": context.settings.image_pull_policy,
        "command": ["sh", f"{_CONFIG_DIR}/{START_FILE}"],
        "workingDir": _DATA_DIR,
        "ports": [{"name": "redis", "containerPort": REDIS_PORT, "protocol": "TCP"}],
        "resources": resources(context.spec.pods, REDIS),
        "securityContext": container_security(),
        "startupProbe": _probe(periodSeconds=2, failureThreshold=300),
        "livenessProbe": _probe(periodSeconds=15, failureThreshold=4),
        "readinessProbe": _probe(periodSeconds=5, failureThreshold=2),
        "volumeMounts": [
            {"name": "config", "mountPath": _CONFIG_DIR, "readOnly": True},
            {"name": "users", "mountPath": _USERS_DIR, "readOnly": True},
            {"name": "tls", "mountPath": _TLS_DIR, "readOnly": True},
            {"name": "data", "mountPath": _DATA_DIR},
        ],
    }


def _probe(**times: int) -> dict[str, Any]:
    """Probe by PING; the startup probe allows minutes, because loading a large append-only file takes them."""
    return {"exec": {"command": ["sh", "-c", ping_command()]}, "timeoutSeconds": 5, **times}


def _only(secret: str, *keys: str) -> dict[str, Any]:
    """Mount these keys of a secret: neither passwords nor the authority's private key."""
    return {"secretName": secret, "defaultMode": 0o440, "items": [{"key": key, "path": key} for key in keys]}
