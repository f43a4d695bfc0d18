"""The Secret for Alertmanager: the configuration that lies beside it, with the release's addresses."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.alertmanager_kit import FILES, configuration
from tests.support.chart_kit import ROOT, RefusedError, of_kind, one, render
from tests.support.programs import answer_of

FULL = {
    "enabled": True,
    "pager": {"kind": "pagerduty"},
    "chat": {"enabled": True},
    "mail": {
        "to": "on-call@example.com",
        "sender": "aftersend@example.com",
        "smarthost": "mail.example.com:587",
        "username": "aftersend@example.com",
    },
}


def rendered(**wishes: Any) -> dict[str, str]:
    """The files in the Secret."""
    manifests = render({"monitoring": {"notifications": FULL | wishes}})
    files: dict[str, str] = one(manifests, "Secret", "aftersend-alertmanager")["stringData"]
    return files


def checked(files: dict[str, str], folder: Path) -> dict[str, Any]:
    """The configuration, after amtool has read it together with its templates."""
    for name, text in files.items():
        (folder / name).write_text(text)
    found: dict[str, Any] = yaml.safe_load(files["alertmanager.yaml"])
    found["templates"] = [str(folder / "*.tmpl")]
    (folder / "here.yaml").write_text(yaml.safe_dump(found))
    assert "1 templates" in answer_of("amtool", "check-config", str(folder / "here.yaml"))
    return found


def kinds(config: dict[str, Any]) -> dict[str, list[str]]:
    """The kinds of channels of each receiver."""
    return {
        receiver["name"]: [name.removesuffix("_configs") for name in sorted(receiver) if name != "name"]
        for receiver in config["receivers"]
    }


def test_it_is_sent_only_on_request() -> None:
    assert not of_kind(render(), "Secret")


def test_the_default_places_and_all_channels_are_the_file_as_it_lies_there(tmp_path: Path) -> None:
    files = rendered()
    expected = configuration()
    del expected["receivers"][0]["webhook_configs"]
    assert yaml.safe_load(files["alertmanager.yaml"]) == expected
    assert files["layout.tmpl"].strip() == (FILES / "layout.tmpl").read_text().strip()
    assert files["words.tmpl"].strip() == (FILES / "en.tmpl").read_text().strip()
    checked(files, tmp_path)


def test_german(tmp_path: Path) -> None:
    files = rendered(language="de")
    assert files["words.tmpl"].strip() == (FILES / "de.tmpl").read_text().strip()
    checked(files, tmp_path)


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (
            {"pager": {"kind": "webhook", "url": "https://pager.example.net/hook"}},
            {"aftersend-pager": ["webhook"], "aftersend-office": ["email", "slack"]},
        ),
        ({"chat": {"enabled": False}}, {"aftersend-pager": ["pagerduty"], "aftersend-office": ["email"]}),
        ({"mail": {"to": ""}}, {"aftersend-pager": ["pagerduty"], "aftersend-office": ["slack"]}),
        ({"pager": {"kind": "none"}}, {"aftersend-office": ["email", "slack"]}),
    ],
)
def test_channels_without_a_receiver_are_left_out(
    wishes: dict[str, Any], expected: dict[str, list[str]], tmp_path: Path
) -> None:
    config = checked(rendered(**wishes), tmp_path)
    assert kinds(config) == expected
    assert config["route"]["routes"][0]["receiver"] == next(iter(expected))


def test_every_address_and_place_is_the_releases_own(tmp_path: Path) -> None:
    files = rendered(
        configDirectory="/config/",
        secretsDirectory="/secrets/",
        pager={"kind": "pagerduty", "url": "https://events.example.net/"},
        mail={"to": "a@example.net", "sender": "b@example.net", "smarthost": "c.example.net:25", "requireTls": False},
    )
    assert yaml.safe_load(files["alertmanager.yaml"])["templates"] == ["/config/*.tmpl"]
    pager, office = checked(files, tmp_path)["receivers"]
    (duty,), (chat,), (mail,) = pager["pagerduty_configs"], office["slack_configs"], office["email_configs"]
    assert (duty["url"], duty["routing_key_file"]) == ("https://events.example.net/", "/secrets/pager-key")
    assert chat["api_url_file"] == "/secrets/chat-url"
    assert (mail["to"], mail["from"], mail["smarthost"]) == ("a@example.net", "b@example.net", "c.example.net:25")
    assert not mail["require_tls"]
    assert not {"auth_username", "auth_password_file"} & mail.keys()
    assert "example.com" not in files["alertmanager.yaml"]


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        ({"chat": {"enabled": False}, "mail": {"to": ""}}, "warnings have no receiver"),
        ({"mail": {"to": "a@example.net", "sender": "", "smarthost": ""}}, "sender and smarthost"),
        ({"pager": {"kind": "webhook"}}, "needs its url"),
        ({"mail": {"smarthost": "mail.example.com"}}, "smarthost"),
        ({"language": "fr"}, "language"),
    ],
)
def test_a_route_without_a_receiver_is_refused(wishes: dict[str, Any], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        rendered(**wishes)


def test_the_values_of_the_guide(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "notifications.md").read_text()
    shown = yaml.safe_load(guide.partition("```yaml\n")[2].partition("```")[0])
    config = checked(rendered(**shown["monitoring"]["notifications"]), tmp_path)
    assert kinds(config) == {"aftersend-pager": ["pagerduty"], "aftersend-office": ["email", "slack"]}
