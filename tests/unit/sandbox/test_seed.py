"""The seeded world: every scenario is there, the same for the same seed, and no person in it exists."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from aftersend_sandbox.seed import people
from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.seed.catalogue import CUSTOMS_SPELLED, CUSTOMS_UNCLEAR, SETS, products
from aftersend_sandbox.seed.scenarios import SCENARIOS
from aftersend_sandbox.seed.towns import REGIONS
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder
from aftersend_sandbox.world.world import World

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return seeded_world(300, now=NOW)


def of(world: World, scenario: str) -> list[AfterbuyOrder]:
    return [each for each in world.afterbuy.orders if each.scenario == scenario]


def delivery(order: AfterbuyOrder) -> AfterbuyAddress:
    return order.shipping_address or order.billing


def berlin_days_ago(order: AfterbuyOrder, now: datetime = NOW) -> int:
    return (now.astimezone(BERLIN).date() - order.ordered_at.astimezone(BERLIN).date()).days


def ordered(world: World) -> list[AfterbuyOrder]:
    return list(world.afterbuy.orders)


# The world as a whole


def test_three_hundred_orders_hold_every_scenario_at_least_twice(world: World) -> None:
    counts = Counter(each.scenario for each in world.afterbuy.orders)
    assert len(world.afterbuy.orders) == 300
    assert set(counts) == set(SCENARIOS)
    assert min(counts.values()) >= 2


@pytest.mark.parametrize("seed", [2, 3, 99])
def test_other_seeds_hold_every_scenario_too(seed: int) -> None:
    counts = Counter(each.scenario for each in seeded_world(300, now=NOW, seed=seed).afterbuy.orders)
    assert set(counts) == set(SCENARIOS)
    assert min(counts.values()) >= 2


def test_the_same_seed_makes_the_same_world(world: World) -> None:
    again = seeded_world(300, now=NOW)
    assert ordered(again) == ordered(world)
    assert again.afterbuy.products == world.afterbuy.products


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("minutes", [-600, -7, 1, 8, 480])
def test_at_another_time_of_the_day_the_same_orders_go(seed: int, minutes: int) -> None:
    """Two days can be compared though they did not begin at the same moment."""

    def timeless(now: datetime) -> list[object]:
        orders = ordered(seeded_world(300, now=now, seed=seed))
        return [
            (each.order_id, each.scenario, each.billing, each.external_order, berlin_days_ago(each, now) > 1)
            for each in orders
        ]

    assert timeless(NOW + timedelta(minutes=minutes)) == timeless(NOW)


def test_another_seed_makes_another_world(world: World) -> None:
    assert ordered(seeded_world(300, now=NOW, seed=2)) != ordered(world)


@pytest.mark.parametrize("count", [0, 1, 20, 1000])
def test_there_are_as_many_orders_as_asked_for(count: int) -> None:
    assert len(seeded_world(count, now=NOW).afterbuy.orders) == count


def test_the_clock_of_the_world_starts_at_now(world: World) -> None:
    assert timedelta(0) <= world.clock.now() - NOW < timedelta(minutes=5)


def test_ids_are_unique_ascend_with_time_and_name_the_first_item(world: World) -> None:
    orders = ordered(world)
    items = [item.item_id for order in orders for item in order.items]
    assert [each.order_id for each in orders] == sorted({each.order_id for each in orders})
    assert [each.ordered_at for each in orders] == sorted(each.ordered_at for each in orders)
    assert len(items) == len(set(items))
    assert all(each.order_id == each.items[0].item_id for each in orders)
    assert max(items) < 2_147_483_647


def test_days_are_days_in_berlin(world: World) -> None:
    ages = {name: {berlin_days_ago(each) for each in of(world, name)} for name in ("today", "yesterday", "shop")}
    assert ages["today"] == {0}
    assert ages["yesterday"] == {1}
    assert ages["shop"] <= {0, 1}
    assert all(berlin_days_ago(each) > 1 for each in of(world, "older"))
    assert all(each.ordered_at <= NOW for each in world.afterbuy.orders)


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02:30 for the first time
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # 02:30 for the second time
        datetime(2026, 10, 26, 8, 0, tzinfo=UTC),  # yesterday had 25 hours
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),  # the clock has just jumped to 03:00
        datetime(2026, 3, 30, 8, 0, tzinfo=UTC),  # yesterday had 23 hours
        datetime(2026, 11, 23, 23, 0, tzinfo=UTC),  # midnight in Berlin
        datetime(2026, 11, 23, 23, 0, 30, tzinfo=ZoneInfo("America/New_York")),
    ],
)
def test_days_are_right_around_midnight_and_dst(now: datetime) -> None:
    world = seeded_world(300, now=now)
    assert {berlin_days_ago(each, now) for each in of(world, "today")} == {0}
    assert {berlin_days_ago(each, now) for each in of(world, "yesterday")} == {1}
    assert min(berlin_days_ago(each, now) for each in of(world, "older")) >= 2


# People


def every_address(world: World) -> list[AfterbuyAddress]:
    return [each for order in world.afterbuy.orders for each in (order.billing, order.shipping_address) if each]


def test_mail_addresses_lead_nowhere(world: World) -> None:
    mails = {each.mail for each in every_address(world) if each.mail}
    assert mails
    assert all(re.fullmatch(r"(Buyer <)?[a-z0-9.-]+@example\.(com|de|org)( OTTO|>; privat)?", each) for each in mails)


def test_phone_numbers_are_reserved_for_fiction(world: World) -> None:
    reserved = re.compile(r"030 23125\d{3}|040 66969\d{3}|0221 4710\d{3}|089 99998\d{3}|069 90009\d{3}|")
    assert all(reserved.fullmatch(each.phone) for each in every_address(world))


def test_names_come_from_the_invented_lists(world: World) -> None:
    invented = {"Süßübermäßig", "von Beispiel-Großkarton", "O'Beispiel", *people.LAST_NAMES}
    strange = {each.last_name for each in every_address(world)} - invented
    assert all("Beispielhausen" in each for each in strange - {""})


def test_shipping_addresses_have_no_mail_and_no_salutation(world: World) -> None:
    shipping = [each.shipping_address for each in world.afterbuy.orders if each.shipping_address]
    assert shipping
    assert not any(each.mail or each.title for each in shipping)


def test_every_region_is_used_by_some_scenario() -> None:
    assert {each.region for each in SCENARIOS.values()} == set(REGIONS)


# Scenarios: what each of their orders must show


def types(order: AfterbuyOrder) -> set[int | None]:
    return {each.item_type for each in order.items}


def weights(order: AfterbuyOrder) -> list[Decimal | None]:
    return [each.weight for each in order.items]


def quantities(order: AfterbuyOrder) -> list[int]:
    return [each.quantity for each in order.items]


def isos(*codes: str) -> Callable[[AfterbuyOrder], bool]:
    return lambda order: delivery(order).country_iso in codes


def post_code(pattern: str) -> Callable[[AfterbuyOrder], bool]:
    return lambda order: re.fullmatch(pattern, delivery(order).postal_code, re.IGNORECASE) is not None


def paid(order: AfterbuyOrder) -> bool:
    return order.payment.paid_at is not None


SHOWS: dict[str, Callable[[AfterbuyOrder], bool]] = {
    "shop": lambda o: {each.platform for each in o.items} == {"Shop"},
    "ebay": lambda o: {each.platform for each in o.items} == {"ebay"} and types(o) <= {1, 7, 9},
    "amazon_own": lambda o: {each.platform for each in o.items} == {"amazon"} and types(o) <= {101, 401},
    "amazon_fulfilled": lambda o: types(o) <= {201, 301, 501},
    "amazon_mixed": lambda o: bool(types(o) & {101, 401}) and bool(types(o) & {201, 301, 501}),
    "kaufland": lambda o: {each.platform for each in o.items} == {"real"},
    "phone": lambda o: not o.external_order and {each.platform for each in o.items} == {""},
    "several_items": lambda o: len(o.items) >= 3,
    "some_weights_missing": lambda o: None in weights(o) and any(weights(o)),
    "all_weights_missing": lambda o: set(weights(o)) == {None},
    "weight_zero": lambda o: set(weights(o)) == {Decimal(0)},
    "fine_weight": lambda o: set(weights(o)) == {Decimal("0.004")},
    "product_set": lambda o: len(o.items) == 1 and len(o.items[0].set_parts) == 2,
    "zero_quantity": lambda o: 0 in quantities(o) and max(quantities(o)) > 0,
    "negative_item": lambda o: min(quantities(o)) < 0 < max(quantities(o)),
    "credit_note": lambda o: max(quantities(o)) < 0,
    "html_characters": lambda o: all(sign in o.items[0].title for sign in "<>&\"'"),
    "swiss_francs": lambda o: {each.currency for each in o.items} == {"CHF"} and o.items[0].original_price is not None,
    "pounds": lambda o: {each.currency for each in o.items} == {"GBP"},
    "umlauts": lambda o: {*"äöüßÖÄ"} <= {*o.billing.last_name, *o.billing.city, *o.billing.street},
    "double_barrelled": lambda o: "-" in delivery(o).first_name and "-" in delivery(o).last_name,
    "very_long_name": lambda o: len(f"{delivery(o).first_name} {delivery(o).last_name}") > 100,
    "packing_station": lambda o: (
        re.fullmatch(r"Packstation \d{3}", delivery(o).street) is not None and delivery(o).street2.isdigit()
    ),
    "post_office": lambda o: delivery(o).street.startswith("Postfiliale ") and len(delivery(o).street2) == 8,
    "company": lambda o: bool(delivery(o).company and delivery(o).street2 and o.billing.is_merchant),
    "house_number_12a": lambda o: delivery(o).street.endswith(" 12a"),
    "house_number_haus_3": lambda o: delivery(o).street.endswith("Haus 3"),
    "house_number_26_bis": lambda o: delivery(o).street.startswith("26 bis ") and delivery(o).country_iso == "FR",
    "other_recipient": lambda o: delivery(o).street != o.billing.street and not delivery(o).phone,
    "billing_only": lambda o: o.shipping_address is None and bool(o.billing.street),
    "shipping_empty": lambda o: o.shipping_address == AfterbuyAddress(country="", country_iso=""),
    "no_address": lambda o: not any((delivery(o).street, delivery(o).postal_code, delivery(o).city)),
    "otto_mail": lambda o: o.billing.mail.endswith(" OTTO"),
    "austria": lambda o: delivery(o).country == "A" and delivery(o).country_iso in {"AT", ""},
    "france": isos("FR"),
    "european_union": isos("NL", "BE", "IT", "ES", "SE", "PL", "DK", "IE", "LU"),
    "northern_ireland": post_code(r"bt\d+ \S+"),
    "switzerland": isos("CH"),
    "liechtenstein": isos("LI"),
    "united_kingdom": lambda o: delivery(o).country in {"GB", "UK"},
    "norway": isos("NO"),
    "united_states": lambda o: delivery(o).country_iso == "US" and delivery(o).state == "IL",
    "canary_islands": post_code(r"3[58]\d{3}"),
    "ceuta_melilla": post_code(r"5[12]001"),
    "buesingen": lambda o: delivery(o).postal_code == "78266" and delivery(o).country_iso == "DE",
    "heligoland": lambda o: delivery(o).postal_code == "27498" and delivery(o).country_iso == "DE",
    "livigno": lambda o: delivery(o).city == "Livigno" and delivery(o).country_iso == "IT",
    "aland": post_code(r"22\d{3}"),
    "channel_islands": isos("JE", "GG"),
    "number_in_additional_info": lambda o: bool(o.additional_info),
    "number_in_parcel_labels": lambda o: o.shipping.parcel_labels[0].item_id == o.items[0].item_id,
    "unpaid": lambda o: o.payment.already_paid == 0 and not paid(o),
    "partly_paid": lambda o: bool(o.payment.already_paid) and o.payment.already_paid != o.payment.full_amount,
    "amounts_missing": lambda o: o.payment.full_amount is None and paid(o),
    "hidden": lambda o: o.hidden,
    "not_an_order": lambda o: not o.is_order,
    "forbidden_characters": lambda o: "\x0b" in o.raw_comment and "&#0;" in o.raw_comment,
    "cash_on_delivery": lambda o: o.payment.function == "CASH_ON_DELIVERY" and not paid(o),
    "customs_spelled": lambda o: [each.title for each in o.items] == [CUSTOMS_SPELLED],
    "customs_unclear": lambda o: CUSTOMS_UNCLEAR in {each.title for each in o.items},
    "voucher": lambda o: [each.price < 0 for each in o.items] == [False, True] and delivery(o).country_iso == "CH",
    "credit_by_price": lambda o: [(each.price, each.quantity) for each in o.items] == [(Decimal("-19.90"), 1)],
    "state_twice": lambda o: delivery(o).country_iso == "US" and delivery(o).state == "IL - Illinois",
    "italian_province": lambda o: delivery(o).country_iso == "IT" and delivery(o).state == "Roma (RM)",
    "greece_by_tax_code": isos("EL"),
    "country_by_rare_plate": lambda o: (delivery(o).country, delivery(o).country_iso) == ("SLO", ""),
    "mail_with_name": lambda o: o.billing.mail.startswith("Buyer <"),
    "mail_unusable": lambda o: ".@" in o.billing.mail,
    "odd_amounts": lambda o: o.spelled["ShippingInfo/ShippingTotalCost"] == "frei" and paid(o),
    "house_number_flat": lambda o: delivery(o).street.endswith(" 14 Whg. 2"),
    "zero_original_price": lambda o: {(each.currency, each.original_price) for each in o.items} == {("CHF", 0)},
    "without_shipping_info": lambda o: o.missing_sections == ("ShippingInfo",),
    "item_without_quantity": lambda o: not o.is_order and "" in o.spelled.values(),
}


@pytest.mark.parametrize("name", SHOWS)
def test_a_scenario_shows_what_it_stands_for(world: World, name: str) -> None:
    assert all(SHOWS[name](each) for each in of(world, name))


def test_customs_scenarios_differ_in_what_the_products_know(world: World) -> None:
    def known(order: AfterbuyOrder) -> set[bool]:
        shelf = [world.afterbuy.products[item.product_id or 0] for item in order.items]
        return {bool(each.hs_code and each.origin) for each in shelf}

    assert all(known(each) == {True} for each in of(world, "customs_known"))
    assert all(False in known(each) for each in of(world, "customs_unknown"))


def test_expectations_are_stated_for_what_must_not_travel(world: World) -> None:
    held = {each.name for each in SCENARIOS.values() if not each.travels}
    assert held == {
        *("credit_note", "amazon_fulfilled", "no_address", "number_in_additional_info", "number_in_parcel_labels"),
        *("hidden", "not_an_order", "older", "credit_by_price", "item_without_quantity"),
    }
    travelling = [each for each in world.afterbuy.orders if SCENARIOS[each.scenario].travels]
    assert not any(each.additional_info or each.shipping.parcel_labels or each.hidden for each in travelling)


def test_expectation_kleinpaket_is_no_weight_at_all(world: World) -> None:
    for order in world.afterbuy.orders:
        assert SCENARIOS[order.scenario].kleinpaket == (not any(weights(order)))


def test_ordinary_orders_are_paid_to_the_cent(world: World) -> None:
    for order in of(world, "ebay"):
        total = sum((item.price * item.quantity for item in order.items), order.shipping.cost)
        assert order.payment.full_amount == order.payment.already_paid == total


# The shelf


def test_products_have_valid_internal_eans() -> None:
    for product in products().values():
        digits = [int(each) for each in product.ean]
        assert sum(digits[0::2] + [3 * each for each in digits[1::2]]) % 10 == 0
        assert product.ean.startswith("24")
        assert len(digits) == 13


def test_some_products_lack_weight_or_customs_data() -> None:
    shelf = products().values()
    assert any(each.weight is None for each in shelf)
    assert any(not each.hs_code for each in shelf)
    assert sum(bool(each.hs_code and each.origin) for each in shelf) > 40


def test_sets_consist_of_the_products_in_their_names() -> None:
    shelf = products()
    parts = {name: [shelf[part].name.split(" ")[0] for part, _ in each] for name, each in SETS.items()}
    assert list(parts.values()) == [["Teekanne", "Kaffeebecher"], ["Vogelfutterhaus", "Nistkasten"]]


def test_the_shelf_is_a_fresh_copy() -> None:
    products()[880_001].name = "changed"
    assert products()[880_001].name != "changed"
