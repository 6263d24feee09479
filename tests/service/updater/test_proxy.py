"""The updater where a proxy is the only way out: as compose.yaml gives it to the updater, and to no other service."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import pytest
import yaml

from kboot_clusterdesc import InvalidDescription, load_text
from service.updater.release_server import ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site
from support.forward_proxy import ForwardProxy, forward_proxy
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE

_VARIABLES = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}


@pytest.fixture
def proxy(server: ReleaseServer) -> Iterator[ForwardProxy]:
    """It knows every name as that of the release server."""
    with forward_proxy(server.address) as running:
        yield running


def given(proxy: str) -> dict[str, str]:
    """The variables of proxies that compose.yaml has for the updater; no other service has one."""
    desc = load_text(SAMPLE.replace("  routers:", f"  proxy: {proxy}\n  routers:"), "site.yaml")
    services = yaml.safe_load(rendered_files(desc)["compose.yaml"].content)["services"]
    found = {name: {k: v for k, v in each["environment"].items() if k in _VARIABLES} for name, each in services.items()}
    assert [name for name, variables in found.items() if variables] == ["updater"]
    return {name: value.replace("$$", "$") for name, value in found["updater"].items()}


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of the updater's container, without what this machine has."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def test_a_release_is_fetched_by_the_proxy_of_the_description(
    site: Site, server: ReleaseServer, key: SigningKey, proxy: ForwardProxy, within: pytest.MonkeyPatch
) -> None:
    published(server, key, "3975.2.0")
    for name, value in given(f'{{http: "http://kboot:pa$word@{proxy.address}"}}').items():
        within.setenv(name, value)
    site.describe(release_url="http://releases.example/{channel}/{board}")
    assert site.check().current == "3975.2.0"
    assert "GET http://releases.example/stable/amd64-usr/current/version.txt" in proxy.asked
    assert len(proxy.asked) == len(server.asked)
    assert set(proxy.credentials) == {"Basic " + b64encode(b"kboot:pa$word").decode()}


def test_an_https_server_is_reached_by_a_tunnel(site: Site, proxy: ForwardProxy, within: pytest.MonkeyPatch) -> None:
    for name, value in given(f'{{https: "http://{proxy.address}"}}').items():
        within.setenv(name, value)
    site.describe(release_url="https://releases.example/{channel}/{board}")
    assert "502" in str(site.check().fault)
    assert set(proxy.asked) == {"CONNECT releases.example:443"}


def test_a_mirror_that_needs_no_proxy_is_asked_itself(
    site: Site, server: ReleaseServer, key: SigningKey, proxy: ForwardProxy, within: pytest.MonkeyPatch
) -> None:
    published(server, key, "3975.2.0")
    for name, value in given(f'{{http: "http://{proxy.address}", no_proxy: [mirror.example.com, 127.0.0.1]}}').items():
        within.setenv(name, value)
    assert site.check().current == "3975.2.0"
    assert proxy.asked == []


@pytest.mark.parametrize("proxy", ["proxy.example.com:3128", "socks5://proxy.example.com", "http://p.example.com/x"])
def test_what_is_no_address_of_a_proxy_is_refused(proxy: str) -> None:
    with pytest.raises(InvalidDescription, match=r"network\.proxy\.http"):
        given(f'{{http: "{proxy}"}}')
