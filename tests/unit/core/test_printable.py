"""What a terminal would obey is replaced; letters of all languages stay."""

import json

import pytest

from aftersend.cli.output import show_json, show_table, show_text
from aftersend.errors import Rejected
from aftersend.printable import escaped_json, printable

ESCAPES = ["\x1b]0;title\x07", "\x1b[2J", "a\x9bb", "a\rb", "a\x08b", "\u202eabc", "a\u2028b", "\x00", "\x7f", "\ud800"]


@pytest.mark.parametrize("text", ESCAPES)
def test_what_a_terminal_obeys_is_replaced(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(printable(text)).isprintable()
    assert str(Rejected("invalid", path=f"parcel.{text}")).isprintable()
    show_text(text)
    show_table(["column"], [[text]], empty="")
    assert capsys.readouterr().out.replace("\n", "").isprintable()


@pytest.mark.parametrize("text", ["Käthe – 「東京」 №5", "a\tb\nc", ""])
def test_what_people_read_stays(text: str) -> None:
    assert printable(text) == text


def test_a_wide_space_becomes_a_space() -> None:
    assert printable("10\xa0kg\u2009x") == "10 kg x"


@pytest.mark.parametrize("text", ESCAPES[:-1])
def test_json_says_the_same_with_other_letters(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"path": text + "ä\U000e0001"})
    line = capsys.readouterr().out
    assert line.removesuffix("\n").isprintable()
    assert "ä" in line
    assert json.loads(line) == {"path": text + "ä\U000e0001"}
    assert escaped_json('{"a":1}') == '{"a":1}'
