"""Whether an order is paid."""

from aftersend.afterbuy.model import Order


def is_paid(order: Order) -> bool:
    """Compare AlreadyPaid with the full amount; where one of them is missing, look for a payment date."""
    if order.already_paid is not None and order.full_amount is not None:
        return order.already_paid >= order.full_amount
    return order.paid_at is not None
