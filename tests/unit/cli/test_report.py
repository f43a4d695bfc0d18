"""The report of a job in its termination log, and when jobs of many tenants start."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from aftersend.cli.jitter import SPREAD_SECONDS, start_delay
from aftersend.cli.report import MAX_BYTES, Report, fitting
from aftersend.runs import OrderDecision, RunHealth, RunSummary


def test_a_short_document_is_reported_as_it_is() -> None:
    summary = RunSummary(run="r-1", kind="export", outcome="done", read=5)
    assert fitting(summary) == msgspec.json.encode(summary)


@given(message=some.text(max_size=6000), orders=some.integers(0, 400), reason=some.text(max_size=200))
def test_any_summary_fits_and_stays_readable(message: str, orders: int, reason: str) -> None:
    lines = tuple(OrderDecision(str(number), "skip", reason) for number in range(orders))
    summary = RunSummary(run="r-1", kind="export", outcome="partial", health=RunHealth(message=message), orders=lines)
    report = fitting(summary)
    assert len(report) <= MAX_BYTES < 4096
    shown: dict[str, Any] = msgspec.json.decode(report)
    assert (shown["run"], shown["outcome"]) == ("r-1", "partial")
    whole = msgspec.to_builtins(summary)
    assert set(shown) == set(whole)
    assert msgspec.json.decode(report, type=RunSummary).run == "r-1"


def test_a_failure_is_reported_and_complained_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "termination-log"
    file.write_text("what an earlier one left, and longer than what comes " * 9)
    before = file.stat().st_ino
    Report(file).write_failure("no answer")
    assert file.read_text() == '{"outcome":"failed","error":"no answer"}'
    assert file.stat().st_ino == before, "the termination log is a mount point: it cannot be replaced"
    assert capsys.readouterr().err == "aftersend: no answer\n"


def test_a_report_that_cannot_be_written_is_no_failure_of_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Report(tmp_path / "nowhere" / "log").write({"outcome": "done"})
    assert "no report can be written" in capsys.readouterr().err


def test_starts_are_spread_over_the_minute_and_stay_the_same() -> None:
    delays = [start_delay(f"shop-{number}.shop", "export") for number in range(6000)]
    assert delays == [start_delay(f"shop-{number}.shop", "export") for number in range(6000)]
    per_second = Counter(delays)
    assert set(per_second) == set(range(SPREAD_SECONDS))
    assert max(per_second.values()) < 160, "100 on average"
    assert sum(start_delay("shop", kind) for kind in ("export", "sweep", "backup")) != 3 * start_delay("shop", "export")
