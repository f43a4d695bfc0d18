"""One order in the ledger: what was observed of its parcels, and what was applied to Afterbuy.

Work is due whenever ``observed`` and ``applied`` differ, whether or not the event at hand was new. That one rule makes
duplicates, reordering, replays and crashes between any two steps harmless.

An entry holds no personal data in clear: numbers, links and carriers live in ``ParcelDetails``, which the store seals
apart from the rest. What remains readable are ids, times, states, and keyed MACs.
"""

from typing import Literal

import msgspec

from aftersend.sendcloud.model import ParcelClass

State = Literal["new", "pushing", "accepted", "confirmed", "labelled", "problem", "forgotten"]
"""``forgotten`` is a tombstone (see ``tombstone``): the order was erased on request; no change gets through to it."""
ProblemCode = Literal[
    "rejected",
    "not_saved",
    "unreadable",
    "deleted_in_sendcloud",
    "given_up",
    "changed_after_transfer",
    "withdrawn",
    "conflict",
    "tag_refused",
    "not_shown",
    "too_late",
]
NoticeCode = Literal["customs_incomplete", "state_missing", "post_number_missing", "field_left_out"]
"""The gravest first."""


class Problem(msgspec.Struct, frozen=True):
    """A problem that a person must look at; ``path`` names a field, never its content."""

    code: ProblemCode
    since: int
    """ms since 1970, UTC."""
    path: str = ""


class Notice(msgspec.Struct, frozen=True):
    """Data that an order was sent without, although it may be missed; ``path`` names a field, never its content."""

    code: NoticeCode
    since: int
    """ms since 1970, UTC."""
    path: str = ""


class Held(msgspec.Struct, frozen=True):
    """Why an order is not sent for now: a word of the exporter's rules, never a value of the order."""

    reason: str
    since: int
    """ms since 1970, UTC; when this reason first applied."""


class TimedValue(msgspec.Struct, frozen=True, array_like=True):
    """A value and its time: the later one wins, and an empty one never replaces another."""

    value: str = ""
    time: int = -1
    """ms; when the value was reported."""
    assumed: bool = False
    """True if no time was reported and it is the time of receipt; loses against a reported one at equal times."""


class ParcelDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """The personal part of a parcel; sealed at rest."""

    number: TimedValue = TimedValue()
    url: TimedValue = TimedValue()
    carrier: TimedValue = TimedValue()


class ParcelState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The readable part of a parcel."""

    klass: ParcelClass = ParcelClass.OPEN
    time: int = -1
    """ms; when the class was reached."""
    assumed: bool = False
    """True if no time was reported and it is the time of receipt."""
    revived: bool = False
    """The class comes from a failed cancellation (status 94), which beats the cancellation at equal times."""
    collo: int = 0
    is_return: bool = False
    mark: str = ""
    """Keyed MAC of the number: recognises it in Afterbuy's field after the sealed part has gone."""
    link_mark: str = ""
    """Keyed MAC of the link, for the same purpose."""

    @property
    def is_live(self) -> bool:
        """Return whether it carries goods to the customer: a number, not cancelled, not a return."""
        return bool(self.mark) and not self.is_return and self.klass is not ParcelClass.CANCELLED

    @property
    def is_picked_up(self) -> bool:
        """Return whether the carrier has it, or it is further on the way to the customer."""
        return self.klass in (ParcelClass.TRANSIT, ParcelClass.DELIVERED)


class ProblemTag(msgspec.Struct, frozen=True):
    """A tag that was set in Afterbuy because of a problem, or that Afterbuy refused then."""

    tag: str
    code: ProblemCode
    since: int
    """ms; when the problem began."""


class Unshown(msgspec.Struct, frozen=True):
    """Rounds of the write-back after which Afterbuy did not show what it had accepted."""

    observed: int
    """The revision that was to be shown."""
    day: int
    """Days since 1970, UTC."""
    rounds: int


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """The entry of one order. Immutable: every change makes a new one, and the store compares and sets."""

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
    papers: int = 0
    """Version of the rules of customs papers that made ``fingerprint``; 0 = before these were known."""
    trace: str = ""
    """Traceparent of the last push: the trace of the write-back, hours later, links to it."""
    pushes: int = 0
    """Number of pushes since it was last found in Sendcloud."""
    pushed: int = 0
    """ms; the last push."""
    refused: int = 0
    """ms; the last refusal by Sendcloud, or the last time that it was sent again after one; 0 = not refused."""
    refusals: int = 0
    """Number of refusals of this version in a row."""
    watched: int = 0
    """ms; since when it is watched; 0 = not watched."""
    held: Held | None = None
    """Why it is not sent; kept beside ``given_up``, None as soon as it is sent."""
    observed: int = 0
    """Revision of what we know of its parcels."""
    applied: int = 0
    """The ``observed`` that Afterbuy shows."""
    lagging: int = 0
    """ms; since when applied is behind observed; 0 = it is not."""
    written: dict[str, str] = {}
    """Afterbuy's field name -> keyed MAC of the text that we wrote there last."""
    unshown: Unshown | None = None
    """The last rounds without effect; None as soon as Afterbuy shows what it should."""
    ticks: frozenset[Literal["tag", "shipped"]] = frozenset()
    """What is done once and never again, even if a person takes it back."""
    problem: Problem | None = None
    problem_tag: ProblemTag | None = None
    """For which problem Afterbuy got its tag; None once that has ended there, too."""
    notices: tuple[Notice, ...] = ()
    """The gravest first. They stop nothing: an order with notices goes its way like any other."""
    parcels: dict[str, ParcelState] = {}
    details: dict[str, ParcelDetails] = {}
    """By parcel id; kept sealed, apart from the rest, and gone seven days after the order is done."""

    @property
    def live(self) -> list[str]:
        """Ids of the live parcels in parcel order: by collo, then by parcel id (digits, compared as numbers)."""
        alive = [(state.collo, len(parcel), parcel) for parcel, state in self.parcels.items() if state.is_live]
        return [parcel for _, _, parcel in sorted(alive)]

    @property
    def is_forgotten(self) -> bool:
        """Return whether it is a tombstone."""
        return self.state == "forgotten"

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left to do: Afterbuy shows what was observed, and there is no problem.

        The tag needs no check of its own: applied is raised only together with the tag or with a problem.
        """
        return self.state == "labelled" and self.applied == self.observed and self.problem is None
