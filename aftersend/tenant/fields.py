r"""What every section of the tenant document is made of: the strict base and the kinds of text.

Two readers must agree on each pattern: Python's ``re`` (files) and Go's RE2 (the API server). So patterns use what both
read alike: ASCII classes spelled out instead of ``\s`` or ``\d``, no look-around, and ``\Z`` at the end, because
Python's ``$`` would let a trailing newline pass (the CRD gets ``$``, which in Go means the very end). Every text, list
and map has a limit: they end up in keys, headers and labels, and the API server prices rules by them.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

FORM = "form"
"""Key of ``Meta.extra``: how a text must look, with an example; the refusal of the API server says it.

Not for a ``Day``: its format has a sentence already, and makes it a timestamp to rules, which no pattern matches."""
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS = rf"{_LABEL}(\.{_LABEL})*"
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"


Name = Annotated[str, Meta(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?\Z", min_length=1, max_length=30)]
Namespace = Annotated[str, Meta(pattern=rf"^{_LABEL}\Z", min_length=1, max_length=63)]
DnsName = Annotated[
    str,
    Meta(
        pattern=rf"^{_DNS}\Z",
        min_length=1,
        max_length=253,
        extra={FORM: "use small letters, digits, hyphens and dots such as mueller-afterbuy"},
    ),
]
GatewayName = Annotated[
    str,
    Meta(
        pattern=rf"^({_LABEL}/)?{_DNS}\Z",
        min_length=1,
        max_length=317,
        extra={FORM: "use the name of a Gateway, perhaps with its namespace, such as gateways/public"},
    ),
]
_HOST_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_H16 = r"[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    (
        rf"({_H16}:){{7}}{_H16}",
        *(rf"({_H16}:){{1,{7 - n}}}(:{_H16}){{1,{n}}}" for n in range(1, 7)),
        rf"({_H16}:){{1,7}}:",
        rf":((:{_H16}){{1,7}}|:)",
    )
)
"""As in RFC 4291, without a dotted IPv4 part: no tool may meet brackets in which there is no address."""
_PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
Url = Annotated[
    str,
    Meta(
        pattern=rf"^https?://({_HOST_LABEL}(\.{_HOST_LABEL})*\.?|\[({_IPV6})\])(:({_PORT}))?(/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?\Z",
        min_length=8,
        max_length=2048,
        extra={
            FORM: "use http:// or https:// with a host, perhaps a port and a path, without user name and query such as "
            "https://api.afterbuy.de/afterbuy/ABInterface.aspx"
        },
    ),
]
Cron = Annotated[str, Meta(pattern=r"^[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,-]+){4}\Z", min_length=9, max_length=100)]
TimeZone = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}\Z",
        min_length=1,
        max_length=64,
        extra={FORM: "use an IANA name such as Europe/Berlin"},
    ),
]
Day = Annotated[
    str,
    Meta(
        pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z",
        min_length=10,
        max_length=10,
        extra_json_schema={"format": "date"},
    ),
]
CountryCode = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}\Z", min_length=2, max_length=2, extra={FORM: "use two capital letters such as DE"})
]
HsCode = Annotated[
    str,
    Meta(
        pattern=r"^[0-9.]{4,12}\Z",
        min_length=4,
        max_length=12,
        extra={FORM: "use 4 to 12 digits and dots such as 6109.10"},
    ),
]
WebhookPath = Annotated[
    str,
    Meta(
        pattern=r"^/[A-Za-z0-9._~/-]*\Z",
        min_length=1,
        max_length=255,
        extra={FORM: "use a path of letters, digits and ._~/- that begins with / such as /webhooks/sendcloud"},
    ),
]
BackupLocation = Annotated[
    str,
    Meta(
        pattern=r"^(volume|s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[A-Za-z0-9._~=/-]*)?)\Z",
        min_length=6,
        max_length=1024,
        extra={FORM: "use volume, or a bucket with a prefix such as s3://backups/aftersend"},
    ),
]
VolumeSize = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)\Z",
        min_length=3,
        max_length=12,
        extra={FORM: "use a whole number of Mi, Gi or Ti such as 1Gi"},
    ),
]
_ONE_LINE = {FORM: "use one line without tabs and other control characters such as J&J Aftersend"}
_NO_CONTROLS = r"^[^\x00-\x1F\x7F]*\Z"
_ONE_NAME = {FORM: "use a name on one line, not blank, such as Kleinpaket"}
_NOT_BLANK = r"^[^\x00-\x1F\x7F]*[^\x00-\x20\x7F\xA0][^\x00-\x1F\x7F]*\Z"
MaybeEmpty = Annotated[str, Meta(extra=_ONE_LINE, pattern=_NO_CONTROLS, max_length=100)]
Line = Annotated[str, Meta(extra=_ONE_LINE, pattern=_NO_CONTROLS, min_length=1, max_length=255)]
TagName = Annotated[str, Meta(extra=_ONE_NAME, pattern=_NOT_BLANK, min_length=1, max_length=100)]
MethodName = Annotated[str, Meta(extra=_ONE_NAME, pattern=_NOT_BLANK, min_length=1, max_length=255)]
ShortLine = Annotated[str, Meta(extra=_ONE_LINE, pattern=_NO_CONTROLS, min_length=1, max_length=50)]
Cores = (
    Annotated[
        str,
        Meta(
            pattern=r"^([1-9][0-9]{0,5}m|[0-9]{1,3}(\.[0-9]{1,3})?)\Z",
            min_length=1,
            max_length=8,
            extra={FORM: "use cores or thousandths of a core such as 1, 0.5 or 250m"},
        ),
    ]
    | Annotated[int, Meta(ge=1, le=128)]
)
Bytes = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,9}(Ki|Mi|Gi|k|M|G)\Z",
        min_length=2,
        max_length=12,
        extra={FORM: "use a whole number with its unit Ki, Mi, Gi, k, M or G such as 128Mi"},
    ),
]
LabelKey = Annotated[str, Meta(min_length=1, max_length=317)]
LabelValue = Annotated[
    str,
    Meta(
        pattern=rf"^({_WORD})?\Z",
        max_length=63,
        extra={FORM: "use letters and digits with hyphens, dots and underscores between them such as shop-1"},
    ),
]


class Section(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A section of the document: immutable, camelCase on the outside, strict about unknown fields."""
