"""One order in the ledger: what was observed of its parcels, and what was applied to Afterbuy.

Work is due whenever ``observed`` and ``applied`` differ, whether or not the event at hand was new. That one rule makes
duplicates, reordering, replays and crashes between any two steps harmless.

An entry holds no personal data in clear: numbers, links and carriers live in ``ParcelDetails``, which the store seals
apart from the rest. What remains readable are ids, times, states, and keyed MACs.
"""

from typing import Literal

import msgspec

from aftersend.sendcloud.model import ParcelClass

State = Literal["new", "pushing", "accepted", "confirmed", "labelled", "problem"]
ProblemCode = Literal[
    "rejected",
    "not_saved",
    "deleted_in_sendcloud",
    "given_up",
    "changed_after_transfer",
    "withdrawn",
    "conflict",
    "tag_refused",
]


class Problem(msgspec.Struct, frozen=True):
    """What a person must look at; ``path`` names a field, never its content."""

    code: ProblemCode
    since: int
    """ms since 1970, UTC."""
    path: str = ""


class Field(msgspec.Struct, frozen=True, array_like=True):
    """A value with the time it is from: the later one wins, and nothing never replaces something."""

    value: str = ""
    time: int = -1


class ParcelDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """The personal part of a parcel; sealed at rest."""

    number: Field = Field()
    url: Field = Field()
    carrier: Field = Field()


class ParcelState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The readable part of a parcel."""

    klass: ParcelClass = ParcelClass.OPEN
    time: int = -1
    """ms; when the class was reached."""
    collo: int = 0
    is_return: bool = False
    mark: str = ""
    """Keyed MAC of the number: recognises it in Afterbuy's field after the sealed part has gone."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """All we know of one order. Immutable: every change makes a new one, and the store compares and sets."""

    order: str
    """The OrderID."""
    state: State = "new"
    since: int = 0
    """ms; when ``state`` was reached."""
    revision: int = 0
    """Counts the changes of this entry; the store refuses to overwrite a newer one."""
    touched: int = 0
    """ms; the last change. The entry is kept 90 days from then."""
    fingerprint: str = ""
    """Keyed MAC over the shipping-relevant fields as last sent."""
    pushes: int = 0
    """How often it was pushed without being found in Sendcloud since."""
    pushed: int = 0
    """ms; the last push."""
    watched: int = 0
    """ms; since when it is watched; 0 = not watched."""
    observed: int = 0
    """Revision of what we know of its parcels."""
    applied: int = 0
    """The ``observed`` that Afterbuy shows."""
    lagging: int = 0
    """ms; since when applied is behind observed; 0 = it is not."""
    written: str = ""
    """Keyed MAC of the AdditionalInfo that we wrote last."""
    ticks: frozenset[Literal["tag", "shipped"]] = frozenset()
    """What is done once and never again, even if a person takes it back."""
    problem: Problem | None = None
    parcels: dict[str, ParcelState] = {}
    details: dict[str, ParcelDetails] = {}
    """By parcel id; kept sealed, apart from the rest, and gone seven days after the order is done."""
