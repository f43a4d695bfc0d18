"""The page on which a merchant seals credentials: one static HTML file that needs no network.

The policy in its head allows one script and one style, both by their hash, and nothing else: no request, no frame, no
form target. The tenant, the recipients and the words of the fingerprint stand in it as data. Same inputs, same bytes.
"""

import base64
import hashlib
import html
import json
from importlib.resources import files
from string import Template
from typing import Final, Literal

import msgspec

from aftersend.handover.contents import VERSION
from aftersend.handover.recipients import COUNT, ITERATIONS, SALT, AgeRecipient, words

Language = Literal["de", "en"]
_FOLDER: Final = files("aftersend.handover") / "page"


def render_page(*, tenant: str, recipients: list[AgeRecipient], language: Language) -> bytes:
    """Return the page for one tenant."""
    texts = msgspec.json.decode(_read("texts.json"), type=dict[str, dict[str, str]])[language]
    script, style = _read("seal.js"), _read("page.css")
    config = {
        "v": VERSION,
        "tenant": tenant,
        "recipients": [recipient.key for recipient in recipients],
        "words": words(),
        "fingerprint": {"salt": SALT, "iterations": ITERATIONS, "count": COUNT},
        "texts": {name: text for name, text in texts.items() if name.startswith("js_")},
    }
    policy = (
        f"default-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src '{_digest(script)}'; style-src '{_digest(style)}'"
    )
    page = Template(_read("template.html")).substitute(
        {name: html.escape(text) for name, text in texts.items()},
        language=language,
        policy=policy,
        tenant=html.escape(tenant),
        recipients="".join(f"<li>{html.escape(_shown(recipient))}</li>" for recipient in recipients),
        config=json.dumps(config, ensure_ascii=True, sort_keys=True).replace("<", "\\u003c"),
        script=script,
        style=style,
    )
    return page.encode()


def _shown(recipient: AgeRecipient) -> str:
    return f"{recipient.name}: {recipient.key}" if recipient.name else recipient.key


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
