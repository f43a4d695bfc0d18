"""A class name stands for one concept in the repository."""

import ast
from collections import defaultdict

from tests.support.sources import PRODUCT, ROOT, TOOLS, tree

SAME_NAME: dict[str, str] = {}
"""Class names that are defined more than once, and why."""


def test_a_class_name_is_defined_once() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file in (*PRODUCT, *TOOLS):
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1 and name not in SAME_NAME} == {}
    assert all(len(places[name]) > 1 for name in SAME_NAME), "a reason for a name that is unique"
