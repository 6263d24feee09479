"""Whom kboot-tls-bootstrap gives a token, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kboot_clusterdesc import joined
from support.fixed_secrets import JOIN_SEED

from .conftest import NAME, OTHER, ControlPlane


@pytest.mark.parametrize("seed", [JOIN_SEED, "00" * 32, "ff" * 32, "00ff5c360a0d5c2725" + "7f" * 23])
def test_the_shell_makes_the_token_that_the_cloud_config_server_gives(tmp_path: Path, seed: str) -> None:
    plane = ControlPlane(tmp_path, seed)
    for name in (NAME, OTHER):
        plane.join(name, since=plane.now)
    assert f"{NAME} may join" in plane.run()
    given = {f"{each['token-id']}.{each['token-secret']}" for each in plane.secrets()}
    assert given == {plane.token(NAME), plane.token(OTHER)}


def test_a_token_is_good_for_authentication_alone_and_ends(plane: ControlPlane) -> None:
    plane.run()
    (secret,) = plane.secrets()
    end = datetime.fromisoformat(secret["expiration"])
    assert end == plane.now.replace(microsecond=0) + joined.TOKEN_LIFE
    assert secret["auth-extra-groups"] == "system:bootstrappers:kboot"
    assert [key for key in secret if key.startswith("usage-")] == ["usage-bootstrap-authentication"]


def test_a_token_is_given_once(plane: ControlPlane) -> None:
    assert "may join" in plane.run()
    assert plane.run() == ""
    assert len(plane.secrets()) == 1


@pytest.mark.parametrize("ago", [joined.TOKEN_LIFE, timedelta(days=30), -timedelta(hours=2)])
def test_a_token_that_has_ended_or_is_to_come_is_not_given(tmp_path: Path, ago: timedelta) -> None:
    plane = ControlPlane(tmp_path)
    plane.join(since=plane.now - ago)
    plane.run()
    assert plane.secrets() == []


@pytest.mark.parametrize("line", ["node1 10.20.0.11 1", "a$(id) b 1", "52-54-00-00-00-99 x y", "-", "../../x 1 1"])
def test_a_line_that_is_none_gives_no_token(plane: ControlPlane, line: str) -> None:
    (plane.folder / "joining").write_text(f"{line}\n")
    plane.run()
    assert plane.secrets() == []


def test_while_nobody_joins_the_api_server_is_asked_nothing(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path)
    (tmp_path / "bin" / "kubectl").unlink()
    assert plane.run() == ""
