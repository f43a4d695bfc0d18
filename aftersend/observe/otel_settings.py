"""Validation of the standard ``OTEL_*`` variables.

The SDK reads them itself, but answers a wrong value with a default, a traceback or silence. Here every variable that
matters has a rule, and a service with a wrong one ends at its start. Values are never quoted: headers hold secrets.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aftersend.observe.logs import get_logger

Rule = tuple[Callable[[str], bool], str]
_PAIRS: Final = "name=value,name=value"
_GRPC_CURE: Final = "use http/protobuf and the collector's port for HTTP (4318)"
_SAMPLERS: Final = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)


def sampling_ratio(environ: Mapping[str, str]) -> float | None:
    """Return the share of new traces that the SDK's sampler records; None if it is not parent-based."""
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    if not name.startswith("parentbased_"):
        return None
    if name == "parentbased_traceidratio":
        return float(environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or 1)
    return 1.0 if name == "parentbased_always_on" else 0.0


def setting_errors(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong, one clause per variable; empty if the SDK may start."""
    wrong = [
        f"{name} is wrong: use {cure}"
        for name, (is_right, cure) in _RULES.items()
        if environ.get(name, "").strip() and not is_right(environ[name].strip())
    ]
    if not wrong and _count(environ, "MAX_EXPORT_BATCH_SIZE", "512") > _count(environ, "MAX_QUEUE_SIZE", "2048"):
        wrong.append("OTEL_BSP_MAX_EXPORT_BATCH_SIZE is wrong: use at most OTEL_BSP_MAX_QUEUE_SIZE")
    return wrong


def exporter_setting(environ: Mapping[str, str], name: str) -> str:
    """Return a setting of the exporter: that for traces before that for all signals; empty if neither is set."""
    return (environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or environ.get(f"OTEL_EXPORTER_OTLP_{name}", "")).strip()


def grpc_refused(environ: Mapping[str, str]) -> bool:
    """Return True, and log one warning, if the protocol for traces is gRPC, which is not supported."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    setting = next((name for name in names if environ.get(name, "").strip()), "")
    if environ.get(setting, "").strip().lower() != "grpc":
        return False
    get_logger().warning("traces_off", setting=setting, reason="grpc is not supported", cure=_GRPC_CURE)
    return True


def _count(environ: Mapping[str, str], name: str, default: str) -> int:
    return int(environ.get(f"OTEL_BSP_{name}", "").strip() or default)


def _one_of(*words: str) -> Rule:
    return lambda text: text.lower() in words, f"one of {', '.join(words)}"


def _number(least: float, most: float, cure: str, kind: Callable[[str], float] = float) -> Rule:
    def is_right(text: str) -> bool:
        try:
            return least <= kind(text) <= most
        except ValueError:
            return False

    return is_right, cure


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _are_pairs(text: str) -> bool:
    return all(part.partition("=")[1] and part.partition("=")[0].strip() for part in text.split(",") if part.strip())


_EXPORTER: Final[dict[str, Rule]] = {
    "PROTOCOL": (lambda text: text.lower() in ("http/protobuf", "grpc"), "http/protobuf"),  # grpc: see grpc_refused
    "ENDPOINT": (_is_url, "a URL such as http://collector:4318"),
    "TIMEOUT": _number(0.001, 3600, "seconds, more than 0"),
    "HEADERS": (_are_pairs, _PAIRS),
    "COMPRESSION": _one_of("none", "gzip", "deflate"),
    "CERTIFICATE": (lambda text: Path(text).is_file(), "the path of a file"),
    "CLIENT_KEY": (lambda text: Path(text).is_file(), "the path of a file"),
    "CLIENT_CERTIFICATE": (lambda text: Path(text).is_file(), "the path of a file"),
}
_BATCH: Final = _number(1, 1e9, "a whole number, 1 or more", int)
_RULES: Final[dict[str, Rule]] = {
    **{f"OTEL_EXPORTER_OTLP_{scope}{name}": rule for name, rule in _EXPORTER.items() for scope in ("", "TRACES_")},
    "OTEL_TRACES_EXPORTER": _one_of("otlp", "none"),
    "OTEL_TRACES_SAMPLER": _one_of(*_SAMPLERS),
    "OTEL_TRACES_SAMPLER_ARG": _number(0, 1, "a number from 0 to 1"),
    "OTEL_RESOURCE_ATTRIBUTES": (_are_pairs, _PAIRS),
    "OTEL_BSP_SCHEDULE_DELAY": _BATCH,
    "OTEL_BSP_MAX_QUEUE_SIZE": _BATCH,
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": _BATCH,
    "OTEL_BSP_EXPORT_TIMEOUT": _BATCH,
}
