"""``kubectl aftersend status TENANT``: everything of one tenant on one screen: pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from aftersend_kubectl.rows import age, cure_of
from aftersend_kubectl.tenants import TenantView


def details(tenant: TenantView, parts: Mapping[str, str], now: datetime) -> Iterator[str]:
    """Yield the lines; ``parts`` says how many pods of each part serve."""
    yield f"{tenant.namespace}/{tenant.name}"
    for name, text in _facts(tenant, parts, now):
        if text:
            yield f"  {name:<13}{text}"
    if cure := cure_of(tenant):
        yield f"  {'what to do':<13}{cure}"


def _facts(tenant: TenantView, parts: Mapping[str, str], now: datetime) -> Iterator[tuple[str, str]]:
    status = tenant.status
    for kind in ("Ready", "Progressing", "Degraded"):
        condition = tenant.condition(kind)
        since = age(condition.last_transition_time, now) or "–"
        yield kind.lower(), f"{condition.status}  {condition.reason}, since {since}"
    yield "suspended", "yes: nothing goes out, the webhook goes on storing" if tenant.spec.suspend else ""
    yield "parts", "  ".join(f"{part} {serving}" for part, serving in parts.items()) or "none"
    yield "export", _export(tenant, now)
    sweep, back, backup = status.last_sweep, status.last_write_back, status.last_backup
    yield "sweep", f"{sweep.outcome or '–'} {age(sweep.time, now)} ago" if sweep else "never"
    yield "write-back", f"{age(back.time, now)} ago" if back else "never"
    verified = {True: ", verified", False: ", NOT verified", None: ""}[backup.verified] if backup else ""
    yield "backup", f"{backup.outcome or '–'} {age(backup.time, now)} ago{verified}" if backup else "never"
    yield "queues", "  ".join(f"{name}: {_queue(queue)}" for name, queue in (status.queues or {}).items())
    yield "problems", _counts(status.problems)
    yield "notices", _counts(status.notices)
    yield "webhook", status.webhook_url or ""
    yield "version", status.version or ""
    yield "served by", status.served_by or ""


def _export(tenant: TenantView, now: datetime) -> str:
    last = tenant.status.last_export
    if not last:
        return "never"
    names = ("read", "sent", "unchanged", "skipped", "rejected")
    counts = ", ".join(f"{name} {getattr(last, name) or 0}" for name in names)
    return f"{last.outcome or '–'} {age(last.time, now)} ago: {counts}" + (f" – {last.message}" if last.message else "")


def _queue(queue: object) -> str:
    return ", ".join(f"{getattr(queue, name) or 0} {name}" for name in ("waiting", "delayed", "dead"))


def _counts(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted((counts or {}).items()))
