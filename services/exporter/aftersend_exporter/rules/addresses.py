"""The address of an order: shipping before billing address, every line kept as the merchant wrote it.

Nothing is split or joined. The street keeps its house number, because guessing where the number begins ruins more
addresses than it helps; pick-up points are the business of ``post_numbers``. A name is never empty: person, else
company, else the other address's name. Phone and mail come from the billing address where the shipping address has
none (it never has a mail).
"""

from msgspec import UNSET, UnsetType

from aftersend.afterbuy.mail import read_mail
from aftersend.afterbuy.model import Order, PostalAddress
from aftersend.iso3166.subdivisions import subdivision_code
from aftersend.sendcloud.model import CustomerDetails, ShippingAddress

MAX_LENGTH = 255
"""Characters that any text sent to Sendcloud may have; its own limits for labels differ per carrier."""
_NO_NAME = "-"


def destination(order: Order) -> PostalAddress | None:
    """Return the address to deliver to, or None if there is none."""
    if order.shipping is not None and not order.shipping.is_empty:
        return order.shipping
    return None if order.billing.is_empty else order.billing


def unclear_country(order: Order) -> str:
    """Return the path of the destination's country if it is filled and means none, or an empty text."""
    name = "ShippingAddress" if destination(order) is order.shipping else "BillingAddress"
    paths = (f"BuyerInfo/{name}/CountryISO", f"BuyerInfo/{name}/Country")
    return next((path for path in paths if path in order.unclear), "")


def shipping_address(order: Order) -> ShippingAddress:
    """Map the address; only for orders that have a destination."""
    to = destination(order) or order.billing
    lines = [line for line in (to.street, to.street2) if line]
    return ShippingAddress(
        name=cut(_name(to) or _name(order.billing) or _NO_NAME),
        company_name=_optional(to.company),
        address_line_1=cut(lines[0] if lines else ""),
        address_line_2=_optional(lines[1] if len(lines) > 1 else ""),
        postal_code=cut(to.postal_code),
        city=cut(to.city),
        country_code=to.country,
        state_province_code=_optional(subdivision_code(country=to.country, state=to.state)),
        email=_optional(read_mail(to.mail) or read_mail(order.billing.mail)),
        phone_number=_optional(to.phone or order.billing.phone),
    )


def customer(order: Order, to: ShippingAddress) -> CustomerDetails:
    """Map the buyer: the name on the bill, else the recipient."""
    return CustomerDetails(name=cut(_name(order.billing)) or to.name, email=to.email, phone_number=to.phone_number)


def cut(text: str) -> str:
    """Shorten a text to what Sendcloud takes."""
    return text[:MAX_LENGTH].rstrip()


def _name(address: PostalAddress) -> str:
    return " ".join(part for part in (address.first_name, address.last_name) if part) or address.company


def _optional(text: str) -> str | UnsetType:
    return cut(text) or UNSET
