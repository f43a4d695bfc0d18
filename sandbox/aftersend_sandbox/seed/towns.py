"""Where the invented buyers live: real postal codes and cities by region, fictional streets.

A region is what customs and addresses care about, not a country: ``canary_islands`` is Spain by its code and abroad
by its taxes.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

GERMAN_STREETS: Final = (
    "Beispielstraße {}", "Musterweg {}", "Märchengasse {}", "Am Süßen Grund {}", "Straße der Erfinder {}",
    "Große Wolkenallee {}", "Löwenzahnstr. {}", "Über den Dächern {}", "An der alten Käserei {}",
    "Kürbisplatz {}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Town:
    """A town; ``plate`` is Afterbuy's country (licence-plate code), ``iso`` ISO 3166-1 alpha-2."""

    postal_code: str
    city: str
    plate: str = "D"
    iso: str = "DE"
    state: str = ""
    streets: tuple[str, ...] = GERMAN_STREETS

    def street(self, random: Random) -> str:
        """Make a fictional street with a house number, in the country's own order."""
        return random.choice(self.streets).format(random.randint(1, 148))


def _german(*towns: str) -> tuple[Town, ...]:
    """Parse German towns, each written as postal code and name."""
    return tuple(Town(code, city) for code, _, city in (town.partition(" ") for town in towns))


def _abroad(plate: str, iso: str, streets: tuple[str, ...], *towns: tuple[str, str]) -> tuple[Town, ...]:
    return tuple(Town(code, city, plate, iso, streets=streets) for code, city in towns)


_FRENCH: Final = ("{} rue de l'Exemple", "{} avenue des Modèles")
_ENGLISH: Final = ("{} Example Street", "{} Nowhere Lane", "Flat 3, {} Sample Road")
_ITALIAN: Final = ("Via dell'Esempio {}", "Piazza Modello {}")
_SPANISH: Final = ("Calle del Ejemplo {}", "Avenida Imaginaria, {}")
_NORDIC: Final = ("Eksempelveien {}", "Mønstergata {}B")
_SWEDISH: Final = ("Exempelgatan {}", "Mönstervägen {} A")
_DUTCH: Final = ("Voorbeeldstraat {}", "Verzonnenlaan {} bis")
_SWISS: Final = ("Musterstrasse {}", "Beispielgässli {}", "Chemin de l'Exemple {}")

REGIONS: Final[dict[str, tuple[Town, ...]]] = {
    "germany": _german(
        "10115 Berlin", "20095 Hamburg", "80331 München", "50667 Köln", "60311 Frankfurt am Main",
        "70173 Stuttgart", "40213 Düsseldorf", "04109 Leipzig", "44135 Dortmund", "28195 Bremen",
        "01067 Dresden", "30159 Hannover", "90402 Nürnberg", "48143 Münster", "76133 Karlsruhe",
        "93047 Regensburg", "99084 Erfurt", "97070 Würzburg", "24103 Kiel", "78462 Konstanz",
        "06108 Halle (Saale)", "73728 Esslingen am Neckar", "73430 Aalen", "37073 Göttingen", "23552 Lübeck",
        "35037 Marburg",
    ),
    "buesingen": _german("78266 Büsingen am Hochrhein"),
    "heligoland": _german("27498 Helgoland"),
    "switzerland": _abroad("CH", "CH", _SWISS, ("8001", "Zürich"), ("3011", "Bern"), ("1204", "Genève")),
    "liechtenstein": _abroad("FL", "LI", _SWISS, ("9490", "Vaduz")),
    "united_kingdom": (
        *_abroad("GB", "GB", _ENGLISH, ("W1A 9ZZ", "London"), ("EH1 9ZZ", "Edinburgh")),
        *_abroad("UK", "", _ENGLISH, ("M1 9ZZ", "Manchester")),
    ),
    "northern_ireland": _abroad("GB", "GB", _ENGLISH, ("BT1 9ZZ", "Belfast"), ("bt48 9zz", "Derry")),
    "channel_islands": (
        *_abroad("GBJ", "JE", _ENGLISH, ("JE2 9ZZ", "St Helier")),
        *_abroad("GBG", "GG", _ENGLISH, ("GY1 9ZZ", "St Peter Port")),
    ),
    "norway": _abroad("N", "NO", _NORDIC, ("0150", "Oslo"), ("5003", "Bergen"), ("6002", "Ålesund")),
    "canary_islands": _abroad(
        "E", "ES", _SPANISH, ("35001", "Las Palmas de Gran Canaria"), ("38001", "Santa Cruz de Tenerife")
    ),
    "ceuta_melilla": _abroad("E", "ES", _SPANISH, ("51001", "Ceuta"), ("52001", "Melilla")),
    "livigno": _abroad("I", "IT", _ITALIAN, ("23041", "Livigno")),
    "aland": (
        *_abroad("FIN", "FI", _SWEDISH, ("22100", "Mariehamn")),
        *_abroad("FIN", "AX", _SWEDISH, ("22150", "Jomala")),
    ),
    "united_states": (Town("62701", "Springfield", "USA", "US", "IL", ("{} Imaginary Ave", "{} Sample Blvd Apt 4B")),),
    "austria": (
        *_abroad("A", "AT", GERMAN_STREETS, ("1010", "Wien"), ("5020", "Salzburg")),
        *_abroad("A", "", GERMAN_STREETS, ("6020", "Innsbruck")),
    ),
    "france": _abroad("F", "FR", _FRENCH, ("75001", "Paris"), ("67000", "Strasbourg"), ("13001", "Marseille")),
    "european_union": (
        *_abroad("NL", "NL", _DUTCH, ("1012 ZZ", "Amsterdam"), ("3511 ZZ", "Utrecht")),
        *_abroad("B", "BE", _DUTCH, ("1000", "Brussel"), ("9000", "Gent")),
        *_abroad("I", "IT", _ITALIAN, ("00184", "Roma"), ("39100", "Bolzano")),
        *_abroad("E", "ES", _SPANISH, ("28001", "Madrid"), ("07001", "Palma")),
        *_abroad("S", "SE", _SWEDISH, ("111 20", "Stockholm")),
        *_abroad("PL", "PL", ("ul. Przykładowa {}",), ("00-001", "Warszawa"), ("50-001", "Wrocław")),
        *_abroad("DK", "DK", ("Eksempelvej {}, 2. tv.",), ("1050", "København K")),
        *_abroad("IRL", "IE", _ENGLISH, ("D02 ZZ99", "Dublin")),
        *_abroad("L", "LU", _FRENCH, ("L-1111", "Luxembourg")),
    ),
}  # fmt: skip
"""Towns by region."""
