"""Every point that cannot be verified without a real account, as a switch with each conceivable outcome.

``Switches`` holds the position of each switch, ``TABLE`` describes them all (from the same definitions), so that a docs
generator, the control API and the tests can iterate. The first value of a switch is its default. Tests run all of them.
"""

from dataclasses import Field, dataclass, field, fields
from typing import Final


def _switch(side: str, *values: str, means: str) -> str:
    """Declare a field whose first value is the default; ``side`` names the open point."""
    default: str = field(default=values[0], metadata={"side": side, "values": values, "means": means})
    return default


@dataclass(slots=True)
class Switches:
    """Positions of all switches; set them with ``turn``, which refuses values that do not exist."""

    # What Afterbuy's documentation leaves open
    wrong_token_code: str = _switch(
        "Afterbuy", "8", "9", "10", "35", means="Error code for a wrong PartnerToken or AccountToken."
    )
    partner_id: str = _switch(
        "Afterbuy",
        "ignored",
        "required",
        means="Whether PartnerID is wanted beside the tokens: missing is error 4, a wrong one error 35.",
    )
    old_credentials: str = _switch(
        "Afterbuy",
        "refused",
        "accepted",
        means="Whether PartnerID, PartnerPassword, UserID and UserPassword still work instead of tokens.",
    )
    detail_level_zero: str = _switch(
        "Afterbuy",
        "all",
        "order_only",
        means="DetailLevel 0: all sections, or order data alone (no buyer, items, shipping, payment).",
    )
    tags_at: str = _switch(
        "Afterbuy", "order", "item", "both", means="Where GetSoldItems answers tags: Order/Tags or SoldItem/Tags."
    )
    tags_level: str = _switch(
        "Afterbuy", "any", "items", means="Tags at any DetailLevel, or only where items (8 or 32) are asked for."
    )
    update_action: str = _switch(
        "Afterbuy", "accepted", "ignored", means="Whether Tags/UpdateAction works or is treated as missing."
    )
    update_action_missing: str = _switch(
        "Afterbuy", "add", "replace", means="Tags without UpdateAction: added to the others, or in their place."
    )
    tag_removal: str = _switch(
        "Afterbuy",
        "accepted",
        "ignored",
        "refused",
        means="Tags with UpdateAction 3: removed; left as they are; error 74 and nothing of that order done.",
    )
    tag_unknown: str = _switch(
        "Afterbuy",
        "refused",
        "ignored",
        "created",
        means="A tag that the Tag Manager does not know: error 74 and nothing of that order done; left out; created.",
    )
    tag_too_long: str = _switch("Afterbuy", "accepted", "refused", "cut", means="A tag of more than 50 characters.")
    tag_case: str = _switch("Afterbuy", "sensitive", "insensitive", means="Whether letter case makes tags different.")
    parcel_field: str = _switch(
        "Afterbuy",
        "additional_info",
        "parcel_labels",
        "both",
        means='Where a "Paketnummer" that a person types in goes (control API and page).',
    )
    labels_fill_info: str = _switch(
        "Afterbuy", "no", "yes", means="Whether writing ParcelLabels also fills an empty AdditionalInfo."
    )
    range_id: str = _switch("Afterbuy", "inclusive", "exclusive", means="RangeID: ValueFrom belongs to the range.")
    date_filter: str = _switch(
        "Afterbuy", "inclusive", "exclusive", means="DateFilter: DateFrom and DateTo belong to the range."
    )
    mod_date: str = _switch(
        "Afterbuy",
        "appearance",
        "edits",
        means="ModDate of an order that is shown later than its own date: when it was first shown, or its last edit.",
    )
    order_under_date_filter: str = _switch(
        "Afterbuy",
        "by_id",
        "by_date",
        means="Whether orders of a page ascend by OrderID under a DateFilter; LastOrderID is the last one listed.",
    )
    unknown_order: str = _switch(
        "Afterbuy", "error", "warning", means="UpdateSoldItems of an unknown order: error 33 or warning 12."
    )
    warning_shape: str = _switch(
        "Afterbuy", "order_id", "item_id", "bare", means="What stands beside WarningCode: OrderID, ItemID, nothing."
    )
    batch: str = _switch(
        "Afterbuy",
        "partial",
        "all_or_nothing",
        means="Whether the other orders of an UpdateSoldItems call are processed if one is not found or refused.",
    )
    empty_element: str = _switch(
        "Afterbuy", "clears", "ignored", means="An empty element in UpdateSoldItems clears the field, or nothing."
    )
    omitted_element: str = _switch(
        "Afterbuy",
        "kept",
        "cleared",
        means="Elements left out of an order, or of a section that is written: kept, or cleared.",
    )
    weight_unit: str = _switch("Afterbuy", "kg", "g", means="Unit of ItemWeight on the wire.")
    set_weight: str = _switch(
        "Afterbuy", "piece", "line", means="ItemWeight of product sets: of one set, or of the whole line."
    )
    platform_tax_reference: str = _switch(
        "Afterbuy",
        "number",
        "labelled",
        "absent",
        means="PlatformTaxReference: a VOEC or IOSS number, the same behind its kind, or none.",
    )
    entities: str = _switch(
        "Afterbuy", "once", "twice", means="Whether < > & ' \" in texts are escaped twice in answers."
    )
    maintenance: str = _switch(
        "Afterbuy",
        "html_200",
        "html_503",
        "code_13",
        means="What a maintenance window (fault html) looks like on the wire.",
    )
    over_quota: str = _switch(
        "Afterbuy", "served", "code_14", "http_429", means="What follows after 50,000 calls on one day."
    )
    minute_limit: str = _switch(
        "Afterbuy", "none", "code_14", "http_429", means="Whether more than 600 calls a minute are refused."
    )
    package_numbers: str = _switch(
        "Afterbuy", "per_item", "whole_list", means="Where PackageNumber has to ascend (error 3003)."
    )
    nothing_found: str = _switch(
        "Afterbuy", "code_15", "empty", means="GetSoldItems without a hit: error 15, or a page without orders."
    )
    filter_case: str = _switch(
        "Afterbuy", "ignored", "strict", means="Whether values of DefaultFilter match in any letter case."
    )
    error_place: str = _switch(
        "Afterbuy", "result", "root", means="ErrorList inside Result, or directly under the root."
    )
    error_status: str = _switch("Afterbuy", "Error", "Success", means="CallStatus of an answer with an ErrorList.")
    odd_spelling: str = _switch(
        "Afterbuy", "yes", "no", means="Mixed letter case, changing order of elements and another CallName."
    )

    # What Sendcloud's documentation leaves open
    external_order_id: str = _switch(
        "Sendcloud",
        "order_id",
        "absent",
        "own_id",
        means="external_order_id of a label of an incoming order: the v3 order_id, empty, or the parcel's own id.",
    )
    updated_at_gates: str = _switch(
        "Sendcloud", "no", "yes", means="A second POST changes the order only if order_updated_at changed."
    )
    currencies: str = _switch("Sendcloud", "any", "three", means="Currencies beyond EUR, GBP and USD.")
    retry_after: str = _switch("Sendcloud", "absent", "present", means="Retry-After on a 429.")
    webhook_timeout: str = _switch(
        "Sendcloud", "10", "3", means="Seconds after which an unanswered webhook counts as failed."
    )
    webhook_success: str = _switch("Sendcloud", "200", "2xx", means="Which answers end the retries of a webhook.")
    v3_status_codes: str = _switch(
        "Sendcloud", "message", "slug", means="v3 status codes: message in upper case with underscores, or slugs."
    )
    split_order: str = _switch(
        "Sendcloud", "apart", "colli", means="Parcels of an order split in the panel: no shared colli_uuid, or one."
    )
    labelled_order: str = _switch(
        "Sendcloud",
        "kept",
        "updated",
        "refused",
        "reopened",
        means="POST of an order that has a label: 201 without effect, order updated, 400, or a new incoming order.",
    )
    house_number: str = _switch(
        "Sendcloud", "optional", "required", means="Whether DE, NL and BE addresses need house_number."
    )
    service_point_id: str = _switch(
        "Sendcloud",
        "optional",
        "required",
        means="Whether service_point_details goes without id and carrier_service_point_id, with a post_number alone.",
    )
    tax_numbers: str = _switch(
        "Sendcloud",
        "accepted",
        "refused",
        "unknown_field",
        means="Tax numbers in customs_details: taken, each refused, or no such field.",
    )
    declared_weight: str = _switch(
        "Sendcloud", "unchecked", "checked", means="Whether articles may weigh more than the order, as in shipments."
    )
    next_link: str = _switch(
        "Sendcloud", "own", "foreign", means="Whether links to the next page lead here, or to a host of another name."
    )
    order_filter: str = _switch(
        "Sendcloud", "works", "ignored", means="Whether GET /orders honours order_id and order_number."
    )
    order_ids: str = _switch(
        "Sendcloud", "documented", "int", "string", means="Sendcloud's id: int in POST and string in GET, or one type."
    )
    push_status: str = _switch("Sendcloud", "201", "200", means="Status of an accepted POST /orders.")
    deleted_order: str = _switch(
        "Sendcloud", "keeps_labels", "cancels_labels", means="What DELETE of an incoming order does to its labels."
    )
    item_weight: str = _switch(
        "Sendcloud", "per_unit", "per_line", means="measurement.weight of an item: of one unit, or of the line."
    )
    error_status_type: str = _switch("Sendcloud", "string", "int", means="Type of status in v3 errors.")
    webhook_json: str = _switch(
        "Sendcloud", "python", "compact", means="Wire form of webhooks: json.dumps defaults, or compact UTF-8."
    )
    webhook_key: str = _switch(
        "Sendcloud", "signature_key", "secret_key", means="Which key signs webhooks (depends on integration type)."
    )
    webhook_timestamp: str = _switch("Sendcloud", "ms", "s", means="Unit of timestamp in webhooks.")
    extra_actions: str = _switch(
        "Sendcloud",
        "off",
        "on",
        means="Also send parcel_created, refund_requested and return_delivered, which the documentation lacks.",
    )
    tracking_url: str = _switch(
        "Sendcloud", "forward", "brand", means="Form of tracking_url: forwarder, or portal with lower-cased number."
    )
    v2_parcels: str = _switch(
        "Sendcloud",
        "open",
        "403",
        "404",
        "410",
        means="Whether v2 /parcels is served, or closed and how it answers then.",
    )
    v3_shipments: str = _switch(
        "Sendcloud", "open", "404", "410", means="Whether v3 /shipments is served, or closed and how it answers then."
    )
    v3_returns: str = _switch(
        "Sendcloud", "absent", "listed", means="Whether v3 /shipments lists returns, which nothing in it marks as such."
    )
    date_header: str = _switch(
        "Sendcloud",
        "right",
        "absent",
        "unreadable",
        "1970",
        "2099",
        means="The Date of every answer: the sandbox's clock, none, no date at all, or one of a wrong year.",
    )
    integration_patch: str = _switch(
        "Sendcloud",
        "saved",
        "ignored",
        "403",
        "404",
        means="PATCH of an integration with its own keys: saved, 204 without effect, not allowed, or no such call.",
    )
    webhook_address: str = _switch(
        "Sendcloud", "any", "https", means="Whether a webhook may go to a plain http address, or gets a 400."
    )
    feedback_type: str = _switch(
        "Sendcloud", "accepted", "refused", means="Whether feedback_type of an API integration can be changed."
    )
    feedback_holds: str = _switch(
        "Sendcloud",
        "no",
        "yes",
        means="Whether feedback_type holds back webhooks: none all of them, delayed those before the carrier's scan.",
    )
    cancellation: str = _switch(
        "Sendcloud", "at_once", "queued", "refused", means="What cancelling a label does: 200, 202 or 400."
    )

    def turn(self, name: str, value: str) -> None:
        """Set one switch; ValueError if there is no such switch or position."""
        switch = BY_NAME.get(name)
        if switch is None:
            raise ValueError(f"there is no switch {name}")
        if value not in switch.values:
            raise ValueError(f"{name} knows {', '.join(switch.values)}")
        setattr(self, name, value)

    def positions(self) -> dict[str, str]:
        """Return the positions of all switches by name."""
        return {each.name: getattr(self, each.name) for each in TABLE}


@dataclass(frozen=True, slots=True)
class Switch:
    """Description of one switch."""

    name: str
    side: str
    """The system whose documentation leaves it open."""
    values: tuple[str, ...]
    """All positions; the first is the default."""
    means: str


def _described(each: "Field[str]") -> Switch:
    return Switch(each.name, each.metadata["side"], each.metadata["values"], each.metadata["means"])


TABLE: Final = tuple(_described(each) for each in fields(Switches))
"""Every switch, Afterbuy's first."""

BY_NAME: Final = {each.name: each for each in TABLE}
