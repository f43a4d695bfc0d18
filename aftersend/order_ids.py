"""OrderIDs of Afterbuy, and the ids that the same orders have in Sendcloud: ``4711`` and ``afterbuy-4711``.

Sendcloud calls the latter ``order_id`` of an incoming order and ``external_order_id`` of a parcel. The prefix
distinguishes our incoming orders from those of other integrations.
"""

from typing import Final

PREFIX: Final = "afterbuy-"
_MAX_DIGITS: Final = 19


def is_order_id(text: str) -> bool:
    """Return True for 1 to 19 digits that are not all zero; anything else must not stand in a key of Redis."""
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and bool(text.strip("0"))


def incoming_order_id(order_id: str | int) -> str:
    """Return the id under which an order is pushed: ``4711`` -> ``afterbuy-4711``."""
    return f"{PREFIX}{order_id}"


def order_id_of(incoming: str) -> str:
    """Return the OrderID in the id of an incoming order; empty if it is none of ours."""
    order_id = incoming.removeprefix(PREFIX)
    return order_id if incoming.startswith(PREFIX) and is_order_id(order_id) else ""
