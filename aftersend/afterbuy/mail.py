"""Find the mail address in a text that a person or a marketplace has filled in."""

import re
from typing import Final

_LOCAL_PART: Final = r"[^\s@<>()\[\],;:\"\\.\x00-\x1f\x7f\u200b\u2060\ufeff]+"
_LABEL: Final = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_MAIL: Final = re.compile(
    rf"(?=.{{1,64}}@){_LOCAL_PART}(?:\.{_LOCAL_PART})*@(?:{_LABEL}\.)+(?!\d)[^\W_](?:[\w-]*[^\W_])"
)
_MAIL_SEPARATORS: Final = (re.compile(r"[\s<>()\[\],;:\"]+"), re.compile(r"[\s<>()\[\],;:\"|/&?]+"))
_BEFORE_MAIL: Final = "'’‘`“”„*#{\u200b\u2060\ufeff"
_AFTER_MAIL: Final = _BEFORE_MAIL + ".!}\\-\u00ad"
_LONGEST_MAIL: Final = 254


def read_mail(text: str) -> str:
    """Find the first usable mail address: OTTO appends a word to it, others write names, lists or anything at all."""
    if not text:
        return ""
    whole = text.lstrip(_BEFORE_MAIL).rstrip(_AFTER_MAIL)
    if len(whole) <= _LONGEST_MAIL and _MAIL.fullmatch(whole):
        return whole
    parts = (part for separators in _MAIL_SEPARATORS for part in separators.split(text))
    candidates = (part.lstrip(_BEFORE_MAIL).rstrip(_AFTER_MAIL) for part in parts)
    return next((mail for mail in candidates if len(mail) <= _LONGEST_MAIL and _MAIL.fullmatch(mail)), "")
