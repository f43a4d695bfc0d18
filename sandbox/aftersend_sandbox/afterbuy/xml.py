"""The XML of the simulated Afterbuy: reading requests, writing answers.

Requests are parsed with lxml, without entities and network. Answers look like the recorded ones: HTTP 200 even for
errors, ``ErrorList`` or ``WarningList`` inside ``Result``, CRLF line ends, texts partly as CDATA, decimal commas and
Berlin time without zone. With the switch ``odd_spelling`` the ``CallName`` comes back in another letter case.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from lxml import etree

from aftersend_sandbox.switches import Switches

BERLIN: Final = ZoneInfo("Europe/Berlin")

_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

ERRORS: Final[dict[int, tuple[str, str]]] = {
    1: ("Die Anfrage ist leer.", "The request is empty."),
    2: ("Die Anfrage konnte nicht gelesen werden.", "The request could not be parsed."),
    3: ("Der CallName fehlt.", "The CallName is missing."),
    4: ("Die PartnerID fehlt.", "The PartnerID is missing."),
    8: ("Die Partnerdaten sind ungültig.", "The partner data is invalid."),
    9: ("Die UserID wurde nicht gefunden.", "The UserID was not found."),
    10: ("Der Benutzer ist nicht freigeschaltet.", "The user is not authorised for the interface."),
    12: ("Der CallName ist unbekannt.", "The CallName is unknown."),
    13: ("Die Schnittstelle ist zurzeit nicht verfügbar.", "The interface is not available now."),
    14: ("Diese Aktion ist zurzeit nicht verfügbar.", "This action is not available now."),
    15: ("Es wurden keine Artikel gefunden.", "No items were found."),
    16: ("MaxItems muss zwischen 1 und 250 liegen.", "MaxItems has to be between 1 and 250."),
    17: ("Eine ID ist zu groß.", "An ID is too large."),
    18: ("Der DetailLevel ist ungültig.", "The DetailLevel is invalid."),
    22: ("ValueFrom ist zu groß.", "ValueFrom is too large."),
    30: ("Es wurde kein gültiger Filter angegeben.", "No valid filter was given."),
    31: ("MaxSoldItems liegt nicht im erlaubten Bereich.", "MaxSoldItems is out of range."),
    32: ("Es wurden keine Vorgänge angegeben.", "No order identification was given."),
    33: ("Es konnten keine Vorgänge identifiziert werden.", "No orders could be identified."),
    35: ("Die PartnerID ist nicht freigeschaltet.", "The PartnerID is not approved for the interface."),
    36: ("Es wurden mehr als 5 Filter angegeben.", "More than 5 filters were given."),
    50: ("Es wurden mehr als 500 Filterwerte angegeben.", "More than 500 filter values were given."),
    52: ("Die Funktion ist zurzeit nicht verfügbar.", "The function is not available now."),
    59: ("OrderID oder ItemID fehlt.", "OrderID or ItemID is missing."),
    74: ("Die Anfrage enthält nichts, was geändert werden kann.", "Nothing in the request can be updated."),
    75: ("Es sind höchstens 150 Einträge erlaubt.", "At most 150 entries are allowed."),
    98: ("Die Attribute wurden nicht geändert.", "The attributes were not updated."),
    999: ("Die Funktion ist vorübergehend nicht erreichbar.", "The function is temporarily not reachable."),
    3001: ("ParcelLabels: ItemID fehlt.", "ParcelLabels: ItemID is missing."),
    3002: (
        "ParcelLabels: PackageNumber fehlt oder ist ungültig.",
        "ParcelLabels: PackageNumber is missing or invalid.",
    ),
    3003: ("ParcelLabels: PackageNumber nicht aufsteigend.", "ParcelLabels: PackageNumbers are not ascending."),
}
"""German and English text per error code."""

WARNINGS: Final[dict[int, tuple[str, str]]] = {
    12: ("Der Vorgang konnte nicht identifiziert werden.", "The order could not be identified."),
    13: ("Es wurde kein Vorgang angegeben.", "No order identification was given."),
}
"""German and English text per warning code."""


class AfterbuyError(Exception):
    """The call is refused with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Warned:
    """A warning beside the data; ``name`` and ``value`` are its context sibling, if there is one."""

    code: int
    name: str = ""
    value: str = ""


@dataclass(slots=True)
class AfterbuyAnswer:
    """What goes back: the content of ``Result``, errors and warnings."""

    call: str
    result: "etree._Element" = field(default_factory=lambda: etree.Element("Result"))
    errors: list[int] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    english: bool = False

    @property
    def outcome(self) -> str:
        """The outcome in the journal."""
        if self.errors:
            return "Error " + ",".join(map(str, self.errors))
        return "Warning" if self.warnings else "Success"


def parse(body: bytes) -> "etree._Element":
    """Parse a request and return its root; raises AfterbuyError 1 or 2."""
    if not body.strip():
        raise AfterbuyError(1)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise AfterbuyError(2) from None
    if root.tag != "Request" or b"<!DOCTYPE" in body[: body.find(b"<Request")]:
        raise AfterbuyError(2)
    return root


def content(parent: "etree._Element | None", path: str) -> str | None:
    """Return the stripped text of a child, None if there is no such child."""
    child = None if parent is None else parent.find(path)
    return None if child is None else (child.text or "").strip()


def put(parent: "etree._Element", name: str, value: "str | None" = None) -> "etree._Element":
    """Append a child with a text."""
    child = etree.SubElement(parent, name)
    if value:
        try:
            child.text = value
        except ValueError:
            child.text = _ILLEGAL.sub("", value)
    return child


def put_prose(parent: "etree._Element", name: str, value: str, switches: Switches) -> None:
    """Append a text that people wrote: as CDATA where it holds markup, escaped twice if so switched."""
    value = _ILLEGAL.sub("", value)
    if switches.entities == "twice":
        value = html.escape(value)
    child = etree.SubElement(parent, name)
    cdata = ("<" in value or "&" in value) and "]]>" not in value
    child.text = etree.CDATA(value) if cdata else value


def decimal_comma(value: Decimal | None, places: str = "0.01") -> str:
    """Format a decimal as ``112,30``; empty for None."""
    return "" if value is None else str(value.quantize(Decimal(places))).replace(".", ",")


def berlin(moment: datetime | None, form: str = "%d.%m.%Y %H:%M:%S") -> str:
    """Format a time as local time in Berlin; empty for None."""
    return "" if moment is None else moment.astimezone(BERLIN).strftime(form)


def read_moment(text: str) -> datetime:
    """Parse ``dd.MM.yyyy HH:mm:ss`` or a date alone, Berlin time, to UTC; ValueError if it is neither."""
    form = "%d.%m.%Y %H:%M:%S" if " " in text else "%d.%m.%Y"
    return datetime.strptime(text, form).replace(tzinfo=BERLIN).astimezone(UTC)


def read_decimal(text: str) -> Decimal:
    """Parse ``12,50`` (decimal comma, no thousands separator); ValueError for anything else."""
    if not re.fullmatch(r"-?\d+(,\d+)?", text):
        raise ValueError("not a decimal with comma")
    return Decimal(text.replace(",", "."))


def render(answer: AfterbuyAnswer, switches: Switches) -> bytes:
    """Render the whole document in the recorded form."""
    root = etree.Element("Afterbuy")
    failed = switches.error_status if answer.errors else ("Warning" if answer.warnings else "Success")
    put(root, "CallStatus", failed)
    put(root, "CallName", answer.call.lower() if switches.odd_spelling == "yes" else answer.call)
    put(root, "VersionID", "8")
    root.append(answer.result)
    if answer.errors:
        place = root if switches.error_place == "root" else answer.result
        _put_errors(place, answer.errors, english=answer.english)
    if answer.warnings:
        _put_warnings(answer.result, answer.warnings, english=answer.english)
    document: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return document.replace(b"\n", b"\r\n")


def _put_errors(place: "etree._Element", codes: Iterable[int], *, english: bool) -> None:
    errors = put(place, "ErrorList")
    for code in codes:
        error = put(errors, "Error")
        put(error, "ErrorCode", str(code))
        for name in ("ErrorDescription", "ErrorLongDescription"):
            put(error, name).text = etree.CDATA(ERRORS[code][english])


def _put_warnings(place: "etree._Element", warnings: Iterable[Warned], *, english: bool) -> None:
    listed = put(place, "WarningList")
    for each in warnings:
        warning = put(listed, "Warning")
        put(warning, "WarningCode", str(each.code))
        for name in ("WarningDescription", "WarningLongDescription"):
            put(warning, name).text = etree.CDATA(WARNINGS[each.code][english])
        if each.name:
            put(warning, each.name, each.value)
