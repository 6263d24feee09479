"""`kboot login` and `kboot logout`, as they are typed, and the browser that they are for."""

from __future__ import annotations

import hashlib
import json
import ssl

import httpx
import pytest

from support.standing import StandingCluster


def test_a_link_lets_a_browser_act_until_the_logout_and_each_is_told(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("login") == 0
    out, err = capsys.readouterr()
    link = httpx.URL(out.removesuffix("\n"))
    address = str(cluster.desc.network.bootstrapper)
    assert (link.scheme, link.host, link.path) == ("https", address, "/login")
    assert err.startswith("note: it is good once, until ")
    served = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address, 443)))
    assert hashlib.sha256(served).digest().hex(":").upper() in err
    context = ssl.create_default_context(cafile=str(cluster.folder.pki / "cluster-ca.pem"))
    with httpx.Client(verify=context, trust_env=False) as browser:
        assert f'value="{link.params["code"]}"' in browser.get(link).text
        given = browser.post(link.copy_with(query=None), data={"code": link.params["code"]})
        assert given.status_code == 303
        assert "Log out" in browser.get(link.join("/events")).text
        assert cluster.kboot("logout") == 0
        assert capsys.readouterr().out == "nobody is logged in to the status page any more\n"
        assert "Log out" not in browser.get(link.join("/events")).text
    assert cluster.kboot("events", "--kind", "action", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [event["what"] for event in told] == ["login code", "login", "logout of all"]
    assert cluster.kboot("events", "--kind", "action", "-o", "wide") == 0
    assert "login code by operator token" in capsys.readouterr().out
