"""Invented buyers: obviously made-up names, mail addresses below example domains, unassigned phone numbers.

The phone numbers come from the ranges that the Bundesnetzagentur keeps free for films and books. Streets are fictional;
postal codes and cities are real, because customs borders run along them.
"""

from random import Random
from typing import Final

from aftersend_sandbox.seed.towns import Town
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress

FIRST_NAMES: Final = (
    "Anna", "Jörg", "Käthe", "Paul", "Günther", "Zoë", "Emil", "Ömer", "Frieda", "Matthias", "Änne", "René",
    "Lotte", "Björn", "Sibylle", "Karl-Heinz", "Marie-Luise", "Theo", "Jürgen", "Ida", "Hans-Jörg", "Leonie",
    "Rüdiger", "Ayşe", "Bärbel", "Max",
)  # fmt: skip

LAST_NAMES: Final = (
    "Musterfrau", "Mustermann", "Beispiel", "Platzhalter", "Erfunden", "Märchenhaft", "Sternenstaub",
    "Zaubermann", "Traumbach", "Federleicht", "Honigkuchen", "Siebenschläfer", "Wolkenkuckuck", "Großkarton",
    "Nirgendwo", "Löwenzahn", "Apfelstrudel", "Paketfreund", "Kürbiskern", "Weißnix", "Übermorgen",
    "Sonnenschirm", "Quietschvergnügt", "Süßholz", "Regenbogen",
)  # fmt: skip

COMPANIES: Final = (
    "Musterbüro GmbH & Co. KG", "Beispiel & Söhne OHG", "Café Nirgendwo", "Praxis Dr. Erfunden",
    "Kita Löwenzahn e. V.", "Schreinerei Großkarton", "Traumbach Logistik AG", "Gasthof Zum Platzhalter",
)  # fmt: skip

SECOND_LINES: Final = (
    "Hinterhaus, 2. OG",
    "Abteilung Einkauf",
    "c/o Beispiel",
    "Tor 4, Rampe B",
    "z. Hd. Frau Süßholz",
)

PHONES: Final = ("030 23125{:03d}", "040 66969{:03d}", "0221 4710{:03d}", "089 99998{:03d}", "069 90009{:03d}")
"""Reserved for films and books."""

MAIL_DOMAINS: Final = ("example.com", "example.de", "example.org")

_ASCII: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "é": "e", "ë": "e", "ş": "s"}
)


def mail_of(random: Random, first: str, last: str) -> str:
    """Make a mail address below an example domain."""
    local = f"{first}.{last}".translate(_ASCII).lower().replace(" ", "")
    return f"{local}{random.randint(1, 9999)}@{random.choice(MAIL_DOMAINS)}"


def phone_of(random: Random) -> str:
    """Make an unassigned phone number, empty for some people."""
    return random.choice(PHONES).format(random.randint(0, 999)) if random.random() < 0.7 else ""


def buyer(random: Random, place: Town) -> AfterbuyAddress:
    """Make the billing address of a new person in a town."""
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    return AfterbuyAddress(
        first_name=first,
        last_name=last,
        street=place.street(random),
        postal_code=place.postal_code,
        city=place.city,
        state=place.state,
        country=place.plate,
        country_iso=place.iso,
        phone=phone_of(random),
        mail=mail_of(random, first, last),
        title=random.choice(("Frau", "Herr", "")),
        user_id=random.randint(10_000_000, 99_999_999),
        platform_user=f"{first}{random.randint(10, 99)}".translate(_ASCII).lower(),
    )


def delivered_to(billing: AfterbuyAddress) -> AfterbuyAddress:
    """Copy a billing address as a shipping address, which has neither mail nor salutation."""
    return AfterbuyAddress(
        first_name=billing.first_name,
        last_name=billing.last_name,
        company=billing.company,
        street=billing.street,
        street2=billing.street2,
        postal_code=billing.postal_code,
        city=billing.city,
        state=billing.state,
        country=billing.country,
        country_iso=billing.country_iso,
        phone=billing.phone,
    )
