"""Tags and shipping methods: what a merchant wants in Sendcloud, and what not."""

import pytest

from aftersend.tenant.document import Only
from aftersend_exporter.rules.wanted_names import has_wanted_method, has_wanted_tags
from tests.support.order_kit import an_order


@pytest.mark.parametrize(
    ("wanted", "unwanted", "tags", "goes"),
    [
        ([], [], [], True),
        ([], [], ["eilig"], True),
        (["Versand"], [], [], False),
        (["Versand"], [], ["VERSAND"], True),
        (["  versand "], [], ["Versand"], True),
        (["Versand"], [], ["Versand Schweiz"], False),
        (["Versand"], [], ["Ver sand"], False),
        (["Versand", "Lager Süd"], [], ["eilig", "LAGER SÜD"], True),
        (["Straße"], [], ["STRASSE"], True),
        (["Gru\u0308n"], [], ["Gr\u00fcn"], True),
        ([], ["Abholung"], [], True),
        ([], ["Abholung"], ["abholung"], False),
        ([], ["Abholung"], ["eilig", " Abholung "], False),
        (["Versand"], ["Abholung"], ["Versand", "Abholung"], False),
        (["Versand"], ["Abholung"], ["Versand"], True),
        (["Versand"], ["Abholung"], ["eilig"], False),
        (["ıstanbul"], [], ["istanbul"], False),
    ],
)
def test_tags(wanted: list[str], unwanted: list[str], tags: list[str], *, goes: bool) -> None:
    order = an_order(tags=frozenset(tags))
    assert has_wanted_tags(order, only=Only(tags=wanted, not_tags=unwanted)) is goes


@pytest.mark.parametrize(
    ("wanted", "unwanted", "method", "goes"),
    [
        ([], [], "", True),
        ([], [], "DHL Paket", True),
        (["DHL Paket"], [], "dhl paket", True),
        (["DHL Paket"], [], " DHL PAKET ", True),
        (["DHL Paket"], [], "DHL Paket Schweiz", False),
        (["DHL Paket"], [], "", False),
        (["DHL Paket", "Post AT"], [], "Post AT", True),
        ([], ["Selbstabholung"], "SELBSTABHOLUNG", False),
        ([], ["Selbstabholung"], "", True),
        ([], ["Selbstabholung"], "DHL Paket", True),
        (["DHL Paket"], ["dhl paket"], "DHL Paket", False),
    ],
)
def test_shipping_methods(wanted: list[str], unwanted: list[str], method: str, *, goes: bool) -> None:
    order = an_order(shipping_method=method)
    assert has_wanted_method(order, only=Only(shipping_methods=wanted, not_shipping_methods=unwanted)) is goes
