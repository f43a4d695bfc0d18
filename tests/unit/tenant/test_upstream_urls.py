"""The hosts that a tenant document may name: exactly those of the setting, and this machine."""

import msgspec
import pytest

from aftersend.errors import Misconfigured
from aftersend.settings import UPSTREAM_HOSTS, read_upstream_limits
from aftersend.tenant.document import Tenant
from aftersend.tenant.loading import parse_tenant
from aftersend.tenant.upstream_urls import check_upstream_urls, host_of, is_loopback
from tests.support.part_kit import TENANT

LISTED = frozenset({"sandbox.example", "192.0.2.7", "2001:db8::7"})


def tenant(url: str) -> Tenant:
    found = parse_tenant(TENANT.encode())
    afterbuy = msgspec.structs.replace(found.spec.afterbuy, url=url)
    return msgspec.structs.replace(found, spec=msgspec.structs.replace(found.spec, afterbuy=afterbuy))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.afterbuy.de/afterbuy/ABInterface.aspx",
        "https://API.Afterbuy.DE:8443/",
        "https://panel.sendcloud.sc",
        "http://127.0.0.1:9/a",
        "http://[::1]:9/a",
        "http://localhost/a",
    ],
)
def test_by_default_the_real_hosts_and_this_machine(url: str) -> None:
    check_upstream_urls(tenant(url), allow_http=False, hosts=UPSTREAM_HOSTS)


@pytest.mark.parametrize("url", ["https://sandbox.example:8080/a", "https://192.0.2.7", "https://[2001:DB8::7]/"])
def test_listed_hosts_on_any_port(url: str) -> None:
    check_upstream_urls(tenant(url), allow_http=False, hosts=LISTED)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example",
        "https://sandbox.example.evil.example",
        "https://evil.sandbox.example",
        "https://sandbox.example.",
        "https://api.afterbuy.de",
        "https://0.0.0.0",
        "https://127.1",
        "https://localhost.example",
        "https://[2001:db8::8]",
    ],
)
def test_every_other_host_is_refused_by_its_path_and_not_by_its_name(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        check_upstream_urls(tenant(url), allow_http=True, hosts=LISTED)
    assert caught.value.path == "spec.afterbuy.url"
    assert "AFTERSEND_UPSTREAM_HOSTS" in caught.value.cure
    assert host_of(url) not in str(caught.value)


def test_http_needs_its_own_word() -> None:
    check_upstream_urls(tenant("http://sandbox.example"), allow_http=True, hosts=LISTED)
    with pytest.raises(Misconfigured, match="plain http"):
        check_upstream_urls(tenant("http://sandbox.example"), allow_http=False, hosts=LISTED)


@pytest.mark.parametrize("url", ["", "https://", "http://[:::::]", "http://[x]/", "nonsense", "http://a:99999"])
def test_what_is_no_address_is_not_this_machine(url: str) -> None:
    assert not is_loopback(url)


def test_the_list_is_read() -> None:
    environ = {"AFTERSEND_UPSTREAM_HOSTS": " Sandbox.Example,192.0.2.7 , [2001:db8::7]", "AFTERSEND_ALLOW_HTTP": "1"}
    assert read_upstream_limits(environ) == (True, LISTED)
    assert read_upstream_limits({}) == (False, UPSTREAM_HOSTS)


@pytest.mark.parametrize(
    "text", [",", "a,", "a:80", "https://a", "a/b", "*.a", "a b", "[:::::]", "a..b", "-a", "ä.example"]
)
def test_a_wrong_list_is_named_and_not_quoted(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"^AFTERSEND_UPSTREAM_HOSTS is missing or wrong: use names of hosts"):
        read_upstream_limits({"AFTERSEND_UPSTREAM_HOSTS": text})
