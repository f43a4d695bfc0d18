"""What the current task is about: its tenant and part, its trace, its innermost span.

The ground of logs, traces and metrics. The values are context variables, so a task hands them on to those it starts.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Span

TENANT: ContextVar[str] = ContextVar("aftersend_tenant", default="")
LINE: ContextVar[Mapping[str, str]] = ContextVar("aftersend_line", default=MappingProxyType({}))
"""What stands in each log line."""
TRACEPARENT: ContextVar[str] = ContextVar("aftersend_traceparent", default="")
SPAN: "ContextVar[Span | None]" = ContextVar("aftersend_span", default=None)
_TRACEPARENT_FORM = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


def bind(*, tenant: str, part: str) -> None:
    """Set tenant and part of all log lines, and the tenant of all spans, of this task and of those it starts."""
    TENANT.set(tenant)
    LINE.set({"tenant": tenant, "part": part})


def current_traceparent() -> str:
    """Return the traceparent of the innermost span, or an empty text."""
    return TRACEPARENT.get()


def current_trace_id() -> str:
    """Return the 32 hex digits of the current trace, or an empty text."""
    return TRACEPARENT.get()[3:35]


def sampled_trace_id() -> str:
    """Return the current trace's 32 hex digits if this process records it (for an exemplar), else an empty text."""
    innermost = SPAN.get()
    return current_trace_id() if innermost is not None and innermost.is_recording() else ""


def valid_traceparent(text: str) -> str:
    """Return the text itself if it is a W3C traceparent of version 00, else an empty text."""
    return text if _TRACEPARENT_FORM.match(text) else ""
