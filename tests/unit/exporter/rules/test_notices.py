"""Notices: what is missing in an order that goes all the same; when they begin and end."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from aftersend.afterbuy.model import ProductCustoms
from aftersend.ledger.entry import Entry, Notice
from aftersend.sendcloud.model import PushOrder
from aftersend.tenant.document import Customs
from aftersend_exporter.rules import notices, transitions
from aftersend_exporter.rules.order_mapping import push_order
from tests.support.order_kit import HOME, NOW, RULES, an_item, an_order

SINCE = 1_795_500_000_000
PRODUCTS = {
    "known": ProductCustoms("known", hs_code="69120023", origin_country="PT"),
    "empty": ProductCustoms("empty"),
    "odd_number": ProductCustoms("odd_number", origin_country="PT", unclear=frozenset({"CustomsTariffNumber"})),
    "odd_origin": ProductCustoms("odd_origin", hs_code="69120023", unclear=frozenset({"CountryOfOrigin"})),
    "odd": ProductCustoms("odd", unclear=frozenset({"CustomsTariffNumber", "CountryOfOrigin"})),
}
HS = "order_details/order_items/{}/hs_code"
ORIGIN = "order_details/order_items/{}/country_of_origin"
STATE = "shipping_address/state_province_code"
FIRST_AND_SECOND = (HS.format(0), ORIGIN.format(0), HS.format(1), ORIGIN.format(1))


def pushed(*products: str, country: str = "CH", state: str = "", hs_code: str | None = None) -> PushOrder:
    items = [an_item(product_id=product) for product in products]
    order = an_order(*items, shipping=replace(HOME, country=country, state=state, postal_code="8001"))
    rules = msgspec.structs.replace(RULES, customs=Customs(hs_code=hs_code))
    return push_order(order, integration=7, rules=rules, products=PRODUCTS, now=NOW)


def found(push: PushOrder) -> list[tuple[str, str]]:
    return [(notice.code, notice.path) for notice in notices.missing_data((), push, now=SINCE)]


@pytest.mark.parametrize(
    ("products", "default", "paths"),
    [
        (["known"], None, ()),
        (["known", "known"], None, ()),
        (["empty"], None, [HS.format(0)]),
        (["empty"], "9503.00", ()),
        (["absent"], None, [HS.format(0)]),
        (["odd_number"], None, [HS.format(0)]),
        (["odd_number"], "9503.00", [HS.format(0)]),
        (["odd_origin"], None, [ORIGIN.format(0)]),
        (["known", "odd_origin"], "9503.00", [ORIGIN.format(1)]),
        (["odd", "odd"], "9503.00", FIRST_AND_SECOND),
        (["known", "empty", "odd_number"], None, [HS.format(1), HS.format(2)]),
        (["empty", "odd_number"], "9503.00", [HS.format(1)]),
    ],
)
def test_customs_data_that_is_missing_or_not_understood(
    products: list[str], default: str | None, paths: list[str]
) -> None:
    push = pushed(*products, hs_code=default)
    assert found(push) == [("customs_incomplete", path) for path in paths]


def test_within_the_union_nothing_is_asked_for_customs() -> None:
    assert found(pushed("odd", country="FR")) == []


@pytest.mark.parametrize(
    ("country", "state", "missing"),
    [
        ("US", "", True),
        ("US", "somewhere", True),
        ("US", "N.Y.", False),
        ("CA", "", True),
        ("CA", "Québec", False),
        ("AU", "??", True),
        ("IT", "Roma (RM)", False),
        ("IT", "Toskana", True),
        ("CH", "", False),
        ("DE", "", False),
        ("FR", "Alsace", False),
    ],
)
def test_a_state_that_the_destination_needs(country: str, state: str, *, missing: bool) -> None:
    push = pushed("known", country=country, state=state)
    assert found(push) == ([("state_missing", STATE)] if missing else [])


@pytest.mark.parametrize(
    ("street", "street2", "missing"),
    [
        ("Packstation 145", "12345678", False),
        ("12345678", "Packstation 145", False),
        ("Packstation 145", "", True),
        ("Packstation 145", "12345678, 87654321", True),
        ("Ahornweg 7", "12345678", False),
    ],
)
def test_a_pick_up_point_needs_a_post_number(street: str, street2: str, *, missing: bool) -> None:
    order = an_order(shipping=replace(HOME, street=street, street2=street2))
    push = push_order(order, integration=7, rules=RULES, products={}, now=NOW)
    assert found(push) == ([("post_number_missing", "service_point_details/post_number")] if missing else [])
    assert (push.service_point_details is msgspec.UNSET) == (missing or street.startswith("Ahorn"))


def test_one_order_may_have_several_and_the_gravest_comes_first() -> None:
    known = notices.fields_left_out((), ["shipping_address/email"], now=SINCE)
    several = notices.missing_data(known, pushed("odd_origin", country="US"), now=SINCE + 5)
    assert [notice.code for notice in several] == ["customs_incomplete", "state_missing", "field_left_out"]
    assert [notice.since for notice in several] == [SINCE + 5, SINCE + 5, SINCE]


def test_it_keeps_its_time_while_it_applies_and_ends_when_it_is_cured() -> None:
    first = notices.missing_data((), pushed("odd"), now=SINCE)
    same = notices.missing_data(first, pushed("odd"), now=SINCE + 9)
    assert same == first
    better = notices.missing_data(first, pushed("odd_origin"), now=SINCE + 9)
    assert better == (Notice("customs_incomplete", SINCE, ORIGIN.format(0)),)
    assert notices.missing_data(better, pushed("known"), now=SINCE + 9) == ()


def test_a_long_order_gets_as_many_as_a_person_reads() -> None:
    assert len(found(pushed(*["odd"] * 50))) == notices.MAX_NOTICES


def test_paths_hold_no_values() -> None:
    odd = pushed("odd", country="US", state="Erikas Geheimnis")
    assert {path for _, path in found(odd)} == {HS.format(0), ORIGIN.format(0), STATE}


# On the entry


def entry(state: Any = "new", **fields: Any) -> Entry:
    return Entry(order="4711", state=state, **fields)


NOTICED = notices.missing_data((), pushed("odd"), now=SINCE)


def test_they_touch_neither_state_nor_problem() -> None:
    for before in (entry("pushing", fingerprint="f"), entry("confirmed", fingerprint="f", pushed=1)):
        after = transitions.noticed(before, pushed("odd"), now=SINCE)
        assert after == msgspec.structs.replace(before, notices=NOTICED)
        assert transitions.noticed(after, pushed("known"), now=SINCE + 1) == before


def test_an_order_that_is_never_sent_again_gets_none() -> None:
    labelled = entry("labelled", pushed=1)
    assert transitions.noticed(labelled, pushed("odd"), now=SINCE) is labelled


def test_they_end_where_the_order_is_not_to_be_sent() -> None:
    week = 7 * 86_400_000
    before = entry("problem", watched=SINCE, notices=NOTICED)
    assert transitions.dismissed(before).notices == ()
    for reason, left in (("unpaid", ()), ("", NOTICED), (transitions.LATER, NOTICED)):
        after = transitions.watched(before, reason=reason, now=SINCE + 1, recheck_period_ms=week)
        assert after.notices == left, reason
    assert transitions.gone(before, now=SINCE + 1, recheck_period_ms=week).notices == ()
    confirmed = entry("confirmed", fingerprint="f", pushed=1, notices=NOTICED)
    assert transitions.deleted(confirmed, now=SINCE + 1).notices == ()


def test_an_answer_of_sendcloud_leaves_them() -> None:
    before = entry("pushing", fingerprint="f", watched=SINCE, notices=NOTICED)
    sent = transitions.accepted(before, fingerprint="f", now=SINCE + 1)
    assert sent.notices == NOTICED
    assert transitions.confirmed(sent, now=SINCE + 2).notices == NOTICED
    assert transitions.rejected(before, path="x", now=SINCE + 1).notices == NOTICED
