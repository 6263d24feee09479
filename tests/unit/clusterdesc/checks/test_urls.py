"""URLs: what nobody could be asked by is refused where it stands, and no password is repeated."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import accepted, refusal, refused_keys, spoilt, with_block

_ROUTERS = "routers: [10.10.14.254]"
_PORT = "has no number from 1 to 65535 as its port"
_NAME = "is neither a host name nor an address"


def _with_release_url(url: str) -> str:
    return with_block("os", f"os: {{release_url: '{url}'}}\n")


def _with_proxy(url: str) -> str:
    return spoilt((_ROUTERS, f"{_ROUTERS}\n  proxy: {{http: '{url}'}}"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://mirror:pa/ss@10.10.14.9/flatcar", _PORT),
        ("http://mirror.example.com:80a/flatcar", _PORT),
        ("http://mirror.example.com:99999/flatcar", _PORT),
        ("http://10.10.14.999/flatcar", _NAME),
        ("http://10.10.14/flatcar", _NAME),
        ("http://user:secret@/flatcar", _NAME),
        ("http://mirror..example.com/flatcar", _NAME),
        ("http://-mirror.example.com/", _NAME),
        ("https://[::1/flatcar", _NAME),
        ("https://https://mirror.example.com/flatcar", "port"),
        ("https://mirror.example.com/flatcar?token=abc", "has a query or a fragment, behind which no file can be"),
        ("https://mirror.example.com?token=abc", "has a query or a fragment"),
        ("https://mirror.example.com/flatcar#stable", "has a query or a fragment"),
    ],
)
def test_a_release_url_at_which_no_file_can_be_had_is_refused(url: str, said: str) -> None:
    text = _with_release_url(url)
    assert refused_keys(text) == ["os.release_url"]
    assert said in refusal(text)
    assert "secret" not in refusal(text)
    assert "pa/ss" not in refusal(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://mirror:pa$word@10.10.14.9/flatcar",
        "http://mirror:p{x}#?%@10.10.14.9:8080/{channel}/{board}",
        "https://{channel}.release.example.com/{board}",
        "http://build_host/flatcar",
        "http://[fd00::9]:8080/flatcar",
        "http://mirror.example.com.:80",
    ],
)
def test_passwords_placeholders_and_ports_pass(url: str) -> None:
    assert accepted(_with_release_url(url)).os.release_url == url


@pytest.mark.parametrize("login", ["user:pa#ss", "user:pa?ss", "user:100%", "us^er:x"])
def test_a_login_of_the_proxy_that_its_readers_would_cut_is_refused(login: str) -> None:
    text = _with_proxy(f"http://{login}@proxy.example.com:3128")
    assert refused_keys(text) == ["network.proxy.http"]
    assert "hint: a sign of a password that has a meaning in URLs is written by its number" in refusal(text)
    assert login not in refusal(text)


@pytest.mark.parametrize("login", ["user:pa$word", "user:p%23@", "DOMAIN;user:x"])
def test_a_login_of_the_proxy_that_all_read_alike_passes(login: str) -> None:
    accepted(_with_proxy(f"http://{login}@proxy.example.com:3128"))


def test_checks_and_receivers_need_a_host_too() -> None:
    text = with_block("os", 'os: {update: {checks: ["http://shop.example.com:http/healthz"]}}\n')
    assert refused_keys(text) == ["os.update.checks[0]"]
    text = with_block("os", 'os: {update: {checks: ["http://u:p#w@shop.example.com/healthz"]}}\n')
    assert refused_keys(text) == ["os.update.checks[0]"]
    text = with_block("notify", 'notify: [{url: "https://10.10.14.300/hook", secret: hook.secret}]\n')
    assert refused_keys(text) == ["notify[0].url"]
