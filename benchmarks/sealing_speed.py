"""What does it cost to seal and to open one event, with the data key and with the webhook's seal key?

    python benchmarks/sealing_speed.py [--json]

Both kinds are measured by turns, so that a busy machine slows both down; the ratio compares the best rounds. The seal
key may cost no more: one key agreement serves ten minutes, and the receiver remembers what it has agreed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sight.figures import Figure, print_figures

from aftersend.key_agreement import ReceivedKeys, agree, public_half
from aftersend.key_files import make_data_keys
from aftersend.sealing import Keyring, SealKeyring, bind
from aftersend.secrets import SecretFiles

_PLAIN = b"x" * 512
_BOUND = bind("shops.mueller", "parcels", "parcel.changed", "01a2298d-f073-7cf3-9848-88c17f62d720")
_ROUNDS, _CALLS = 600, 15
_COMPARED = ("seal with the seal key", "open of the seal key")
_MOST_OVER = 1.25
"""Noise of a shared machine, and 32 bytes more."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Sealing and opening one event.")
    parser.add_argument("--json", action="store_true")
    with tempfile.TemporaryDirectory() as folder:
        return print_figures(measure(Path(folder)), as_json=parser.parse_args().json)


def measure(folder: Path) -> list[Figure]:
    """Seal and open by turns."""
    make_data_keys(folder / "data-key")
    files = SecretFiles(folder / "data-key")
    keyring, seals = Keyring(files), SealKeyring(SecretFiles(folder / "seal-key"), files)
    private, public = keyring.seal(_PLAIN, bound=_BOUND), seals.seal(_PLAIN, bound=_BOUND)
    sent, _ = agree(public_half(bytes(32)))
    best = _best(
        {
            "seal with the data key": partial(keyring.seal, _PLAIN, bound=_BOUND),
            "seal with the seal key": partial(seals.seal, _PLAIN, bound=_BOUND),
            "open of the data key": partial(keyring.open, private, bound=_BOUND, public=True),
            "open of the seal key": partial(keyring.open, public, bound=_BOUND, public=True),
            "one key agreement, receiver": lambda: ReceivedKeys().find(bytes(32), sent),
        }
    )
    over = {f"{what}, over the data key": best[what] / best[what.replace("seal key", "data key")] for what in _COMPARED}
    return [
        *(Figure(what, round(seconds * 1e6, 1), "us") for what, seconds in best.items()),
        *(Figure(what, round(ratio, 2), "", bound=_MOST_OVER) for what, ratio in over.items()),
    ]


def _best(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the seconds of one call in the best of many rounds."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            begun = time.perf_counter()
            for _ in range(_CALLS):
                call()
            best[name] = min(best[name], (time.perf_counter() - begun) / _CALLS)
    return best


if __name__ == "__main__":
    sys.exit(main())
