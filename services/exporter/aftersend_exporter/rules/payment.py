"""Whether an order is paid, or paid on delivery."""

import re
from functools import lru_cache
from typing import Final

from aftersend.afterbuy.model import Order

_FIELDS: Final = ("PaymentInfo/AlreadyPaid", "PaymentInfo/FullAmount", "PaymentInfo/PaymentDate")
_COD: Final = re.compile(
    r"nachnahme|\bnachn\b|\bnn\b|cash ?on ?delivery|pay(?:ment)? (?:on|upon) delivery|\bc\.? ?o\.? ?d\b|"
    r"(?:zahlung|zahlen|bar|barzahlung) (?:bei|an) (?:der )?(?:lieferung|zustellung|haustür)|"
    r"contrassegno|contre ?remboursement|contra ?re+mbolso|\brembours\b|dob[ií]rk|pobrani",
    re.IGNORECASE,
)
"""Function or method of payment, blanks for whatever joins words; in the languages of the neighbours, too."""
_NOT: Final = re.compile(r"\b(?:keine?|ohne|nicht|not?)\b", re.IGNORECASE)


def is_paid(order: Order) -> bool:
    """Compare AlreadyPaid with the full amount; where one of them is missing, look for a payment date."""
    if order.already_paid is not None and order.full_amount is not None:
        return order.already_paid >= order.full_amount
    return order.paid_at is not None


def is_cash_on_delivery(order: Order) -> bool:
    """Return whether the parcel service collects the money."""
    return _names_cash_on_delivery(order.payment_function) or _names_cash_on_delivery(order.payment_method)


@lru_cache(maxsize=256)
def _names_cash_on_delivery(text: str) -> bool:
    plain = re.sub(r"[\s_-]+", " ", text)
    return bool(_COD.search(plain)) and not _NOT.search(plain)


def unclear_payment(order: Order) -> str:
    """Return the path of a field because of which nothing certain can be said, or an empty text."""
    return "" if is_paid(order) else next((path for path in _FIELDS if path in order.unclear), "")
