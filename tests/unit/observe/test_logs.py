"""Whatever fails, and whichever library logs it: no text with personal data reaches standard error."""

import asyncio
import gc
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from aftersend.errors import Misconfigured, Rejected
from aftersend.observe import context, logs, throttle
from aftersend.observe.traces import span
from aftersend.settings import read_settings
from tests.support.part_kit import restored_logging

CANARY = "Käthe-Canary"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _own_configuration() -> Iterator[None]:
    with restored_logging():
        yield


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    text = capsys.readouterr().err
    assert CANARY not in text
    assert "Canary" not in text
    return [json.loads(line) for line in text.splitlines()]


def _library_error() -> Exception:
    class Address(msgspec.Struct):
        city: int

    try:
        msgspec.json.decode(f'{{"city": "{CANARY}"}}', type=Address)
    except msgspec.ValidationError as error:
        return ValueError(f"{error} {CANARY}")
    raise AssertionError


def test_a_line_has_event_level_time_tenant_and_what_was_bound(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    context.bind(tenant="shops.mueller", part="writer")
    logs.get_logger().info("order_written", order="4711", count=2)
    (line,) = _lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order_written",
        "level": "info",
        "tenant": "shops.mueller",
        "part": "writer",
        "order": "4711",
        "count": 2,
    }


def test_the_trace_of_the_current_span_is_in_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    with span("handle", parent=PARENT):
        logs.get_logger().info("inside")
    logs.get_logger().info("outside")
    inside, outside = _lines(capsys)
    assert inside["trace"] == "0af7651916cd43dd8448eb211c80319c"
    assert "trace" not in outside


@pytest.mark.parametrize(("level", "seen"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1), ("ERROR", 1)])
def test_levels(level: str, seen: int, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", level)
    log = logs.get_logger()
    for method in (log.debug, log.info, log.warning, log.error):
        method("x")
    assert len(_lines(capsys)) == seen


def _by_exception(log: Any) -> None:
    try:
        raise _library_error()
    except ValueError:
        log.exception("failed")


def _by_true(log: Any) -> None:
    try:
        raise _library_error()
    except ValueError:
        log.error("failed", exc_info=True)  # noqa: G201 - the way under test


WAYS: dict[str, Callable[[Any], None]] = {
    "log.exception": _by_exception,
    "exc_info=True": _by_true,
    "exc_info=error": lambda log: log.error("failed", exc_info=_library_error()),
    "as a value": lambda log: log.error("failed", error=_library_error()),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_exceptions_show_their_type_only(way: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    way(logs.get_logger())
    (line,) = _lines(capsys)
    assert line["event"] == "failed"
    assert line["error"].startswith("ValueError")


def test_our_own_errors_show_code_and_path_and_causes_show_their_type(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        try:
            raise _library_error()
        except ValueError as cause:
            raise Rejected("invalid", upstream="sendcloud", path="shipping_address.city") from cause
    except Rejected:
        logs.get_logger().exception("rejected")
    (line,) = _lines(capsys)
    assert line["error"] == "Rejected(sendcloud: invalid at shipping_address.city) < ValueError"


def test_a_suppressed_cause_stays_silent() -> None:
    try:
        try:
            raise _library_error()
        except ValueError:
            raise Misconfigured("wrong") from None
    except Misconfigured as error:
        caught = error
    assert logs.describe(caught) == "Misconfigured(wrong)"


async def test_a_group_of_tasks_shows_the_error_inside() -> None:
    async def fails() -> None:
        read_settings({})

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
    assert logs.describe(caught.value).startswith("Misconfigured(AFTERSEND_TENANT_FILE is missing")
    assert logs.frames(caught.value)[-1].startswith("aftersend.settings:")


def test_frames_name_our_modules_and_no_others() -> None:
    with pytest.raises(Misconfigured) as caught:
        read_settings({})
    (frame,) = logs.frames(caught.value)
    module, line = frame.split(":")
    assert module == "aftersend.settings"
    assert int(line) > 1


def test_values_that_are_no_plain_words_become_type_names(capsys: pytest.CaptureFixture[str]) -> None:
    class Parcel(msgspec.Struct):
        number: str

    logs.configure()
    parcel = Parcel(CANARY)
    logs.get_logger().info("x", parcel=parcel, many=[parcel, 1], named={"one": parcel}, raw=CANARY.encode(), none=None)
    (line,) = _lines(capsys)
    assert line["parcel"] == "Parcel"
    assert line["many"] == ["Parcel", 1]
    assert line["named"] == {"one": "Parcel"}
    assert line["raw"] == "bytes"
    assert line["none"] is None


@pytest.mark.parametrize(
    ("message", "args", "event"),
    [
        ("request to %s failed", (CANARY,), "request to %s failed"),
        (f"request to {CANARY} failed", (), "library_record"),
        (
            f"Task exception was never retrieved\nfuture: ValueError('{CANARY}')",
            (),
            "Task exception was never retrieved",
        ),
        (ValueError(CANARY), (), "library_record"),
    ],
)
def test_records_of_libraries_keep_their_template_only(
    message: object, args: tuple[object, ...], event: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()
    logging.getLogger("some.library").error(message, *args, exc_info=_library_error())
    (line,) = _lines(capsys)
    assert line["event"] == event
    assert line["logger"] == "some.library"
    assert line["at"].startswith("test_logs:")
    assert line["error"] == "ValueError"


def test_equal_records_of_libraries_are_one_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(throttle, "monotonic", lambda: now[0])
    logs.configure()
    errors: list[Exception] = [ValueError(CANARY), KeyError(CANARY)]
    for now[0] in (0.0, 1.0, 59.0, 61.0):
        for error in errors:
            logging.getLogger("some.library").error("failed: %s", now[0], exc_info=error)
    assert [(line["error"], line.get("more")) for line in _lines(capsys)] == [
        ("ValueError", None),
        ("KeyError", None),
        ("ValueError", 2),
        ("KeyError", 2),
    ]


def test_chatter_of_libraries_is_dropped_even_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "debug")
    logging.getLogger("aiohttp.access").info("GET /webhooks/sendcloud")
    assert _lines(capsys) == []


async def test_asyncio_logs_no_text_of_a_forgotten_task(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    async def fails() -> None:
        raise ValueError(CANARY)

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    del task
    gc.collect()
    (line,) = _lines(capsys)
    assert line["event"] == "Task exception was never retrieved"
    assert line["error"] == "ValueError"


async def test_asyncio_logs_no_arguments_of_a_failed_callback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    def fails(value: str) -> None:
        raise ValueError(value)

    asyncio.get_running_loop().call_soon(fails, CANARY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (line,) = _lines(capsys)
    assert line["event"] == "library_record"
    assert line["logger"] == "asyncio"


def test_uncaught_exceptions_of_the_process_and_of_threads(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    error = _library_error()
    sys.excepthook(type(error), error, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    threading.excepthook(threading.ExceptHookArgs((type(error), error, None, None)))
    sys.unraisablehook(type("Unraisable", (), {"exc_value": error})())
    assert [(line["event"], line["error"]) for line in _lines(capsys)] == [
        ("uncaught", "ValueError"),
        ("thread_failed", "ValueError"),
        ("unraisable", "ValueError"),
    ]


def test_the_console_form_is_as_silent(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("console", "info")
    _by_exception(logs.get_logger())
    text = capsys.readouterr().err
    assert "failed" in text
    assert "ValueError" in text
    assert "Canary" not in text
