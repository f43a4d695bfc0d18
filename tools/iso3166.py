"""Write the tables of ``aftersend/iso3166`` from pycountry: ``python -m tools.iso3166``.

pycountry is kept up to date by others, but it is 23 MB of data for all languages, more than the images have room for.
So the few names that are needed stand in two small files of the core, and a test compares them with pycountry.
"""

import gettext
import json
from pathlib import Path
from typing import Final

import pycountry

FOLDER: Final = Path(__file__).resolve().parents[1] / "aftersend" / "iso3166"
WITH_STATES: Final = ("AU", "CA", "IT", "US")
"""Countries whose labels need a state (Sendcloud's documentation of ``state_province_code``)."""
OWN_LANGUAGES: Final = {
    "AD": "ca", "AL": "sq", "BA": "bs", "BE": "fr nl", "BG": "bg", "BR": "pt_BR", "CH": "fr it", "CN": "zh_CN",
    "CY": "el", "CZ": "cs", "DK": "da", "EE": "et", "ES": "es ca", "FI": "fi sv", "FR": "fr", "GR": "el", "HR": "hr",
    "HU": "hu", "IE": "ga", "IS": "is", "IT": "it", "JP": "ja", "KR": "ko", "LT": "lt", "LU": "fr", "LV": "lv",
    "MC": "fr", "MX": "es", "NL": "nl", "NO": "nb_NO", "PL": "pl", "PT": "pt", "RO": "ro", "RS": "sr@latin sr",
    "SE": "sv", "SI": "sl", "SK": "sk", "SM": "it", "TR": "tr", "UA": "uk", "US": "es", "VA": "it",
}  # fmt: skip
"""Languages in which a country calls itself, besides English and German."""
_GERMAN_STATES: Final = gettext.translation("iso3166-2", pycountry.LOCALES_DIR, languages=["de"])


def _language(name: str) -> gettext.NullTranslations:
    return gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[name])


def countries() -> dict[str, list[str]]:
    """By alpha-2 code: the alpha-3 code, then every name in English, German and the country's own languages."""
    found = {}
    for country in pycountry.countries:
        names = [getattr(country, kind, "") for kind in ("name", "common_name", "official_name")]
        own = [_language(name) for name in OWN_LANGUAGES.get(country.alpha_2, "").split()]
        languages = (_language("de"), *own)
        known = dict.fromkeys(
            text for name in names if name for text in (name, *(each.gettext(name) for each in languages))
        )
        found[country.alpha_2] = [country.alpha_3, *known]
    return dict(sorted(found.items()))


def subdivisions() -> dict[str, dict[str, list[str]]]:
    """By country: English and German names of its subdivisions, by the part of their code behind the hyphen.

    Italy's regions (codes of digits) are left out: labels name the province.
    """
    found = {}
    for country in WITH_STATES:
        states = {
            each.code.partition("-")[2]: each.name for each in pycountry.subdivisions if each.country_code == country
        }
        found[country] = {
            code: list(dict.fromkeys((name, _GERMAN_STATES.gettext(name))))
            for code, name in sorted(states.items())
            if not code.isdigit()
        }
    return found


def files() -> dict[Path, str]:
    """What the files of the core are to hold."""
    tables = {"countries.json": countries(), "subdivisions.json": subdivisions()}
    return {FOLDER / name: json.dumps(table, ensure_ascii=False, indent=0) + "\n" for name, table in tables.items()}


def main() -> None:
    """Write the files anew."""
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
