"""The page as a file: the same bytes each time, a policy that allows nothing but its own script, the built script."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from aftersend.handover.page import Language, render_page
from aftersend.handover.recipients import AgeRecipient

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "web/handover"
BUILT = ROOT / "aftersend/handover/page/seal.js"
ANNA = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"


def rendered(language: Language = "de", name: str = "Anna") -> str:
    return render_page(tenant="mueller", recipients=[AgeRecipient(ANNA, name)], language=language).decode()


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_same_inputs_give_the_same_bytes(language: Language) -> None:
    assert rendered(language) == rendered(language)
    assert f'<html lang="{language}">' in rendered(language)


def test_only_its_own_script_and_style_may_run() -> None:
    page = rendered()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(kind) == f"'sha256-{digest}'"
    assert set(rules) == {"default-src", "connect-src", "base-uri", "form-action"}
    assert set(rules.values()) == {"'none'"}


def test_it_names_no_address_that_a_browser_would_call() -> None:
    assert not re.search(r"(src|href|action)\s*=\s*[\"']?(https?:)?//", rendered().split("<script", 1)[0])


def test_names_are_text_and_end_no_element() -> None:
    page = rendered(name="</script><script>alert(1)</script>")
    assert "<script>alert" not in page


def test_both_languages_have_every_text() -> None:
    assert "$" not in rendered("de").split("<script", 1)[0]
    assert "$" not in rendered("en").split("<script", 1)[0]


def test_the_script_was_built_from_these_sources() -> None:
    """``make handover-page`` builds it anew."""
    files = ("main.ts", "package.json", "package-lock.json", "build.mjs")
    digest = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in files)).hexdigest()
    assert f"Sources: sha256:{digest}" in BUILT.read_text(encoding="utf-8").splitlines()[0]


def test_the_lock_names_no_address() -> None:
    lock = (SOURCES / "package-lock.json").read_text()
    assert "http" not in lock
    assert lock.count('"integrity"') > 5
