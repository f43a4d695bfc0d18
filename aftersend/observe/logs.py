"""Logs that cannot leak: one line per event, exception types and our own frames instead of texts.

Texts of exceptions quote their input: msgspec names the value, lxml the element's content, aiohttp the header, asyncio
the ``repr`` of whatever failed. So there is one processor at the end of one chain, and everything passes it:

    our loggers (structlog) ────────────┐
    logging of libraries ── _Foreign ───┼──> redact_exceptions ──> one line of JSON, or a coloured one for people
    uncaught exceptions ── hooks ───────┘

``redact_exceptions`` turns exceptions into ``error`` (type, for our own errors also code and path) and ``frames``
(module:line, ours only) and replaces every value that is not a plain word or number by the name of its type. Records of
libraries keep their logger, place and template; arguments and ready-made messages are dropped, because nobody can tell
what is in them. ``tenant`` and ``part`` come from context variables, ``trace`` from the current span.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import structlog

from aftersend.errors import AftersendError
from aftersend.observe import traces
from aftersend.observe.traces import current_trace_id

if TYPE_CHECKING:
    from structlog.typing import ExcInfo, FilteringBoundLogger, Processor

_OURS: Final = (
    "aftersend",
    "aftersend_demo",
    "aftersend_exporter",
    "aftersend_operator",
    "aftersend_webhook",
    "aftersend_writer",
    "aftersend_sandbox",
)
_HARMLESS: Final = frozenset(
    {
        "Error handling request",
        "Unhandled exception",
        "Task exception was never retrieved",
        "Future exception was never retrieved",
        "Task was destroyed but it is pending!",
        "Unclosed client session",
        "Unclosed connection",
        "Unhandled error in exception handler",
        "Unhandled exception in event loop",
    }
)
_MOST_FRAMES = 8
_MOST_CAUSES = 5


def configure(log_format: str = "json", level: str = "info") -> None:
    """Set up logging for the whole process: ours, that of libraries, and what nobody caught."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_chain(), _renderer(log_format)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Foreign()]
    root.setLevel(max(number, logging.WARNING))
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda unraisable: _report("unraisable", unraisable.exc_value)
    threading.excepthook = lambda failure: _report("thread_failed", failure.exc_value)


def get_logger(**bound: object) -> "FilteringBoundLogger":
    """A logger whose lines carry ``bound``: ids and short words only."""
    return cast("FilteringBoundLogger", structlog.get_logger(**bound))


def bind(*, tenant: str, part: str) -> None:
    """All lines of the current task, and of the tasks it starts, say which part of which tenant speaks; spans, too."""
    traces.bind(tenant=tenant)
    structlog.contextvars.bind_contextvars(tenant=tenant, part=part)


def _chain() -> "list[Processor]":
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        redact_exceptions,
    ]


def _with_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    trace = current_trace_id()
    if trace:
        event.setdefault("trace", trace)
    return event


def redact_exceptions(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The guard: no text of an exception and no ``repr`` of an object leaves this function."""
    error = _exception(event.pop("exc_info", None))
    event.pop("stack_info", None)
    for key, value in event.items():
        event[key] = _plain(value)
    if error is not None:
        event["error"] = describe(error)
        event["frames"] = frames(error)
    return event


def describe(error: BaseException) -> str:
    """The types of an exception and of what caused it; our own errors also tell code and path."""
    return " < ".join(
        f"{type(e).__name__}({e})" if isinstance(e, AftersendError) else type(e).__name__ for e in _line(error)
    )


def frames(error: BaseException) -> list[str]:
    """Where it happened, innermost last: ``module:line`` of our own modules."""
    found: list[str] = []
    trace: TracebackType | None = leaf(error).__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _OURS:
            found.append(f"{module}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-_MOST_FRAMES:]


def _line(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        error = leaf(error)
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def leaf(error: BaseException) -> BaseException:
    """The first error in a group of tasks; the others are its consequences."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _exception(info: "ExcInfo | BaseException | bool | None") -> BaseException | None:
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1]
    return sys.exc_info()[1] if info else None


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return type(value).__name__


def _renderer(log_format: str) -> "Processor":
    if log_format == "json":
        encode = msgspec.json.Encoder().encode
        return lambda _logger, _method, event: encode(event).decode()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


class _Stderr:
    """Writes lines to whatever standard error is right now."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    log = debug = info = warn = warning = error = critical = exception = fatal = failure = err = msg


class _Foreign(logging.Handler):
    """Records of libraries: where and how bad, never what they say."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        report: Callable[..., object] = getattr(log, record.levelname.lower(), log.warning)
        report(
            _template(record),
            logger=record.name,
            at=f"{record.module}:{record.lineno}",
            exc_info=record.exc_info or None,
        )


def _template(record: logging.LogRecord) -> str:
    """The text as it stands in the library's source; a text without arguments may have been filled in already."""
    if record.args and isinstance(record.msg, str):
        return record.msg
    first = str(record.msg).partition("\n")[0] if isinstance(record.msg, str) else ""
    return first if first in _HARMLESS else "library_record"


def _report(event: str, error: BaseException | None) -> None:
    structlog.get_logger().error(event, exc_info=error)


def _uncaught(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        structlog.get_logger().critical("uncaught", exc_info=error)
