"""The merchant's own tax numbers for customs papers, and which of them exist.

A number says by itself whose it is, so a wrong country or a number of another kind is refused instead of declared.

=======  ==================  ==================================================================
name     country             number
=======  ==================  ==================================================================
EORI     member state, GB    the country and up to 15 letters and digits: DE1234567
IOSS     member state        IM, the country's three digits, seven more: IM2760000742
VOEC     NO                  seven digits
VAT      member state        the VAT prefix (EL for Greece) and up to 12: DE123456789
VAT      CH, GB, NO          CHE123456789MWST, GB123456789, 123456789MVA
GST      AU, NZ, SG          as registered there
UKIMS    GB                  XIUKIM and more
=======  ==================  ==================================================================

Sources: Regulation (EU) 952/2013 (EORI), Directive 2006/112/EC articles 214, 215, 369q (VAT, IOSS; three digits
of ISO 3166-1), the tax authorities of the other countries.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta

from aftersend.tenant.fields import FORM, CountryCode, Section

TaxNumberName = Literal["EORI", "IOSS", "VOEC", "VAT", "GST", "UKIMS"]

_DIGITS: Final = (
    "AT040 BE056 BG100 CY196 CZ203 DE276 DK208 EE233 ES724 FI246 FR250 GR300 HR191 HU348 IE372 IT380 LT440 LU442 LV428 "
    "MT470 NL528 PL616 PT620 RO642 SE752 SI705 SK703"
)
MEMBER_STATES: Final = tuple(each[:2] for each in _DIGITS.split())
IOSS_COUNTRIES: Final = {each[2:]: each[:2] for each in _DIGITS.split()}
"""Member states by the digits that begin their IOSS numbers."""
_EORI: Final = "|".join(f"{each} {each}" for each in (*MEMBER_STATES, "GB"))
_IOSS: Final = "|".join(f"{each[:2]} IM{each[2:]}" for each in _DIGITS.split())
_VAT: Final = "|".join(f"{each} {'EL' if each == 'GR' else each}" for each in MEMBER_STATES if each not in ("AT", "DE"))
PATTERN: Final = "|".join(
    (
        rf"^(EORI ({_EORI})[A-Z0-9]{{1,15}}",
        rf"IOSS ({_IOSS})[0-9]{{7}}",
        "VOEC NO [0-9]{7}",
        rf"VAT (DE DE[0-9]{{9}}|AT ATU[0-9]{{8}}|({_VAT})[A-Z0-9]{{2,12}}|CH CHE[0-9]{{9}}(MWST|TVA|IVA)?)",
        "VAT (GB GB([0-9]{9}|[0-9]{12})|NO [0-9]{9}(MVA)?)",
        "GST (AU [0-9]{11,12}|NZ [0-9]{8,9}|SG [A-Z0-9]{9,10})",
        "UKIMS GB XIUKIM[A-Z0-9]{4,29})$",
    )
)
"""Of name, country and number with blanks between them; read alike by RE2 and Python, where no newline can follow."""
CURE: Final = (
    "name, country and number do not belong together: use a number that begins as its country's do (EORI and VAT: DE…, "
    "IOSS: IM276…; VOEC: NO and seven digits)"
)

_FORM = "use capital letters and digits without spaces such as DE123456789012345"


class OwnTaxNumber(Section, frozen=True):
    """One of the merchant's own tax numbers."""

    name: TaxNumberName
    """Kind of number."""
    number: Annotated[str, Meta(pattern=r"^[A-Z0-9]+\Z", min_length=3, max_length=35, extra={FORM: _FORM})]
    """The number as registered: capitals and digits only, without blanks and dots."""
    country: CountryCode
    """The country that gave it, ISO 3166-1 alpha-2."""
