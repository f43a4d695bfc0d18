"""Console scripts and entry points: their names, not where they lead."""

from importlib import import_module

from tests.contracts.product import PROJECT
from tests.support.snapshots import Compare, as_yaml

GROUPS: dict[str, dict[str, str]] = {
    "console_scripts": PROJECT["project"]["scripts"],
    **PROJECT["project"]["entry-points"],
}


def test_names(contract: Compare) -> None:
    extras = sorted(PROJECT["project"]["optional-dependencies"])
    contract(
        "entry_points.yaml", as_yaml({**{group: sorted(names) for group, names in GROUPS.items()}, "extras": extras})
    )


def test_all_of_them_lead_somewhere() -> None:
    for target in (target for names in GROUPS.values() for target in names.values()):
        module, _, name = target.partition(":")
        assert hasattr(import_module(module), name), target
