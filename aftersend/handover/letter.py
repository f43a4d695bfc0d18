"""The sealed text as a mail program leaves it, and how it is opened.

Mail programs put ``>`` before lines, break or join them, add blanks that are none, turn hyphens into dashes, and people
copy a greeting along. All of that is no part of the text: only what stands between its first and last line counts, and
of that only the alphabet of base64.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyrage

from aftersend.errors import Misconfigured
from aftersend.handover.contents import SealedCredentials, read_credentials

_FIRST: Final = "-----BEGIN AGE ENCRYPTED FILE-----"
_LAST: Final = "-----END AGE ENCRYPTED FILE-----"
_LARGEST: Final = 1024 * 1024
_DASHES: Final = r"[-\u2010-\u2015\u2212]+"
_BEGIN: Final = re.compile(rf"{_DASHES}BEGINAGEENCRYPTEDFILE{_DASHES}")
_END: Final = re.compile(rf"{_DASHES}ENDAGEENCRYPTEDFILE{_DASHES}")
_AROUND: Final = re.compile(r"[\s>|*\"'`´“”„‟‘’«»\u00a0\u200b\u200c\u200d\u2060\ufeff\u00ad]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_AGAIN: Final = "ask the merchant to send the whole text again, as a file if the mail program changes it"


def open_letter(
    file: Path, *, tenant: str, identities: list[Any], now: datetime | None = None, force: bool = False
) -> SealedCredentials:
    """Open the sealed text in a file; ``Misconfigured`` says what is wrong with it, and never quotes it."""
    armored = rearmored(_text(file), path=str(file))
    try:
        plain = pyrage.decrypt(armored.encode(), identities)
    except pyrage.DecryptError as error:
        raise _undecryptable(str(error), path=str(file)) from None
    return read_credentials(plain, tenant=tenant, now=now or datetime.now(UTC), force=force)


def rearmored(text: str, *, path: str) -> str:
    """Return the sealed text as age writes it."""
    text = _AROUND.sub("", text)
    begins, ends = list(_BEGIN.finditer(text)), list(_END.finditer(text))
    if len(begins) > 1:
        raise Misconfigured("several sealed texts are in it", path=path, cure="leave the one that you want to open")
    if not begins and not ends:
        raise Misconfigured("no sealed text is in it", path=path, cure=f"{_AGAIN}; it begins with {_FIRST}")
    if not begins or not ends or ends[-1].start() < begins[0].end():
        half = "end" if ends else "beginning"
        raise Misconfigured(f"only the {half} of a sealed text is in it", path=path, cure=_AGAIN)
    body = text[begins[0].end() : ends[-1].start()]
    if not _BASE64.fullmatch(body) or len(body) % 4:
        raise Misconfigured("the sealed text was changed on its way", path=path, cure=_AGAIN)
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join((_FIRST, *lines, _LAST, ""))


def _undecryptable(reason: str, *, path: str) -> Misconfigured:
    if "No matching keys" in reason:
        cure = "use the identity of a recipient that stands on the page, or send the merchant a new page"
        return Misconfigured("none of these private keys opens it: it was sealed for others", path=path, cure=cure)
    return Misconfigured("the sealed text is incomplete, or was changed on its way", path=path, cure=_AGAIN)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST).decode("utf-8", errors="replace")
    except OSError as error:
        raise Misconfigured(f"cannot be read ({type(error).__name__})", path=str(file)) from None
