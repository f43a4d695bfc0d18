"""Load tenant documents from files: YAML in, checked ``Tenant`` out, errors that name the path.

Two layers of checks. The model refuses wrong types, patterns and unknown fields. What needs knowledge beyond one field
stands here: schedules that never fire, unknown time zones, fields that exclude each other. Error texts name the field
and the cure but never repeat a value, for a secret may stand where it does not belong.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import yaml
from cronsim import CronSim, CronSimError

from aftersend.errors import Misconfigured
from aftersend.tenant.document import Tenant
from aftersend.tenant.field_names import field_names
from aftersend.tenant.rules import broken_rules

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?:\.)?(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MAX_BYTES = 1024 * 1024
_DEEPEST = 32


def load_tenant(path: Path) -> Tenant:
    """Read one tenant document; raises ``Misconfigured`` that names the file, the field and the cure."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"tenant file {path} cannot be read ({type(error).__name__})", cure="name an existing YAML file"
        ) from None
    return parse_tenant(raw, origin=str(path))


def parse_tenant(raw: bytes, *, origin: str = "tenant document") -> Tenant:
    """Decode and check one YAML document."""
    if len(raw) > _MAX_BYTES:
        raise Misconfigured(f"{origin} is over 1 MiB", cure="a tenant document has a few dozen lines")
    return tenant_of(_parse_yaml(raw, origin), origin=origin)


def tenant_of(document: object, *, origin: str = "tenant document") -> Tenant:
    """Check a document that is read already, such as a custom resource."""
    tenant = _decode(document, origin)
    problems = list(_contradictions(tenant))
    if problems:
        path, cure = problems[0]
        raise Misconfigured(f"{origin} is not usable", path=path, cure=cure)
    return tenant


def _parse_yaml(raw: bytes, origin: str) -> object:
    try:
        return yaml.load(raw, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" near line {mark.line + 1}" if mark else ""
        raise Misconfigured(f"{origin} is not YAML{line}", cure="check indentation, quotes and colons") from None


class _StrictLoader(yaml.SafeLoader):
    """Load YAML without aliases (no bombs), without duplicate keys, and without dates: ``2026-01-01`` stays text.

    Brackets within brackets end at a depth that no tenant document has: thousands of them would take seconds.
    """

    def fetch_flow_collection_start(self, token_class: type) -> None:
        if self.flow_level >= _DEEPEST:
            raise yaml.MarkedYAMLError(problem="too deep", problem_mark=self.get_mark())
        super().fetch_flow_collection_start(token_class)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's signature
    ) -> dict[object, object]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise yaml.MarkedYAMLError(problem="duplicate key", problem_mark=node.start_mark)
        return mapping


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _decode(document: object, origin: str) -> Tenant:
    try:
        return msgspec.convert(_as_the_server_reads(document), Tenant)
    except msgspec.ValidationError as error:
        what, path = _without_values(str(error))
        raise Misconfigured(f"{origin}: {what}", path=path or "the document", cure="see the table of fields") from None


def _as_the_server_reads(value: object) -> object:
    """Read as the API server does: a null in a map counts as absent (an empty section means defaults), 1.0 is 1."""
    if isinstance(value, dict):
        return {key: _as_the_server_reads(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_as_the_server_reads(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_values(message: str) -> tuple[str, str]:
    """Split msgspec's text into what is wrong and where, without what it quotes.

    A wrong value is never repeated. The name of an unknown field is, if it resembles one of ours: ``{a-secret}`` in
    YAML makes a field out of a secret.
    """
    match = _AT.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    if what.startswith("Invalid enum value"):
        what = "not one of the allowed values"
    elif unknown := _UNKNOWN.fullmatch(what):
        meant = get_close_matches(unknown[1], field_names(Tenant), n=1, cutoff=0.75)
        what = f"unknown field `{unknown[1]}`, is {meant[0]} meant?" if meant else "there is an unknown field"
    return what, path


def _contradictions(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Yield (path, cure) for what the schema cannot check; a cluster finds time zone and cron only later."""
    yield from broken_rules(tenant.spec, "spec")
    spec = tenant.spec
    try:
        zone = ZoneInfo(spec.time_zone)
    except (KeyError, ValueError, OSError):
        yield "spec.timeZone", "use an IANA name such as Europe/Berlin"
        return
    for path, schedule in (
        ("spec.export.schedule", spec.export.schedule),
        ("spec.sweep.schedule", spec.sweep.schedule),
        ("spec.backup.schedule", spec.backup.schedule),
    ):
        if not _fires(schedule, zone):
            yield path, "use a schedule that fires some day such as '0 * * * *'"
    if spec.export.window.not_before and not _is_date(spec.export.window.not_before):
        yield "spec.export.window.notBefore", "use a real day as YYYY-MM-DD"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _fires(schedule: str, zone: ZoneInfo) -> bool:
    try:
        return next(CronSim(schedule, datetime.now(UTC).astimezone(zone)), None) is not None
    except (CronSimError, ValueError):
        return False
