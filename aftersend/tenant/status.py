"""``status`` of the custom resource: what the operator knows, in the shape the API server holds it to.

Only the operator writes it. Nothing personal and nothing secret stands in it: times, counts, codes and fixed texts.
Times are RFC 3339 in UTC.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Time = Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Outcome = Literal["done", "partial", "failed"]
Reason = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9]*\Z", min_length=1, max_length=64)]
Message = Annotated[str, Meta(max_length=1024)]
Id = Annotated[str, Meta(max_length=128)]


class _StatusSection(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """A part of the status: what is not known is left out."""


class Condition(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One aspect of the tenant's state, in Kubernetes' usual form."""

    type: Reason
    """Ready, Progressing, Degraded or Suspended."""
    status: Literal["True", "False", "Unknown"]
    """Whether the aspect holds."""
    observed_generation: Count
    """Generation of the spec that the operator had seen when it decided."""
    last_transition_time: Time
    """When status changed last."""
    reason: Reason
    """One word that a program can compare."""
    message: Message
    """What is the matter and what cures it."""


class LastExport(_StatusSection, frozen=True):
    """The last export run that came to an end."""

    time: Time | None = None
    """When it ended."""
    outcome: Outcome | None = None
    """partial = something was rejected or is tried again; failed = nothing could be read or sent."""
    run: Id | None = None
    """Id of the run, as logs and traces name it."""
    read: Count | None = None
    """Orders read from Afterbuy."""
    sent: Count | None = None
    """Orders that Sendcloud accepted."""
    unchanged: Count | None = None
    """Orders that needed nothing."""
    skipped: Count | None = None
    """Orders left out by a rule."""
    rejected: Count | None = None
    """Orders that Sendcloud refused."""
    watched: Count | None = None
    """Orders that are read again in every run."""
    seconds: Annotated[float, Meta(ge=0, le=86400)] | None = None
    """How long the run took."""
    message: Message | None = None
    """Why it failed, or what a person should know."""


class LastSweep(_StatusSection, frozen=True):
    """The last sweep that came to an end."""

    time: Time | None = None
    """When it ended."""
    outcome: Outcome | None = None
    """Whether all changed parcels were read."""
    message: Message | None = None
    """Why it failed."""


class LastWriteBack(_StatusSection, frozen=True):
    """The last parcel number that reached Afterbuy."""

    time: Time | None = None
    """When it was written."""


class LastBackup(_StatusSection, frozen=True):
    """The last backup that came to an end."""

    time: Time | None = None
    """When it was made."""
    outcome: Literal["done", "failed"] | None = None
    """done = written and read back."""
    id: Id | None = None
    """Name for restore."""
    keys: Count | None = None
    """Keys in it."""
    bytes: Count | None = None
    """Its size."""
    verified: bool | None = None
    """Whether reading it back gave what was written."""
    message: Message | None = None
    """Why it failed."""


class Queue(_StatusSection, frozen=True):
    """One stream of the tenant in Redis."""

    waiting: Count | None = None
    """Entries that are not done, delayed ones not counted."""
    delayed: Count | None = None
    """Entries that are tried again later."""
    dead: Count | None = None
    """Dead letters: `aftersend dead list` shows them."""
    oldest_minutes: Count | None = None
    """Age of the oldest entry that is not done."""


class Webhooks(_StatusSection, frozen=True):
    """What the webhook service received within the last hour."""

    stored: Count | None = None
    """Webhooks whose event was stored."""
    refused: Count | None = None
    """Webhooks without a valid signature: the key is wrong, or others call the address."""
    last_stored: Time | None = None
    """When the last event was stored."""
    last_refused: Time | None = None
    """When the last webhook was refused."""


class Status(_StatusSection, frozen=True):
    """What the operator knows; only the operator writes it."""

    conditions: Annotated[list[Condition], Meta(max_length=16)] = msgspec.field(default_factory=list)
    """Ready, Progressing, Degraded and Suspended."""
    observed_generation: Count | None = None
    """Generation of the spec that the operator has worked on."""
    served_by: Annotated[str, Meta(max_length=317)] | None = None
    """The operator that serves the tenant (`<namespace>/<release>`); any other leaves it alone until this is empty."""
    version: Annotated[str, Meta(max_length=128)] | None = None
    """Version of Aftersend that the tenant's pods run."""
    webhook_url: Annotated[str, Meta(max_length=2048)] | None = None
    """Address to enter in Sendcloud."""
    last_export: LastExport | None = None
    last_sweep: LastSweep | None = None
    last_write_back: LastWriteBack | None = None
    last_backup: LastBackup | None = None
    problems: Annotated[dict[Annotated[str, Meta(max_length=64)], Count], Meta(max_length=30)] | None = None
    """Orders that a person must look at, by code of the problem."""
    notices: Annotated[dict[Annotated[str, Meta(max_length=64)], Count], Meta(max_length=30)] | None = None
    """Orders that were sent without data that may be missed, by code."""
    queues: Annotated[dict[Annotated[str, Meta(max_length=64)], Queue], Meta(max_length=10)] | None = None
    """The tenant's streams by name."""
    webhooks: Webhooks | None = None
