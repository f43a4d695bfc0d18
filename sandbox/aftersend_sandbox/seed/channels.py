"""Where the invented merchant sells: the platforms with their item types, accounts, order numbers and payments."""

from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class Channel:
    """One platform as Afterbuy's fields spell it."""

    platform: str
    """ItemPlatformName."""
    item_types: tuple[int, ...]
    """InternalItemType, one of these by chance."""
    account: str
    order_number: str
    """Pattern of the platform's order number: ``#`` is a digit; empty = the platform has none."""
    payment: tuple[str, str, str]
    """PaymentMethod, PaymentFunction, PaymentID."""

    def number(self, random: Random) -> str:
        """Make an order number of this platform."""
        return "".join(str(random.randint(0, 9)) if each == "#" else each for each in self.order_number)


SHOP: Final = Channel("Shop", (9,), "", "JJ-2026-#####", ("PayPal", "PAYPAL", "INVOICE"))
EBAY: Final = Channel("ebay", (1, 7, 9), "beispielshop_24", "##-#####-#####", ("eBay Zahlungen", "OTHERS", "INVOICE"))
AMAZON: Final = Channel(
    "amazon", (101, 401), "Beispielshop DE", "302-#######-#######", ("Amazon Payments", "OTHERS", "INVOICE")
)
AMAZON_FULFILLED: Final = Channel(
    "amazon", (201, 301, 501), "Beispielshop DE", "305-#######-#######", ("Amazon Payments", "OTHERS", "INVOICE")
)
OTTO: Final = Channel("otto", (666,), "Beispielshop", "b##########", ("OTTO Payments", "OTHERS", "INVOICE"))
KAUFLAND: Final = Channel("real", (666,), "Beispielshop", "M######", ("Kaufland", "OTHERS", "INVOICE"))
PHONE: Final = Channel("", (9,), "", "", ("Vorkasse / Überweisung", "TRANSFER", "INVOICE"))

USUAL: Final = (SHOP, SHOP, SHOP, EBAY, EBAY, AMAZON, KAUFLAND, PHONE)
"""What an ordinary order comes from."""

SHIPPING_METHODS: Final = (
    "DHL Paket", "DHL Paket", "Hermes Päckchen", "DPD Classic", "Deutsche Post Warenpost",
    "GLS – Zustellung mit Anruf", "Express bis 12 Uhr",
)  # fmt: skip
ABROAD_METHOD: Final = "Versand international (versichert)"
