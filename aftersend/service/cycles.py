"""How often Python looks for objects that refer to each other in a cycle: after 10,000 new ones instead of 700.

Orders and events make thousands of objects that are gone a moment later, without any cycle; looking at those that
happen to live took a twelfth of the processor time of an export, and a twentieth of the imports. What waits in cycles
meanwhile, mostly errors with their tracebacks, is a few MB at the very most: an error that a library keeps, and whose
frames hold something large, loses its traceback where it is caught (``BodyReader``).
"""

import gc
from typing import Final

NEW_OBJECTS: Final = 10_000


def collect_rarely() -> None:
    """Raise the threshold of the youngest generation, from here on."""
    _, *older = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *older)
