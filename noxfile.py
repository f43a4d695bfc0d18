"""Every check of the project as a nox session: ``nox`` runs the usual ones, ``nox -s unit chart`` only these.

Sessions use the environment that nox itself is installed in (the Makefile's), so nothing is installed twice. What
stands behind ``--`` goes to pytest: ``nox -s unit -- -k window``. ``nox -j 4`` runs sessions side by side, since most
tests wait more than they compute; ``make test`` does it wave by wave (``tools/run_sessions.py``).
"""

import logging
import sys
from pathlib import Path

import nox

from tools.system_packages import TEST_PROGRAMS, install_system_packages

ROOT = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
OTHER_SERVERS = ("redis7", "redis7json", "redis8")
REPORT = ("--include=aftersend/*,services/*", "--skip-covered", "--precision=1", "--fail-under=95")
"""The operator is exercised on a cluster, by processes and pods that are not measured."""
PYTEST = ("-m", "pytest", "-q", "--no-header", "--durations=5")

USUAL = (
    ("style", "types", "borders", "docs"),
    ("unit", "contracts", "integration", "valkey", "rules"),
    ("coverage", "supply-chain", "fuzz"),
    ("chaos", *OTHER_SERVERS),
)
"""Waves of sessions: each begins when the one before has ended."""
CLUSTER = (("cluster-build",), ("chart",), ("cluster-api", "cluster-node"))

logging.getLogger("nox").addFilter(lambda record: record.msg != "uv binary not found.")  # no session has a venv
nox.options.default_venv_backend = "none"
nox.options.allow_parallel = True
nox.options.sessions = [name for wave in USUAL for name in wave]


def _run(session: nox.Session, program: str, *arguments: str, **environment: str) -> None:
    session.run(str(BIN / program), *arguments, env=environment)


def _pytest(session: nox.Session, *arguments: str, **environment: str) -> None:
    install_system_packages(TEST_PROGRAMS)
    _run(session, "python", *PYTEST, *arguments, *session.posargs, **environment)


def _measured(session: nox.Session, *arguments: str) -> None:
    """Run pytest under coverage, child processes included; the session replaces the data of its own former runs."""
    data = f".coverage.{session.name}"
    for old in ROOT.glob(f"{data}.*"):
        old.unlink()
    install_system_packages(TEST_PROGRAMS)
    command = ("-m", "coverage", "run", *PYTEST, *arguments, *session.posargs)
    _run(session, "python", *command, COVERAGE_FILE=str(ROOT / data))


@nox.session
def style(session: nox.Session) -> None:
    """Lint and compare the format."""
    _run(session, "ruff", "check", ".")
    _run(session, "ruff", "format", "--check", "--quiet", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    _run(session, "mypy")


@nox.session
def borders(session: nox.Session) -> None:
    """Check which part imports which."""
    _run(session, "lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Compare the generated parts of the docs with the code, and build the site: every link must lead somewhere."""
    _run(session, "python", "docs/generate.py", "--check")
    _run(session, "mkdocs", "build", "--quiet", f"--site-dir={session.create_tmp()}", NO_MKDOCS_2_WARNING="1")


@nox.session
def unit(session: nox.Session) -> None:
    """Run tests of single modules."""
    _measured(session, "tests/unit")


@nox.session
def contracts(session: nox.Session) -> None:
    """Compare what others rely on with its snapshots."""
    _measured(session, "tests/contracts")


@nox.session
def integration(session: nox.Session) -> None:
    """Run tests of several parts together that need no Redis."""
    _measured(session, "tests/integration", "-m", "not redis")


@nox.session
def valkey(session: nox.Session) -> None:
    """Run all tests that touch Redis, on Valkey."""
    _measured(session, "tests/integration", "-m", "redis")


def _on_server(session: nox.Session) -> None:
    """Run all tests that touch Redis on another server; coverage counts them once, on Valkey."""
    _pytest(session, "tests/integration", "-m", "redis", AFTERSEND_TEST_SERVERS=session.name)


for _server in OTHER_SERVERS:
    nox.session(name=_server)(_on_server)


@nox.session
def rules(session: nox.Session) -> None:
    """Run alert rules and routes through promtool and amtool."""
    _pytest(session, "tests/rules")


@nox.session(requires=["unit", "contracts", "integration", "valkey"])
def coverage(session: nox.Session) -> None:
    """Combine what the measured sessions left and demand the share of covered lines."""
    _run(session, "python", "-m", "coverage", "combine", "--quiet")
    _run(session, "python", "-m", "coverage", "report", *REPORT)


@nox.session
def chaos(session: nox.Session) -> None:
    """Kill, stop and starve processes at every step."""
    _pytest(session, "tests/chaos")


@nox.session(name="supply-chain")
def supply_chain(session: nox.Session) -> None:
    """Audit the pinned packages, test inventories, build and release files."""
    _run(session, "python", "-m", "tools.supply_chain.audit")
    _pytest(session, "tests/supply_chain")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Read hostile inputs: the corpus, and as many variations of it as a few seconds allow."""
    _pytest(session, "tests/fuzz")


@nox.session(name="cluster-build")
def cluster_build(session: nox.Session) -> None:
    """Build the test cluster from source, unless it is there."""
    _run(session, "python", "-m", "tools.test_cluster.build", "node")


@nox.session
def chart(session: nox.Session) -> None:
    """Render the chart with the real helm."""
    _pytest(session, "tests/chart")


@nox.session(name="cluster-api", requires=["cluster-build"])
def cluster_api(session: nox.Session) -> None:
    """Run operator and chart against a real API server."""
    _pytest(session, "tests/cluster", "--ignore-glob=*/test_node_*")


@nox.session(name="cluster-node", requires=["cluster-build"])
def cluster_node(session: nox.Session) -> None:
    """Run whole tenants on a real node."""
    _pytest(session, *sorted(str(path) for path in Path("tests/cluster").glob("test_node_*.py")))
