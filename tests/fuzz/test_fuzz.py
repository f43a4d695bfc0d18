"""Hostile inputs, bounded: the kept corpus, variations of it, and a short search with a fixed seed.

``make fuzz`` searches longer. What it finds is kept in the corpus of its target once it is mended.
"""

import importlib.util
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from aftersend.errors import Misconfigured
from aftersend.sendcloud import parcel
from tests.fuzz import engine
from tests.fuzz.oracle import FoundError, Said, check, leaked
from tests.fuzz.targets import TARGETS

FILES = sorted(path for path in engine.CORPUS.rglob("*") if path.is_file())
RUNS = {"afterbuy": 150, "backup": 600, "handover": 1500, "sealed": 300, "tenant": 120, "webhook": 1500}
"""Inputs for each target, so many that each takes a few seconds."""


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_corpus_is_read(file: Path) -> None:
    check(TARGETS[file.parent.name], file.read_bytes())


def test_the_corpus_is_small_and_of_every_target() -> None:
    assert {file.parent.name for file in FILES} == set(TARGETS) == set(engine.INSTRUMENTED) == set(RUNS)
    assert max(file.stat().st_size for file in FILES) <= 8192
    assert sum(file.stat().st_size for file in FILES) < 300_000


@some.composite
def variations(draw: some.DrawFn, target: str) -> bytes:
    """A file of the corpus with pieces taken out, put in, repeated, or from another file."""
    files = [file.read_bytes() for file in FILES if file.parent.name == target]
    data = draw(some.sampled_from(files))
    for _ in range(draw(some.integers(1, 4))):
        start, end = sorted(draw(some.tuples(some.integers(0, len(data)), some.integers(0, len(data)))))
        other = draw(some.sampled_from(files))
        cut = draw(some.integers(0, len(other)))
        copied = some.sampled_from((data[start:end] * 2, other[cut : cut + 64]))
        piece = draw(some.binary(max_size=8) | copied)
        data = data[:start] + piece + data[end:]
    return data[:8192]


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_variations_of_the_corpus_break_no_rule(target: str) -> None:
    @settings(max_examples=40, derandomize=True, database=None)
    @given(variations(target))
    def each(data: bytes) -> None:
        check(TARGETS[target], data)

    each()


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_short_search_finds_nothing(target: str, capfd: pytest.CaptureFixture[str]) -> None:
    if importlib.util.find_spec("atheris") is None:
        if os.environ.get("CI") and os.uname().machine == "x86_64":
            pytest.fail("atheris is missing: make requirements' files name it")
        pytest.skip("atheris has no wheel for this machine: the variations above stand in for it")
    failed = engine.fuzz(target, seconds=0, runs=RUNS[target])
    assert not failed, "\n".join(capfd.readouterr().err.splitlines()[-40:])


# --- the rules themselves ---------------------------------------------------------------------------------------------


def quotes(data: bytes, said: Said) -> None:
    def refuse() -> None:
        raise Misconfigured(f"cannot read {data.decode()}")

    said.call(refuse)


def test_a_message_that_quotes_its_input_is_found() -> None:
    with pytest.raises(FoundError, match="Mustermann"):
        check(quotes, b"Mustermann")
    check(quotes, b"document")  # a word of our own


def test_a_log_line_that_quotes_its_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    body = msgspec.json.encode({"action": "Mustermann", "parcel": {"id": 1}})
    check(TARGETS["webhook"], body)
    monkeypatch.setattr(parcel, "_ACTION", parcel.re.compile(".*"))
    with pytest.raises(FoundError, match="Mustermann"):
        check(TARGETS["webhook"], body)


def test_another_error_than_ours_is_found() -> None:
    with pytest.raises(UnicodeDecodeError):
        check(quotes, b"\xff")


@pytest.mark.parametrize(
    ("text", "data", "found"),
    [
        ("the document: unknown field `shedule`, is schedule meant?", b"shedule: 1", []),
        ("the document: unknown field `Mustermann`, is schedule meant?", b"Mustermann: 1", ["Mustermann"]),
        ("backup x is sealed under data key 20261101-7 – put the file data-key/20261101-7 back", b"20261101-7", []),
        ("unexpected_shape at parcel.470815", b"470815", ["470815"]),
    ],
)
def test_what_may_be_repeated(text: str, data: bytes, found: list[str]) -> None:
    assert leaked([text], data) == found
