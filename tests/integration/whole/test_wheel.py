"""What ``pip install aftersend`` gives: the wheel, the dependencies that it declares, and nothing of a checkout.

Two environments are made once, without and with the operator's extra. The wheel is installed by pip; what it requires,
and what that requires, is linked from the environment of the tests, so no package index is asked. Every console script
starts there without traces, with a collector that is away, and with gRPC for traces.
"""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.part_kit import ServiceProcess, environment, get
from tests.support.servers import free_port
from tests.support.tenant_pods import until

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
OPERATOR, CLI = "aftersend-operator", "aftersend"
SERVICES = sorted(set(PROJECT["project"]["scripts"]) - {OPERATOR, CLI, "kubectl-aftersend"})
COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
GRPC = COLLECTOR | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
WANTED = {"AFTERSEND_SERVICE_IMAGE": "s:1", "AFTERSEND_REDIS_IMAGE": "r:1", "AFTERSEND_OPERATOR_LISTEN": "127.0.0.1:0"}
COMMANDS = ("--help", "sandbox --help", "crd")
IMPORT_ALL = """
import sys
from importlib import import_module
from pkgutil import walk_packages
for top in map(import_module, sys.argv[1:]):
    for module in walk_packages(top.__path__, top.__name__ + "."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
"""

traced = pytest.mark.parametrize("traces", [{}, COLLECTOR, GRPC], ids=["off", "http", "grpc"])
Start = Callable[..., ServiceProcess]


def pip(*arguments: str | Path) -> None:
    """Run pip; what it says is shown if it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def script_of(home: Path) -> Start:
    """How to start the console scripts of an environment."""

    def start(name: str, environ: dict[str, str], *words: str) -> ServiceProcess:
        path = str(home / "bin" / name)
        return ServiceProcess(f"import os; os.execv({path!r}, {[path, *words]!r})", environ, prelude="", ending="")

    return start


def text_of(process: ServiceProcess, *, code: int) -> str:
    """What a process says on standard error until it ends with this exit code."""
    with process:
        assert process.wait() == code, process.text
    assert "Traceback" not in process.text
    return process.text


def required(requirements: Iterable[str], extras: tuple[str, ...]) -> set[str]:
    """The names of all distributions that these requirements ask for, and what those ask for."""
    found: set[tuple[str, tuple[str, ...]]] = set()

    def add(texts: Iterable[str], extras: tuple[str, ...]) -> None:
        for one in map(Requirement, texts):
            wanted = (canonicalize_name(one.name), tuple(sorted(one.extras)))
            applies = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras or ("",))
            if applies and wanted not in found:
                found.add(wanted)
                add(distribution(one.name).requires or (), wanted[1])

    add(requirements, extras)
    return {name for name, _ in found}


def environment_with(home: Path, wheel: Path, *extras: str) -> Path:
    """A virtual environment with the wheel and what it requires, nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    pip("--python", home / "bin/python", "install", "--quiet", "--no-index", "--no-deps", wheel)
    (site,) = home.glob("lib/python*/site-packages")
    (ours,) = distributions(path=[str(site)])
    for name in required(ours.requires or (), extras):
        for file in distribution(name).files or ():
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                (site / file).symlink_to(file.locate())
    pip("--python", home / "bin/python", "check")
    return home


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what belongs to it."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def alone(wheel: Path) -> Path:
    """As after ``pip install aftersend``."""
    return environment_with(wheel.with_name("alone"), wheel)


@pytest.fixture(scope="module")
def with_operator(wheel: Path) -> Path:
    """As after ``pip install 'aftersend[operator]'``."""
    return environment_with(wheel.with_name("with-operator"), wheel, "operator")


def test_nothing_is_missing_for_any_module(alone: Path, with_operator: Path) -> None:
    packages = [Path(name).name for name in PACKAGES]
    packages.remove("aftersend_operator")
    for home, tops in ((alone, packages), (with_operator, ["aftersend_operator"])):
        subprocess.run([str(home / "bin/python"), "-I", "-c", IMPORT_ALL, *tops], check=True)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_without_settings_says_so(service: str, alone: Path) -> None:
    assert f"{service} cannot start: " in text_of(script_of(alone)(service, COLLECTOR), code=2)


@traced
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves(service: str, traces: dict[str, str], alone: Path, tmp_path: Path) -> None:
    with script_of(alone)(service, environment(tmp_path) | traces) as process:
        port = process.line("started")["admin_port"]
        until(lambda: get(port, "/healthz")[0] == 200, "the service lives")
        assert process.end() == 0
    assert "Traceback" not in process.text
    assert "ModuleNotFoundError" not in process.text
    assert process.text.count("traces_off") == (traces is GRPC)


@traced
def test_everything_in_one_process_serves(traces: dict[str, str], alone: Path, tmp_path: Path) -> None:
    """``up`` brings a Valkey, which is part of a dependency."""
    port = free_port()
    ours = environment(tmp_path, AFTERSEND_REDIS_URL="", AFTERSEND_ADMIN_LISTEN=f"127.0.0.1:{port}")
    for name in ("afterbuy/partnerToken", "afterbuy/accountToken", "sendcloud/publicKey", "sendcloud/secretKey"):
        path = tmp_path / "secrets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret")
    words = ("up", "-f", ours["AFTERSEND_TENANT_FILE"], "--data-dir", str(tmp_path / "data"))
    with script_of(alone)(CLI, ours | traces, *words) as process:
        until(lambda: process.popen.poll() is not None or ready(port), "everything is ready")
        assert process.end() == 0, process.text
    assert "Traceback" not in process.text
    assert "ModuleNotFoundError" not in process.text
    assert process.text.count("traces_off") == (traces is GRPC)


def ready(port: int) -> bool:
    try:
        return get(port, "/readyz")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers(command: str, alone: Path) -> None:
    assert not text_of(script_of(alone)(CLI, {}, *command.split()), code=0)


def test_the_operator_without_its_extra_names_the_cure(alone: Path) -> None:
    said = text_of(script_of(alone)(OPERATOR, {}), code=2)
    assert said == (
        "aftersend-operator cannot start: not installed: cryptography, kopf – pip install 'aftersend[operator]'\n"
    )


@traced
def test_the_operator_starts_with_its_extra(traces: dict[str, str], with_operator: Path) -> None:
    said = text_of(script_of(with_operator)(OPERATOR, WANTED | traces), code=2)
    assert "there is no Kubernetes here" in said
    assert said.count("traces_off") == (traces is GRPC)
