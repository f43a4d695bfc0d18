"""Whether an order is paid, or paid on delivery."""

import re
from typing import Final

from aftersend.afterbuy.model import Order

_FIELDS: Final = ("PaymentInfo/AlreadyPaid", "PaymentInfo/FullAmount", "PaymentInfo/PaymentDate")
_COD_FUNCTIONS: Final = frozenset({"CASH_ON_DELIVERY", "COD_CREDITWORTHINESS"})
_COD_METHOD: Final = re.compile(r"nachnahme|cash[ _-]on[ _-]delivery|\bcod\b", re.IGNORECASE)


def is_paid(order: Order) -> bool:
    """Compare AlreadyPaid with the full amount; where one of them is missing, look for a payment date."""
    if order.already_paid is not None and order.full_amount is not None:
        return order.already_paid >= order.full_amount
    return order.paid_at is not None


def is_cash_on_delivery(order: Order) -> bool:
    """Return whether the parcel service collects the money."""
    return order.payment_function in _COD_FUNCTIONS or _COD_METHOD.search(order.payment_method) is not None


def unclear_payment(order: Order) -> str:
    """Return the path of a field because of which nothing certain can be said, or an empty text."""
    return "" if is_paid(order) else next((path for path in _FIELDS if path in order.unclear), "")
