"""Map Sendcloud's parcel statuses to parcel classes: v2 has numbers, v3 has words for the same.

The list is the live one of 2026, as data; others in the wild are wrong (12 or 93 as "cancelled", 22 as "customs").
Three ids say nothing about where the parcel is: 1999 and 2001 only announce a cancellation, 1337 is Sendcloud's own
"unknown". They, and every id that is not in the list, keep the class that the parcel had.

v3 codes are words of which five are documented. The others are found by their message, which is that of the number;
computing a code from a message would be wrong ("Being announced" is ``ANNOUNCING``).

Status 94, "Parcel cancellation failed", is an ordinary label again: it *revives* a parcel that was called cancelled.
"""

from typing import Final

from aftersend.sendcloud.model import ParcelClass

CANCELLATION_FAILED: Final = 94


def _folded(message: str) -> str:
    """Return a message reduced to letters and digits of one case."""
    return "".join(filter(str.isalnum, message.casefold()))


_LISTED: Final[dict[ParcelClass | None, dict[int, str]]] = {
    ParcelClass.OPEN: {
        999: "No label",
        1001: "Being announced",
        1002: "Announcement failed",
    },
    ParcelClass.LABEL: {
        1000: "Ready to send",
        1: "Announced",
        13: "Announced: not collected",
        15: "Error collecting",
        CANCELLATION_FAILED: "Parcel cancellation failed.",
    },
    ParcelClass.TRANSIT: {
        22: "Shipment picked up by driver",
        3: "En route to sorting center",
        5: "Sorted",
        6: "Not sorted",
        7: "Being sorted",
        62990: "At sorting centre",
        91: "Parcel en route",
        92: "Driver en route",
        62989: "At Customs",
        4: "Delivery delayed",
        8: "Delivery attempt failed",
        62993: "Delivery method changed",
        62994: "Delivery date changed",
        62995: "Delivery address changed",
        12: "Awaiting customer pickup",
        80: "Unable to deliver",
        62991: "Refused by recipient",
        62992: "Returned to sender",
        62996: "Exception",
        62997: "Address invalid",
    },
    ParcelClass.DELIVERED: {
        11: "Delivered",
        93: "Shipment collected by customer",
    },
    ParcelClass.CANCELLED: {
        1998: "Cancelled upstream",
        2000: "Cancelled",
    },
    None: {
        1999: "Cancellation requested",
        2001: "Submitting cancellation request",
        1337: "Unknown status - check carrier track & trace page for more insights",
    },
}
_CLASSES: Final = {status: klass for klass, ids in _LISTED.items() for status in ids}
_BY_MESSAGE: Final = {_folded(message): status for ids in _LISTED.values() for status, message in ids.items()}
_DOCUMENTED: Final = {
    "READY_TO_SEND": 1000,
    "ANNOUNCED": 1,
    "ANNOUNCING": 1001,
    "ANNOUNCEMENT_FAILED": 1002,
    "CANCELLED": 2000,
}
"""The v3 codes that the documentation names."""


def parcel_class(status: int) -> ParcelClass | None:
    """Return the class of a status id; None keeps the one that the parcel had."""
    return _CLASSES.get(status)


def picked_up(klass: ParcelClass | None) -> bool:
    """Return True from the pick-up by the carrier (status 22) on."""
    return klass in (ParcelClass.TRANSIT, ParcelClass.DELIVERED)


def status_id(code: str, message: str) -> int | None:
    """Return the v2 number of a v3 status; None if neither its code nor its message is known."""
    return _DOCUMENTED.get(code) or _BY_MESSAGE.get(_folded(message))
