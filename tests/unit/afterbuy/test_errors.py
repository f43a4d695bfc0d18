"""What Afterbuy's codes mean."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aftersend.afterbuy.answer import Envelope
from aftersend.afterbuy.errors import read_refusal, status_refusal, write_refusal
from aftersend.errors import AftersendError, Bug, CredentialsRefused, Rejected, Transient

KINDS: dict[type[AftersendError], list[int]] = {
    CredentialsRefused: [4, 5, 6, 7, 8, 9, 10, 11, 35, 38, 60, 71, 72],
    Transient: [13, 14, 52, 999, 3004],
    Rejected: [32, 33, 44, 59, 74, 98],
    Bug: [1, 2, 3, 12, 16, 17, 18, 19, 22, 30, 31, 36, 50, 75, 3001, 3002, 3003, 4711],
}


def envelope(*errors: object, status: str = "error", warnings: tuple[object, ...] = ()) -> Envelope:
    return Envelope(status, tuple(map(str, errors)), tuple(map(str, warnings)), {})


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in KINDS.items() for code in codes])
@pytest.mark.parametrize("status", ["error", "success", "warning", ""])
def test_each_code_has_a_kind_whatever_the_status_says(kind: type[AftersendError], code: int, status: str) -> None:
    for refusal in (read_refusal(envelope(code, status=status)), write_refusal(envelope(code, status=status))):
        assert type(refusal) is kind
        assert (refusal.code, refusal.upstream) == (f"code_{code}", "afterbuy")
        assert bool(refusal.cure) == (kind is CredentialsRefused), "a person has to act on it, and needs words"


@pytest.mark.parametrize(
    ("codes", "decides"),
    [
        ((33, 8), 8),
        ((13, 8), 8),
        ((33, 13), 13),
        ((3001, 3004), 3004),
        ((33, 12), 12),
        ((15, 33), 33),
        ((15, 13), 13),
        ((33, 74), 33),
    ],
)
def test_of_several_codes_the_one_that_says_most_decides(codes: tuple[int, ...], decides: int) -> None:
    for order in (codes, codes[::-1]):
        refusal = read_refusal(envelope(*order))
        assert refusal is not None
        if codes != (33, 74):
            assert refusal.code == f"code_{decides}"


def test_nothing_found_is_an_empty_result_for_reads_only() -> None:
    assert read_refusal(envelope(15)) is None
    assert read_refusal(envelope(15, 15, status="success")) is None
    assert isinstance(write_refusal(envelope(15)), Rejected)


@pytest.mark.parametrize("status", ["success", "warning"])
def test_reads_live_with_warnings(status: str) -> None:
    assert read_refusal(envelope(status=status, warnings=(12, 70))) is None


@pytest.mark.parametrize(
    ("status", "warnings", "kind", "code"),
    [
        ("warning", (12,), Rejected, "warning_12"),
        ("warning", (70, 13), Rejected, "warning_13"),
        ("success", (44,), Rejected, "warning_44"),
        ("warning", (70,), Transient, "warning_70"),
        ("warning", (), Transient, "warning"),
        ("warning", ("Meier",), Transient, "warning"),
        ("success", ("Meier",), Transient, "warning"),
    ],
)
def test_writes_do_not(status: str, warnings: tuple[object, ...], kind: type[AftersendError], code: str) -> None:
    refusal = write_refusal(envelope(status=status, warnings=warnings), order="7")
    assert type(refusal) is kind
    assert refusal.code == code
    if isinstance(refusal, Rejected):
        assert refusal.order == "7"


def test_plain_success() -> None:
    assert write_refusal(envelope(status="success")) is None
    assert read_refusal(envelope(status="success")) is None


@pytest.mark.parametrize(
    "answered",
    [
        envelope(),
        envelope(status=""),
        envelope("Meier"),
        envelope("Meier", status="success"),
        envelope(status="vielleicht"),
        envelope("9" * 40),
    ],
)
def test_what_says_nothing_clear_is_transient(answered: Envelope) -> None:
    for refusal in (read_refusal(answered), write_refusal(answered)):
        assert isinstance(refusal, Transient)
        assert refusal.code == "status_unclear"


def test_a_rejected_order_is_named() -> None:
    refusal = write_refusal(envelope(33), order="7")
    assert isinstance(refusal, Rejected)
    assert refusal.order == "7"


@pytest.mark.parametrize(
    ("status", "retry_after", "kind", "seconds"),
    [
        (500, "", Transient, None),
        (503, "120", Transient, 120.0),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", Transient, None),
        (302, "²", Transient, None),
        (404, "", Transient, None),
        (401, "", CredentialsRefused, None),
        (403, "5", CredentialsRefused, None),
    ],
)
def test_http_status(status: int, retry_after: str, kind: type[AftersendError], seconds: float | None) -> None:
    refusal = status_refusal(status, retry_after=retry_after)
    assert type(refusal) is kind
    assert refusal.code == f"http_{status}"
    assert getattr(refusal, "retry_after", None) == seconds


@given(st.lists(st.text()), st.lists(st.text()), st.text())
@example(["4"], [], "")
def test_any_answer_is_judged_and_never_quoted(errors: list[str], warnings: list[str], status: str) -> None:
    answered = Envelope(status, tuple(errors), tuple(warnings), {})
    for refusal in (read_refusal(answered), write_refusal(answered)):
        if refusal:
            assert str(refusal).replace(" – ", ": ").isascii()
