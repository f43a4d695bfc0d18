"""What switches a check off for one line says why, beside it."""

import re

from tests.support.sources import PRODUCT, ROOT

SUPPRESSED = re.compile(r"# noqa(?::|$)")
WITH_REASON = re.compile(r"# noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - \S")


def test_each_suppression_of_the_linter_has_its_reason() -> None:
    lines = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in PRODUCT
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if SUPPRESSED.search(line) and not WITH_REASON.search(line)
    ]
    assert lines == []
