"""The situations that a world must hold, each with a name, what it means, and what a merchant may expect of it.

A scenario takes an ordinary order and changes it. ``travels``, ``kleinpaket`` and ``customs`` state the merchant's own
expectation under a tenant document full of defaults; they are written by hand, from the rules, not from any code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from aftersend_sandbox.seed import address_mutations as address
from aftersend_sandbox.seed import scenario_mutations as mutate
from aftersend_sandbox.seed.channels import AMAZON, AMAZON_FULFILLED, EBAY, KAUFLAND, OTTO, PHONE, SHOP, Channel
from aftersend_sandbox.seed.order_factory import OrderFactory
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder

Mutation = Callable[[OrderFactory, AfterbuyOrder], None]
Day = Literal["window", "today", "yesterday", "older"]


def _unchanged(_factory: OrderFactory, _order: AfterbuyOrder) -> None:
    """Leave the order as it is."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One situation."""

    name: str
    means: str
    mutation: Mutation = _unchanged
    """Changes goods and addresses, before the order is numbered and paid."""
    finishing: Mutation = _unchanged
    """Changes what depends on item ids, amounts or payment."""
    region: str = "germany"
    channel: Channel | None = None
    day: Day = "window"
    share: int = 1
    """Weight among the orders beyond the two of each scenario."""
    travels: bool = True
    """Whether an export with default settings brings it to Sendcloud."""
    kleinpaket: bool = False
    """Whether no item has a weight."""
    customs: bool = False
    """Whether it leaves the customs union or its tax area."""


def _abroad(region: str, means: str, mutation: Mutation = _unchanged, *, name: str = "") -> Scenario:
    return Scenario(name or region, means, mutation, region=region, customs=True)


ORDINARY: Final = (
    Scenario("shop", "ordinary order of the merchant's shop", channel=SHOP, share=40),
    Scenario("ebay", "bought on eBay", channel=EBAY, share=30),
    Scenario("amazon_own", "bought on Amazon, sent by the merchant (types 101, 401)", channel=AMAZON, share=20),
    Scenario("kaufland", "bought on Kaufland (platform name real)", channel=KAUFLAND, share=5),
    Scenario("phone", "typed in by hand: no platform, no number of a platform", channel=PHONE, share=5),
    Scenario("several_items", "three to six positions", mutate.several_items, share=12),
    Scenario("today", "ordered today", day="today", share=8),
    Scenario("yesterday", "ordered yesterday", day="yesterday", share=8),
)

GOODS: Final = (
    Scenario("some_weights_missing", "one item has no weight, another has", mutate.some_weights_missing, share=4),
    Scenario("all_weights_missing", "no item has a weight", mutate.all_weights_missing, kleinpaket=True, share=4),
    Scenario("weight_zero", "every weight is 0", mutate.weight_zero, kleinpaket=True),
    Scenario("fine_weight", "weights of few grams, prices with cents", mutate.fine_weight),
    Scenario("product_set", "a product set, sold as one item", mutate.product_set, share=2),
    Scenario("zero_quantity", "one position has quantity 0", mutate.zero_quantity),
    Scenario("negative_item", "one position is taken back, another stays", mutate.negative_item),
    Scenario("credit_note", "all quantities are negative", mutate.credit_note, travels=False),
    Scenario(
        "amazon_fulfilled", "sent by Amazon (types 201, 301, 501)", channel=AMAZON_FULFILLED, share=5, travels=False
    ),
    Scenario(
        "amazon_mixed",
        "one item sent by Amazon, one by the merchant",
        finishing=mutate.amazon_mixed,
        channel=AMAZON,
        mutation=mutate.two_items,
        share=2,
    ),
    Scenario("html_characters", "angle brackets, ampersands, quotes and apostrophes", mutate.html_characters),
    Scenario(
        "swiss_francs",
        "paid in CHF",
        finishing=mutate.in_currency("CHF", Decimal("0.94")),
        region="switzerland",
        customs=True,
    ),
    Scenario(
        "pounds",
        "paid in GBP",
        finishing=mutate.in_currency("GBP", Decimal("0.86")),
        region="united_kingdom",
        customs=True,
    ),
)

ADDRESSES: Final = (
    Scenario("umlauts", "umlauts and ß wherever they fit", address.umlauts, share=2),
    Scenario("double_barrelled", "double-barrelled names", address.double_barrelled),
    Scenario("very_long_name", "a name longer than most carriers print", address.very_long_name),
    Scenario("packing_station", "Packstation, Postnummer in the second line", address.packing_station, share=4),
    Scenario("post_office", "Postfiliale, Postnummer in the second line", address.post_office),
    Scenario("company", "company with a second address line", address.company, share=4),
    Scenario("house_number_12a", "house number with a letter", address.house_number("Beispielstraße 12a")),
    Scenario("house_number_haus_3", "no number but a house", address.house_number("Am Süßen Grund, Haus 3")),
    Scenario(
        "house_number_26_bis",
        "house number before the street",
        address.house_number("26 bis rue de l'Exemple"),
        region="france",
    ),
    Scenario("other_recipient", "delivered to another person than the payer", address.other_recipient, share=4),
    Scenario("billing_only", "no shipping address at all", address.billing_only, share=2),
    Scenario("shipping_empty", "a shipping address without content", address.shipping_empty),
    Scenario("no_address", "a name, but no address", address.no_address, travels=False),
    Scenario("otto_mail", "OTTO appends its name to the mail address", address.otto_mail, channel=OTTO, share=2),
)

COUNTRIES: Final = (
    Scenario("austria", "Austria, also by its plate alone", region="austria", share=3),
    Scenario("france", "France", region="france", share=2),
    Scenario("european_union", "elsewhere in the European Union", region="european_union", share=4),
    Scenario("northern_ireland", "Northern Ireland counts as inside", region="northern_ireland"),
    Scenario(
        "customs_known",
        "to Switzerland, HS code and origin are known",
        mutate.customs_known,
        region="switzerland",
        customs=True,
    ),
    Scenario(
        "customs_unknown",
        "to Switzerland, HS code or origin is missing",
        mutate.customs_unknown,
        region="switzerland",
        customs=True,
    ),
    _abroad("switzerland", "Switzerland"),
    _abroad("liechtenstein", "Liechtenstein"),
    _abroad("united_kingdom", "United Kingdom, also as UK without ISO code"),
    _abroad("norway", "Norway"),
    _abroad("united_states", "United States, with a state"),
    _abroad("canary_islands", "Canary Islands: Spain, outside the tax area"),
    _abroad("ceuta_melilla", "Ceuta and Melilla: Spain, outside the customs union"),
    _abroad("buesingen", "Büsingen: Germany, outside the customs union"),
    _abroad("heligoland", "Heligoland: Germany, outside the customs union"),
    _abroad("livigno", "Livigno: Italy, outside the customs union"),
    _abroad("aland", "Åland: Finland, outside the tax area"),
    _abroad("channel_islands", "Jersey and Guernsey"),
)

STATES: Final = (
    Scenario(
        "number_in_additional_info",
        "held back: AdditionalInfo is filled",
        finishing=mutate.held,
        travels=False,
        share=4,
    ),
    Scenario(
        "number_in_parcel_labels",
        "held back: a ParcelLabelNumber is filled",
        finishing=mutate.labelled,
        travels=False,
        share=2,
    ),
    Scenario("unpaid", "nothing paid yet", finishing=mutate.unpaid, share=3),
    Scenario("partly_paid", "half of it paid", finishing=mutate.partly_paid),
    Scenario("amounts_missing", "paid by its date alone, amounts are missing", finishing=mutate.amounts_missing),
    Scenario("hidden", "hidden by the merchant", finishing=mutate.hidden, travels=False),
    Scenario("not_an_order", "only an item so far, no order yet", finishing=mutate.not_an_order, travels=False),
    Scenario("older", "ordered before the window", day="older", travels=False, share=12),
)

ODD: Final = (
    Scenario("forbidden_characters", "a comment with characters that XML forbids", mutate.forbidden_characters),
    Scenario("cash_on_delivery", "paid on delivery", finishing=mutate.cash_on_delivery),
    _abroad(
        "switzerland",
        "to Switzerland, origin and tariff number as people write them",
        mutate.customs_spelled,
        name="customs_spelled",
    ),
    _abroad(
        "switzerland",
        "to Switzerland, two origins, a tariff number without its last digit",
        mutate.customs_unclear,
        name="customs_unclear",
    ),
    _abroad("switzerland", "to Switzerland, a voucher as a line of its own", mutate.voucher, name="voucher"),
    Scenario("credit_by_price", "one line with a negative price", mutate.credit_by_price, travels=False),
    _abroad("united_states", "a state as code and name", address.state("IL - Illinois"), name="state_twice"),
    Scenario("italian_province", "a province as name and code", address.italian_province),
    Scenario("greece_by_tax_code", "Greece as EL, the code of its tax numbers", address.greece_by_tax_code),
    Scenario("country_by_rare_plate", "Slovenia by its plate alone", address.country_by_rare_plate),
    Scenario("mail_with_name", "name and mail address in one", address.mail("Buyer <{}>; privat")),
    Scenario("mail_unusable", "a mail address that no server takes", address.mail("punkt.@example.org")),
    Scenario("odd_amounts", "amounts, weights and dates as people write them", finishing=mutate.odd_amounts),
    Scenario("house_number_flat", "house number, then a flat", address.house_number("Dorfstr. 14 Whg. 2")),
    Scenario("zero_original_price", "a price of zero in francs beside one in euros", mutate.zero_original_price),
    Scenario("without_shipping_info", "the section ShippingInfo is missing", finishing=mutate.without_shipping_info),
    Scenario(
        "item_without_quantity",
        "an item without quantity, no order yet",
        finishing=mutate.item_without_quantity,
        travels=False,
    ),
)

SCENARIOS: Final = {each.name: each for each in (*ORDINARY, *GOODS, *ADDRESSES, *COUNTRIES, *STATES, *ODD)}
"""Every situation by name, the ordinary ones first."""
