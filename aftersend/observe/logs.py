"""Structured logs without personal data: one line per event, exception types and our own frames instead of texts.

Texts of exceptions quote their input: msgspec names the value, lxml the element's content, aiohttp the header, asyncio
the ``repr`` of what failed. So there is one processor at the end of one chain, and every record passes it:

    our loggers (structlog) ────────────┐
    logging of libraries ── handler ────┼──> redact_exceptions ──> one line of JSON, or a coloured one for people
    uncaught exceptions ── hooks ───────┘

``redact_exceptions`` turns exceptions into ``error`` (type, for our own errors also code and path) and ``frames``
(module:line, ours only) and replaces every value that is not a plain word or number by the name of its type. Records of
libraries keep their logger, place and template; arguments and formatted messages are dropped, because they may hold
anything. ``tenant`` and ``part`` come from context variables, ``trace`` from the current span (``observe.context``).
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import structlog

from aftersend.errors import AftersendError
from aftersend.observe.context import LINE, current_trace_id
from aftersend.observe.throttle import LogThrottle
from aftersend.printable import printable

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
_KNOWN_TEMPLATES: Final = frozenset(
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
_MAX_FRAMES = 8
_MAX_CAUSES = 5


def configure(log_format: str = "json", level: str = "info") -> None:
    """Set up logging of the whole process: our loggers, those of libraries, uncaught exceptions."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[_complete, _renderer(log_format)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    root.setLevel(max(number, logging.WARNING))
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda unraisable: _report("unraisable", unraisable.exc_value)
    threading.excepthook = lambda failure: _report("thread_failed", failure.exc_value)


def get_logger(**bound: object) -> "FilteringBoundLogger":
    """Return a logger whose lines carry ``bound``: ids and short words only."""
    return cast("FilteringBoundLogger", structlog.get_logger(**bound))


def _complete(_logger: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact the fields of a line, and add level, time and what the current task is about: one step for each line."""
    redact_exceptions(event)
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line = {**LINE.get(), **event, "level": level, "timestamp": moment}
    if trace := current_trace_id():
        line.setdefault("trace", trace)
    return line


def redact_exceptions(event: MutableMapping[str, Any]) -> None:
    """Replace exceptions by type, code and frames, and objects by the names of their types."""
    error = _exception(event.pop("exc_info", None))
    event.pop("stack_info", None)
    for key, value in event.items():
        if type(value) is not int and not (type(value) is str and value.isprintable()):
            event[key] = _plain(value)
    if error is not None:
        event["error"] = describe(error)
        event["frames"] = frames(error)


def describe(error: BaseException) -> str:
    """Return the types of an exception and its causes; of our own errors also code and path."""
    return " < ".join(
        f"{type(e).__name__}({e})" if isinstance(e, AftersendError) else type(e).__name__ for e in _causes(error)
    )


def frames(error: BaseException) -> list[str]:
    """Return ``module:line`` of our own frames, innermost last."""
    found: list[str] = []
    trace: TracebackType | None = leaf(error).__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _OURS:
            found.append(f"{module}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-_MAX_FRAMES:]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_MAX_CAUSES):
        if error is None:
            return
        error = leaf(error)
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def leaf(error: BaseException) -> BaseException:
    """Return the first error of an exception group; the others are its consequences."""
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
    if isinstance(value, str):
        return printable(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, Mapping):
        return {printable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return type(value).__name__


def _renderer(log_format: str) -> "Processor":
    if log_format == "json":
        encode = msgspec.json.Encoder().encode
        return lambda _logger, _method, event: encode(event).decode()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


class _Stderr:
    """Writes lines to the current ``sys.stderr``, which tests and pipes may replace."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    log = debug = info = warn = warning = error = critical = exception = fatal = failure = err = msg


class _LibraryHandler(logging.Handler):
    """Logs records of libraries by logger, level and place, without arguments; one a minute of each place and error.

    Strangers cause them at will: each malformed request is one, and so is each connection without a free file.
    """

    def __init__(self) -> None:
        super().__init__()
        self._throttle = LogThrottle()

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        cause = (describe(error), *frames(error)) if error else ()
        left_out = self._throttle.suppressed((record.name, record.module, record.lineno, cause))
        if left_out is None:
            return
        log = structlog.get_logger()
        report: Callable[..., object] = getattr(log, record.levelname.lower(), log.warning)
        report(
            _template(record),
            logger=record.name,
            at=f"{record.module}:{record.lineno}",
            exc_info=record.exc_info or None,
            **({"more": left_out} if left_out else {}),
        )


def _template(record: logging.LogRecord) -> str:
    """Return the text from the library's source; without arguments it may be formatted already, so it is dropped."""
    if record.args and isinstance(record.msg, str):
        return record.msg
    first = str(record.msg).partition("\n")[0] if isinstance(record.msg, str) else ""
    return first if first in _KNOWN_TEMPLATES else "library_record"


def _report(event: str, error: BaseException | None) -> None:
    structlog.get_logger().error(event, exc_info=error)


def _uncaught(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        structlog.get_logger().critical("uncaught", exc_info=error)
