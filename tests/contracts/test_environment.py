"""Environment variables: which ones each process reads, what leaving one out means, and that no other is read."""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from aftersend.errors import Misconfigured
from tests.contracts.product import READ_SETTINGS, sources
from tests.support.snapshots import Compare, lines

REQUIRED = {
    "services": {
        "AFTERSEND_TENANT_FILE": "tenant.yaml",
        "AFTERSEND_SECRETS_DIR": "secrets",
        "AFTERSEND_REDIS_URL": "redis://127.0.0.1:6379/0",
    },
    "operator": {"AFTERSEND_SERVICE_IMAGE": "image", "AFTERSEND_REDIS_IMAGE": "image"},
}
DEFAULTS = {
    "services": {
        "AFTERSEND_LISTEN": "0.0.0.0:8080",
        "AFTERSEND_ADMIN_LISTEN": "0.0.0.0:9090",
        "AFTERSEND_LOG_FORMAT": "json",
        "AFTERSEND_LOG_LEVEL": "info",
        "AFTERSEND_SCHEDULER": "sweep",
        "AFTERSEND_BACKUP_TARGET": "",
        "AFTERSEND_ALLOW_HTTP": "0",
        "AFTERSEND_UPSTREAM_HOSTS": "api.afterbuy.de,panel.sendcloud.sc",
    },
    "operator": {
        "AFTERSEND_IMAGE_PULL_POLICY": "IfNotPresent",
        "AFTERSEND_WATCH_NAMESPACES": "",
        "AFTERSEND_OPERATOR_LISTEN": "0.0.0.0:8080",
        "AFTERSEND_OPERATOR_NAMESPACE": "",
        "AFTERSEND_OPERATOR_RELEASE": "",
        "AFTERSEND_POD_MONITOR": "{}",
        "AFTERSEND_ROLLOUT_AT_ONCE": "10",
        "AFTERSEND_WAVE_FAILURES": "2",
        "AFTERSEND_POD_MONITORS": "skip",
        "AFTERSEND_INGRESS_ANNOTATIONS": "{}",
        "AFTERSEND_INGRESS_NAMESPACE_SELECTOR": "",
        "AFTERSEND_SCRAPE_NAMESPACE_SELECTOR": "",
        "AFTERSEND_TENANT_NETWORK": "{}",
        "AFTERSEND_TENANT_PODS": "{}",
        "AFTERSEND_POD_ANNOTATIONS": (
            "prometheus.io/*,cluster-autoscaler.kubernetes.io/safe-to-evict,karpenter.sh/do-not-disrupt"
        ),
        "AFTERSEND_POD_LABELS": "team,owner,environment,cost-center",
        "AFTERSEND_ALLOW_HTTP": "0",
        "AFTERSEND_UPSTREAM_HOSTS": "api.afterbuy.de,panel.sendcloud.sc",
        "AFTERSEND_LOG_FORMAT": "json",
        "AFTERSEND_LOG_LEVEL": "info",
    },
}
CHOICES = {
    "AFTERSEND_LOG_FORMAT": ("json", "console"),
    "AFTERSEND_LOG_LEVEL": ("debug", "info", "warning", "error"),
    "AFTERSEND_SCHEDULER": ("sweep", "all", "none"),
    "AFTERSEND_ALLOW_HTTP": ("0", "1"),
    "AFTERSEND_IMAGE_PULL_POLICY": ("IfNotPresent", "Always", "Never"),
    "AFTERSEND_POD_MONITORS": ("skip", "fail", "always"),
}
EACH = [(process, name) for process, names in DEFAULTS.items() for name in names]
CHOSEN = [(process, name) for process, name in EACH if name in CHOICES]
_VARIABLE = re.compile(r"(?:AFTERSEND|OTEL|XDG|KUBE|KUBERNETES)[A-Z]*(?:_[A-Z]+)*")


class Recorder(Mapping[str, str]):
    """An environment that keeps the names it was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_, self.asked = values, set[str]()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


@pytest.mark.parametrize("process", DEFAULTS)
def test_these_variables_are_read_and_no_others(process: str) -> None:
    recorder = Recorder(REQUIRED[process])
    READ_SETTINGS[process](recorder)
    assert {name for name in recorder.asked if name.startswith("AFTERSEND_")} == {
        *REQUIRED[process],
        *DEFAULTS[process],
    }


@pytest.mark.parametrize(("process", "name"), EACH)
def test_leaving_one_out_means_its_default(process: str, name: str) -> None:
    read, given = READ_SETTINGS[process], REQUIRED[process]
    assert read(given) == read({**given, name: DEFAULTS[process][name]})


@pytest.mark.parametrize(("process", "name"), CHOSEN)
def test_a_choice_takes_these_words_and_no_others(process: str, name: str) -> None:
    read, given = READ_SETTINGS[process], REQUIRED[process]
    assert len({repr(read({**given, name: word})) for word in CHOICES[name]}) == len(CHOICES[name])
    with pytest.raises(Misconfigured, match=name):
        read({**given, name: "nonsense"})


@pytest.mark.parametrize("process", REQUIRED)
def test_all_missing_ones_are_named_at_once(process: str) -> None:
    with pytest.raises(Misconfigured) as error:
        READ_SETTINGS[process]({})
    assert all(name in str(error.value) for name in REQUIRED[process])


def test_variables_of_opentelemetry(contract: Compare) -> None:
    recorder = Recorder({})
    READ_SETTINGS["traces"](recorder)
    contract("environment_traces.txt", lines(recorder.asked))


def test_every_variable_that_the_code_names(contract: Compare) -> None:
    """A text scan: what is read past the settings (by the command line, for instance) is noticed as well."""
    texts = (node.value for module in sources() for node in ast.walk(module) if isinstance(node, ast.Constant))
    contract("environment.txt", lines({text for text in texts if isinstance(text, str) and _VARIABLE.fullmatch(text)}))
