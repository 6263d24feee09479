"""A machine that is declared as no member of etcd, and has a vote there still, is armed by force alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cloudconfig.rollout_site import Site
from service.cloudconfig.visitor import Visitor

_WHY = (
    "w1 is declared as no member of etcd, and has a vote there still, which etcd counts on: "
    "on cp1 `sudo kboot-etcd ctl member remove 8e9e05c52164694d` takes the vote away; "
    "`kboot node reinstall w1 --force` arms it all the same"
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A cluster that runs, where etcd counts on a worker's vote."""
    made = Site(tmp_path)
    made.begin()
    made.former["w1"] = 0x8E9E05C52164694D
    yield made
    made.end()


def test_who_has_a_vote_still_is_armed_by_force_alone(site: Site) -> None:
    server, w1, w2 = site.server, site.machines["w1"].mac, site.machines["w2"].mac
    visitor = Visitor(server, f"{site.network}.99")
    cookie = visitor.log_in()
    refused = visitor.act(f"/machines/{w1.dashed}/arm", cookie, sure="yes")
    assert (refused.status_code, refused.json()["detail"]) == (409, _WHY)
    assert server.arm(w1).json()["detail"] == _WHY
    assert not server.node(w1)["armed"]
    assert "arm" not in [what for what, _, _ in visitor.actions()], "it was not done"
    assert visitor.act(f"/machines/{w2.dashed}/arm", cookie, sure="yes").status_code == 303
    assert server.arm(w1, "arm?force=1").status_code == 200
    assert server.arm(w1).status_code == 200, "it is armed already"
    assert server.node(w1)["armed"]


def test_who_lost_its_vote_or_of_whom_no_member_tells_is_armed(site: Site) -> None:
    server, w1 = site.server, site.machines["w1"].mac
    site.etcd_health = "false"
    assert server.arm(w1).status_code == 200
    server.arm(w1, "disarm")
    site.etcd_health = "true"
    assert server.arm(w1).status_code == 409
    site.former.clear()
    assert server.arm(w1).status_code == 200
