"""The helm commands in the docs: the chart takes their values, and they do what the words beside them say."""

import re
import shlex
from typing import Any

import pytest

from tests.support.chart_kit import ROOT, RefusedError, call, environment, of_kind, render

PAGES = ("docs/guides/platform.md", "charts/aftersend/README.md")
SET = re.compile(r"--set[ =]('[^']*'|[^\s`]+)")


def shown(page: str) -> list[str]:
    """Every wish (``--set key=value``) that a page shows, in a command or in a table."""
    text = (ROOT / page).read_text()
    return [shlex.split(wish)[0] for wish in SET.findall(text)]


WISHES = [wish for page in PAGES for wish in shown(page)]


def rendered(*wishes: str) -> list[dict[str, Any]]:
    """All manifests with these wishes, in a cluster with the Prometheus operator."""
    return render(None, *wishes, knows="monitoring.coreos.com/v1/PodMonitor")


@pytest.mark.parametrize("wish", WISHES)
def test_every_value_in_the_docs_is_one_of_the_chart_and_changes_something(wish: str) -> None:
    assert rendered(wish) != rendered()


def test_all_of_them_together() -> None:
    manifests = rendered(*WISHES)
    variables = environment(manifests)
    assert variables["AFTERSEND_WATCH_NAMESPACES"] == "tenant-mueller,tenant-schmidt"
    assert variables["AFTERSEND_INGRESS_NAMESPACE_SELECTOR"] == "kubernetes.io/metadata.name=ingress-nginx"
    assert variables["AFTERSEND_SERVICE_IMAGE"].startswith("registry.example.com/team/aftersend:")
    assert variables["AFTERSEND_REDIS_IMAGE"].startswith("registry.example.com/mirror/valkey-bundle:")
    assert variables["AFTERSEND_ALLOW_HTTP"] == "1"
    assert of_kind(manifests, "PodMonitor")


def test_a_value_that_the_chart_does_not_know_would_be_noticed() -> None:
    with pytest.raises(RefusedError, match="tenants"):
        rendered("tenants.rollOutAtOnce=5")


@pytest.mark.parametrize("page", PAGES)
def test_the_options_of_every_command_exist(page: str) -> None:
    text = (ROOT / page).read_text().replace("\\\n", " ")
    commands = re.findall(r"^helm (install|upgrade|test) (.*)$", text, re.MULTILINE)
    assert commands
    for verb, rest in commands:
        known = call(verb, "--help")
        for option in re.findall(r"(--[a-z-]+)", rest):
            assert f" {option}" in known, f"{verb} {option}"
