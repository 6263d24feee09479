"""A rollout as it is begun by its command, against a real server."""

from __future__ import annotations

import pytest

from support.omaha import plant_payload
from support.standing import StandingCluster

_IN_FORCE, _BEFORE = "3975.2.0", "3850.2.0"


def test_a_start_that_names_a_release_takes_no_other_one(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    plant_payload(cluster.folder.images / "stable" / _IN_FORCE, b"payload" * 1000)
    assert cluster.kboot("os", "rollout", "start", _BEFORE) == 1
    said = f"409 a start takes {_IN_FORCE} by now, not what was asked for: look again, and start that"
    assert said in capsys.readouterr().err
    for named in ([_IN_FORCE], []):
        assert cluster.kboot("os", "rollout", "start", *named) == 1
        assert f"409 no machine that runs has an older release than {_IN_FORCE}" in capsys.readouterr().err
