"""What decoding bytes of others with msgspec may raise: more than its own errors, and each of them may quote its input.

Text that is no UTF-8 is a ``UnicodeDecodeError``, brackets within a thousand brackets are a ``RecursionError``. So a
reader of foreign bytes catches these, and raises an error of ours ``from None``.
"""

from typing import Final

UNDECODABLE: Final = (ValueError, RecursionError)
"""``msgspec.MsgspecError`` and ``UnicodeDecodeError`` are kinds of ValueError."""
