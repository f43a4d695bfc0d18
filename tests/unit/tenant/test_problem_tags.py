"""Codes of problems that may have a tag."""

from aftersend.ledger.index import PROBLEM_CODES
from aftersend.ledger.problem_tag import UNTAGGED
from aftersend.tenant.problem_tags import TAGGED_PROBLEMS


def test_every_problem_but_one_may_have_a_tag() -> None:
    assert {*TAGGED_PROBLEMS} == {*PROBLEM_CODES} - {UNTAGGED}
    assert len(TAGGED_PROBLEMS) <= 20, "the document takes so many"
