"""Fuzz targets: ``python -m tests.fuzz.engine TARGET… --minutes M``, or ``--runs N`` with a fixed seed (CI).

libFuzzer by way of atheris, which sees the branches that an input takes: it starts from the corpus of the repository,
keeps what reaches new ones in ``.fuzz/``, and writes what breaks a rule to ``.fuzz/found/``. Exit code: 0 nothing
found, 1 found. atheris has wheels for x86-64; elsewhere the tests vary the corpus with hypothesis.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/fuzz/corpus"
KEPT = ROOT / ".fuzz"
LIMITS = ("-max_len=8192", "-timeout=20", "-rss_limit_mb=1024")
"""Bytes of an input, seconds and MB that it may take."""
INSTRUMENTED = {
    "afterbuy": ("aftersend.afterbuy", "aftersend_exporter.rules"),
    "backup": ("aftersend.backup", "aftersend.sealing"),
    "handover": ("aftersend.handover",),
    "sealed": ("aftersend.ledger", "aftersend.sealing", "aftersend.stream.event"),
    "tenant": ("aftersend.tenant", "yaml"),
    "webhook": ("aftersend.ledger", "aftersend.sendcloud", "aftersend_webhook"),
}
"""The packages whose branches lead the search, by target."""


def main(arguments: Sequence[str]) -> int:
    """Run each target in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=sorted(INSTRUMENTED))
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--runs", type=int, help="inputs for each target, with a fixed seed; nothing is kept")
    wanted = parser.parse_args(arguments)
    seconds = int(wanted.minutes * 60 / len(wanted.targets))
    failed = [name for name in wanted.targets if fuzz(name, seconds=seconds, runs=wanted.runs)]
    print(f"{len(wanted.targets) - len(failed)} passed, {len(failed)} failed", *failed)
    return 1 if failed else 0


def fuzz(target: str, *, seconds: int, runs: int | None) -> int:
    """Fuzz one target; the exit code of libFuzzer, 0 if nothing was found."""
    with tempfile.TemporaryDirectory() as scratch:
        kept, found = (Path(scratch) / "kept",) * 2 if runs else (KEPT / target, KEPT / "found")
        for folder in (kept, found):
            folder.mkdir(parents=True, exist_ok=True)
        words = Path(scratch) / "words"
        words.write_text(dictionary())
        bound = (f"-runs={runs}", "-seed=1") if runs else (f"-max_total_time={seconds}",)
        command = (sys.executable, "-m", "tests.fuzz.engine", "--inside", target, *bound, *LIMITS, f"-dict={words}")
        folders = (f"-artifact_prefix={found}/{target}-", str(kept), str(CORPUS / target))
        return subprocess.run((*command, "-print_final_stats=1", *folders), cwd=ROOT, check=False).returncode


def dictionary() -> str:
    """Return the words of our source that inputs may need, as libFuzzer reads them."""
    files = [file for folder in ("aftersend", "services") for file in sorted((ROOT / folder).rglob("*.py"))]
    words = {
        word
        for file in files
        for word in re.findall(r"[\"']([\w.:/ -]{2,40})[\"']", file.read_text())
        if word.isascii()
    }
    return "".join(f'"{word}"\n' for word in sorted(words))


def inside(target: str, options: Sequence[str]) -> None:
    """Become libFuzzer: only what is imported in here is instrumented."""
    import atheris  # noqa: PLC0415 - not everywhere

    with atheris.instrument_imports(include=list(INSTRUMENTED[target])):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - here
    from tests.fuzz.oracle import check  # noqa: PLC0415 - not before them

    run = TARGETS[target]
    atheris.Setup(["aftersend-fuzz", *options], lambda data: check(run, data))
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3:])
    sys.exit(main(sys.argv[1:]))
