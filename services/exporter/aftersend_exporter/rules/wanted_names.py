"""Tags and shipping methods that a merchant wants, or does not want, in Sendcloud (``export.only``).

Names are whole names, compared without letter case and outer blanks. An unwanted tag counts more than a wanted one.

=======================  =================================  ==========================================
document                 tags                               shipping method
=======================  =================================  ==========================================
``tags``                 one of the order's is among them   -
``notTags``              none of the order's is among them  -
``shippingMethods``      -                                  it is among them; an absent one is not
``notShippingMethods``   -                                  it is not among them; an absent one is not
=======================  =================================  ==========================================
"""

from collections.abc import Iterable
from unicodedata import normalize

from aftersend.afterbuy.model import Order
from aftersend.tenant.document import Only


def has_wanted_tags(order: Order, *, only: Only) -> bool:
    """Return whether the order's tags let it go."""
    tags, wanted = _folded(order.tags), _folded(only.tags)
    return tags.isdisjoint(_folded(only.not_tags)) and (not wanted or not tags.isdisjoint(wanted))


def has_wanted_method(order: Order, *, only: Only) -> bool:
    """Return whether the order's shipping method lets it go."""
    (method,) = _folded([order.shipping_method])
    return method not in _folded(only.not_shipping_methods) and (
        not only.shipping_methods or method in _folded(only.shipping_methods)
    )


def _folded(names: Iterable[str]) -> frozenset[str]:
    """Fold letter case; one letter is one letter, whether or not its dots are a character of their own."""
    return frozenset(normalize("NFC", name.strip().casefold()) for name in names)
