"""`os.release_url`: passwords and braces in it."""

from __future__ import annotations

from base64 import b64encode

import pytest

from service.updater.release_server import Ill, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site


def test_a_dollar_sign_in_the_password_of_the_release_url_arrives_as_it_stands(
    site: Site, server: ReleaseServer, key: SigningKey, capsys: pytest.CaptureFixture[str]
) -> None:
    """User `mirror`, password `pa$word`; neither a log line nor the status shows it.

    In a Compose file a `$` begins a variable: https://github.com/docker/compose/issues/2507.
    """
    published(server, key, "3975.2.0")
    server.auth = "Basic " + b64encode(b"mirror:pa$word").decode()
    site.describe(release_url=server.url.replace("http://", "http://mirror:pa$word@"))
    assert site.check().current == "3975.2.0"
    assert server.asked
    assert all(headers["authorization"] == server.auth for _, headers in server.asked)
    server.ills["version.txt"] = Ill(status=500)
    assert site.check().fault is not None
    assert "pa$word" not in site.settings.status.read_text()
    assert "pa$word" not in capsys.readouterr().out


def test_a_wrong_password_is_told_with_the_key_that_holds_it(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3975.2.0")
    server.auth = "Basic something"
    assert "os.release_url" in str(site.check().fault)


def test_braces_of_the_address_are_filled_in_and_those_of_a_password_are_not(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3975.2.0")
    server.auth = "Basic " + b64encode(b"mirror:{channel}").decode()
    site.describe(release_url=server.url.replace("http://", "http://mirror:{channel}@"))
    assert site.check().fault is None
