"""The judgement of a whole world: every rule, in the order in which an order travels."""

from collections.abc import Callable, Iterable
from typing import Final

from aftersend_sandbox.rules.export_rules import RULES as EXPORT_RULES
from aftersend_sandbox.rules.rule import Case, RuleResult, rule
from aftersend_sandbox.rules.write_back_rules import RULES as WRITE_BACK_RULES
from aftersend_sandbox.world.world import World

_RULES: Final[tuple[tuple[str, str, Callable[[World], Iterable[Case]]], ...]] = (*EXPORT_RULES, *WRITE_BACK_RULES)


def judge(world: World) -> list[RuleResult]:
    """Judge all rules, those of the export first."""
    return [rule(name, text, cases(world)) for name, text, cases in _RULES]
