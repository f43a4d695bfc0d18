"""What single countries want in customs papers, as data; all want tariff number and origin of each article.

=======================  ================================================================================
country                  what it wants
=======================  ================================================================================
USA                      state, tariff number and origin; values in EUR or USD (since September 2025)
AU, CA, IT               a state or province (``iso3166.subdivisions``)
Norway                   VOEC: the seller's number, for articles up to 3000 NOK each
=======================  ================================================================================
"""

from typing import Final

PAPERS: Final = 1
"""Version of the rules of papers; an entry of the ledger keeps the one that its order was last sent by."""
CURRENCIES: Final = {"US": frozenset({"EUR", "USD"})}
"""By destination: the currencies in which values may be declared; elsewhere any one."""
VOEC_LIMITS: Final = {"NOK": 3000.0, "EUR": 250.0, "USD": 250.0, "GBP": 200.0, "CHF": 200.0}
"""The most that an article may cost. Other currencies than NOK: below 3000 NOK at every rate of the last ten years."""
SAME_BORDER: Final = {"CH": frozenset({"CH", "LI"}), "GB": frozenset({"GB", "IM"})}
"""Destinations for which a number of that country is made; elsewhere the country itself."""
