"""The words of a report: ``texts.json``, by language."""

from functools import cache
from importlib.resources import files
from string import Template
from typing import Literal

import msgspec

Language = Literal["de", "en"]
ListName = Literal["problems", "notices", "held"]


class Advice(msgspec.Struct, frozen=True, array_like=True):
    """What a merchant reads about a code."""

    title: str
    meaning: str
    cure: str


class Words(msgspec.Struct, frozen=True):
    """Everything in one language."""

    words: dict[str, str]
    """Texts by name."""
    problems: dict[str, Advice]
    """By code, or by code and path; "" stands for one that a newer release stored."""
    notices: dict[str, Advice]
    held: dict[str, Advice]

    def say(self, name: str, **values: object) -> str:
        """Return a text with its values."""
        return Template(self.words[name]).substitute({key: str(value) for key, value in values.items()})

    def advice(self, name: ListName, code: str, path: str) -> Advice:
        """Return what a code means, and what to do."""
        known: dict[str, Advice] = getattr(self, name)
        return known.get(f"{code} {path}") or known.get(code) or known[""]

    def detail(self, name: ListName, code: str, path: str) -> str:
        """Return what a code is about: a reason in words, or the name of a field; empty if there is nothing."""
        if not path or f"{code} {path}" in getattr(self, name):
            return ""
        reason = self.held.get(path)
        return self.say("reason", reason=reason.title) if reason else self.say("field", path=path)

    def duration(self, seconds: int) -> str:
        """Return seconds, minutes, hours or days in words."""
        if seconds == 1:
            return self.say("second")
        for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
            if seconds >= 2 * size or size == 1:
                return self.say(name, n=self.number(round(seconds / size)))
        raise AssertionError

    def number(self, count: int) -> str:
        """Return a number with the language's separator of thousands."""
        return f"{count:,}".replace(",", self.words["thousands"])


@cache
def words_in(language: Language) -> Words:
    """Read the words of one language."""
    text = (files("aftersend.report") / "texts.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Words])[language]
