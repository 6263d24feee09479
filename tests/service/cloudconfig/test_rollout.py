"""A whole rollout against the real server: its order, its halts, its gate, a server that is killed midway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kboot.host.waiting import looks
from service.cloudconfig.rollout_site import NEW, NEWER, OLD, ROLES, Site, rack_description


def _is(state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda shown: bool(shown["state"] == state)


def _has(stage: str) -> Callable[[dict[str, Any]], bool]:
    return lambda shown: stage in {each["stage"] for each in shown["machines"]}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose machines all run the old release."""
    made = Site(tmp_path)
    made.begin()
    yield made
    made.end()


def test_five_machines_come_to_the_release_one_after_the_other_drained_and_uncordoned(site: Site) -> None:
    site.mirror()
    site.run(lambda shown: bool(site.rebooted) and shown["state"] == "idle")
    assert set(site.versions().values()) == {NEW}
    assert site.rebooted == ["w1", "w2", "cp1", "cp2", "cp3"]
    assert site.most_down == 1
    assert site.cluster.cordons == [f"{sign}{name}" for name in site.rebooted for sign in "+-"]
    assert {site.cluster.mark(name) for name in site.rebooted} == {None}
    assert "web-w1" in site.cluster.evicted
    assert not any(name.startswith(("proxy", "agent", "static")) for name in site.cluster.evicted)
    told = [(each.get("what"), each["mac"]) for each in site.server.events() if each["kind"] == "rollout"]
    assert told[0] == ("running", None)
    assert told[-1] == ("idle", None)
    w1 = str(site.machines["w1"].mac)
    assert [what for what, mac in told if mac == w1] == ["offered", "draining", "rebooting", "settling", "done"]
    assert {each["stage"] for each in site.rollout()["machines"]} == {"done"}


def test_nobody_but_the_machine_whose_turn_it_is_is_offered_the_release(site: Site) -> None:
    assert not site.machines["w1"].check()
    site.mirror()
    for _ in looks(20, 0.1):
        site.turn()
        if site.stages()["w1"] == "offered" or site.machines["w1"].fetched:
            break
    others = [machine for name, machine in site.machines.items() if name != "w1"]
    assert not any(machine.check() for machine in others)
    reason = site.server.node(site.machines["w2"].mac)["update"]["reason"]
    assert reason.startswith(f"it is not its turn: the rollout of {NEW} is running")


def test_a_canary_that_falls_back_halts_and_is_offered_the_release_again_at_the_operators_word_alone(
    site: Site,
) -> None:
    site.machines["w1"].falls_back = True
    site.mirror()
    shown = site.run(_is("halted"))
    assert shown["reason"] == f"w1 came back with {OLD}: {NEW} did not boot"
    assert site.rebooted == ["w1"]
    for _ in looks(20, 0.1):
        if not site.cluster.is_cordoned("w1"):
            break
    assert not site.cluster.is_cordoned("w1")
    offers = site.machines["w1"].was_offered
    assert site.say("resume").status_code == 200
    site.run(_is("idle"))
    assert site.versions() == {"w1": OLD, "w2": NEW, "cp1": NEW, "cp2": NEW, "cp3": NEW}
    assert site.machines["w1"].was_offered == offers
    site.machines["w1"].falls_back = False
    assert site.say("resume", again=[str(site.machines["w1"].mac)]).status_code == 200
    site.run(lambda shown: site.machines["w1"].version == NEW and shown["state"] == "idle")


def test_a_server_that_is_killed_midway_goes_on_where_it_stopped(site: Site) -> None:
    site.mirror()
    kills = 0
    for at in ("draining", "rebooting", "settling"):
        site.run(_has(at))
        site.server.stop(kill=True)
        kills += 1
        site.start()
    site.run(_is("idle"))
    assert kills == 3
    assert set(site.versions().values()) == {NEW}
    assert sorted(site.rebooted) == sorted(ROLES)
    assert site.rebooted.index("cp1") > site.rebooted.index("w2")
    assert site.most_down == 1
    assert not any(site.cluster.is_cordoned(name) for name in ROLES)


def test_a_budget_that_holds_a_pod_is_honoured_and_tried_again(site: Site) -> None:
    site.cluster.held["web-w1"] = "Cannot evict pod as it would violate the pod's disruption budget."
    site.mirror()
    site.run(lambda shown: any("disruption budget" in (each["reason"] or "") for each in shown["machines"]))
    assert site.rebooted == []
    assert site.cluster.is_cordoned("w1")
    site.cluster.held.clear()
    site.run(lambda shown: site.machines["w1"].version == NEW)


def test_a_machine_is_taken_back_once_the_pods_that_a_node_needs_are_ready_on_it(site: Site) -> None:
    site.cluster.starting.update(("proxy-w1", "agent-w1"))
    site.mirror()
    site.run(lambda shown: "waits for default/proxy-w1 to be ready" in [each["reason"] for each in shown["machines"]])
    assert (site.stages()["w1"], site.cluster.is_cordoned("w1"), site.rebooted) == ("settling", True, ["w1"])
    site.cluster.starting.remove("proxy-w1")
    site.run(lambda shown: "w2" in site.rebooted and not site.cluster.is_cordoned("w1"))


def test_nobody_is_taken_down_while_etcd_or_a_member_without_a_vote_is_unwell(site: Site) -> None:
    site.learners.add("cp3")
    site.mirror()
    shown = site.run(lambda shown: "no vote" in (shown["reason"] or ""))
    assert shown["reason"].startswith("cp3 has no vote in etcd, as cp1 lists it")
    site.etcd_health = "false"
    site.learners.clear()
    site.run(lambda shown: "is not healthy: NO LEADER" in str(shown))  # of all, or of w1 where a look was under way
    assert site.rebooted == []
    site.etcd_health = "true"
    site.run(lambda shown: bool(site.rebooted))


def test_nobody_is_taken_down_while_a_control_plane_is_to_be_installed_anew(site: Site) -> None:
    assert site.server.arm(site.machines["cp2"].mac).status_code == 200
    site.mirror()
    site.run(lambda shown: shown["reason"] == "cp2: it is to be installed")
    assert site.rebooted == []


def test_an_operators_check_that_fails_keeps_the_next_machine_up(site: Site) -> None:
    url = f"http://127.0.0.1:{site.server.ports[0]}"
    checks = f', checks: ["{url.replace("//", "//shop:secret@")}/no/such/file?token=secret"]'
    description = site.server.folder.config / "clusterdesc.yaml"
    description.write_text(rack_description(site.network, checks))
    site.mirror()
    shown = site.run(lambda shown: "the check" in (shown["reason"] or ""))
    assert shown["reason"] == f"the check {url}/no/such/file answers 404"
    description.write_text(rack_description(site.network, f', checks: ["{url}/healthz"]'))
    site.run(lambda shown: site.machines["w1"].version == NEW)


def test_a_pause_recalls_the_machine_that_is_drained(site: Site) -> None:
    site.cluster.held["web-w1"] = "held"
    site.mirror()
    site.run(lambda shown: site.cluster.is_cordoned("w1"))
    assert site.say("pause").json()["state"] == "paused"
    for _ in looks(20, 0.1):
        if not site.cluster.is_cordoned("w1"):
            break
    assert (site.cluster.is_cordoned("w1"), site.cluster.mark("w1")) == (False, None)
    assert site.machines["w1"].ask() == "wait"
    site.cluster.held.clear()
    assert site.say("resume", max_parallel=2).json()["max_parallel"] == 2
    site.run(_is("idle"))
    assert set(site.versions().values()) == {NEW}


def _wait_available(site: Site, release: str) -> None:
    """Wait until the server has seen that a release is in force."""
    available = None
    for _ in looks(20, 0.1):
        available = site.rollout()["available"]
        if available == release:
            return
    raise AssertionError(f"{available} is in force, not {release}")


def test_a_hold_keeps_a_rollout_from_beginning_and_gives_one_machine_its_turn(site: Site) -> None:
    key, w2 = "k" * 20, site.machines["w2"]
    assert site.say("hold", by="`kboot upgrade`", key=key).status_code == 200
    site.mirror()
    site.run(lambda shown: shown["reason"] == "waits for `kboot upgrade`")
    assert site.say("hold", by="another", key="n" * 20).status_code == 409
    assert site.say("hold", by="`kboot upgrade`", key=key, turns={str(w2.mac): "fetch"}).status_code == 200
    assert w2.ask() == "check"
    assert w2.fetched == NEW
    shown = {each["name"]: each["installed"] for each in site.rollout()["machines"]}
    assert shown == {"cp1": None, "cp2": None, "cp3": None, "w1": None, "w2": NEW}
    assert w2.ask() == "wait"
    assert site.say("hold", by="`kboot upgrade`", key=key, turns={str(w2.mac): "reboot"}).status_code == 200
    assert w2.ask() == "reboot"
    assert site.say("hold", by="`kboot upgrade`", key=key, ends=True).json()["held_by"] is None
    site.run(_is("idle"))
    assert site.rebooted[0] == "w2"
    assert set(site.versions().values()) == {NEW}


def test_a_machine_whose_config_names_another_channel_is_offered_the_release_in_its_turn_alone(site: Site) -> None:
    key, w2 = "k" * 20, site.machines["w2"]
    w2.track = "alpha"
    assert site.say("hold", by="`kboot upgrade`", key=key).status_code == 200
    site.mirror()
    _wait_available(site, NEW)
    assert not w2.check()
    assert site.say("hold", by="`kboot upgrade`", key=key, turns={str(w2.mac): "fetch"}).status_code == 200
    assert (w2.ask(), w2.fetched) == ("check", NEW)


def test_a_machine_that_has_another_release_waiting_fetches_the_one_of_the_rollout_in_its_place(site: Site) -> None:
    key, w2 = "k" * 20, site.machines["w2"]
    assert site.say("hold", by="`kboot upgrade`", key=key, turns={str(w2.mac): "fetch"}).status_code == 200
    site.mirror()
    _wait_available(site, NEW)
    site.say("hold", by="`kboot upgrade`", key=key, turns={str(w2.mac): "fetch"})
    assert (w2.ask(), w2.fetched) == ("check", NEW)
    site.mirror(NEWER)
    _wait_available(site, NEWER)
    assert site.say("hold", by="`kboot upgrade`", key=key, ends=True).status_code == 200
    site.run(lambda shown: bool(site.rebooted) and shown["state"] == "idle")
    assert set(site.rebooted[:2]) == {"w1", "w2"}, "first who has asked first, which w2 had"
    assert site.rebooted[2:] == ["cp1", "cp2", "cp3"]
    assert set(site.versions().values()) == {NEWER}
    steps = [(each["step"], each["to_version"]) for each in site.server.node(w2.mac)["update"]["steps"]]
    assert steps == [
        ("offered", NEW),
        ("installed", NEW),
        ("dropped", NEW),
        ("offered", NEWER),
        ("installed", NEWER),
        ("booted", NEWER),
    ]


def test_a_hold_brings_machines_to_its_own_release_whatever_comes_into_force_meanwhile(site: Site) -> None:
    w2, word = site.machines["w2"], {"by": "`kboot upgrade`", "key": "k" * 20, "release": NEW}
    site.mirror()
    assert site.say("hold", **word).status_code == 200
    site.mirror(NEWER)
    _wait_available(site, NEWER)
    assert site.say("hold", **word, turns={str(w2.mac): "fetch"}).status_code == 200
    assert (w2.ask(), w2.fetched) == ("check", NEW)
    shown = next(each for each in site.rollout()["machines"] if each["name"] == "w2")
    assert (shown["agent"], shown["agent_version"], shown["boot"]) == ("idle", OLD, w2.boot)


def test_three_failures_from_its_own_address_halt_and_those_of_others_do_not(site: Site) -> None:
    w1, w2 = site.machines["w1"], site.machines["w2"]
    w1.falls_short, w1.machine_id = True, "0b" * 16
    site.mirror()
    site.run(_has("offered"))
    w1.check()
    for code in range(4):  # who has read its machine-id, and w2, which was offered nothing
        site.tell_failure(f"{site.network}.99", w1.machine_id, code)
        site.tell_failure(w2.address, "", code)
    told = [each["error"] for each in site.server.node(w1.mac)["update"]["steps"] if each["step"] == "failed"]
    assert len([error for error in told if "(error 18)" not in error]) == 4, "told, all but its own"
    assert next(each for each in site.rollout()["machines"] if each["name"] == "w1")["reason"] is None
    shown = site.run(_is("halted"), timeout_s=50)  # its client fails again as soon as its agent was told to look
    assert shown["reason"].startswith(f"w1 failed 3 times to fetch {NEW}: the payload is signed by another key")
    assert site.rebooted == []


def test_a_hold_is_refused_while_a_machine_is_under_way_and_says_how_to_pause(site: Site) -> None:
    site.cluster.held["web-w1"] = "held"
    site.mirror()
    site.run(lambda shown: site.stages()["w1"] == "draining")
    answer = site.say("hold", by="`kboot upgrade`", key="k" * 20)
    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        "a rollout is under way: w1 is draining; `kboot os rollout pause` has it stop after that"
    )


def test_a_machine_that_was_armed_and_disarmed_again_is_part_of_it_once_its_agent_asks(site: Site) -> None:
    w1 = site.machines["w1"]
    assert site.server.arm(w1.mac).status_code == 200
    assert w1.ask() == "wait"
    assert site.server.node(w1.mac)["phase"] in ("waiting", "leased")  # it has its lease yet
    assert site.server.arm(w1.mac, "disarm").status_code == 200
    w1.ask()
    site.server.wait_phase(w1.mac, "ready")
    assert site.server.node(w1.mac)["version"] == OLD


def test_the_operators_routes_take_the_operators_token_alone_and_the_agents_route_the_machines(site: Site) -> None:
    for what in ("start", "pause", "resume", "hold", "gate"):
        assert site.server.ask("POST", f"/v1/rollout/{what}", tls=True, token="x").status_code == 403
        assert (
            site.server.ask("POST", f"/v1/rollout/{what}", token=site.server.secrets.operator_token).status_code == 403
        )
    assert site.say("start").status_code == 409
    assert site.say("start", max_parallel=0).status_code == 400
    assert site.say("gate").json() == {"trouble": None}
    w1, w2 = site.machines["w1"], site.machines["w2"]
    path, body = f"/v1/nodes/{w1.mac}/update", {"state": "idle", "version": OLD, "boot": w1.boot}
    assert site.server.ask("POST", path, who=w1.address, tls=True, token=w2._token, body=body).status_code == 403
    assert site.server.ask("POST", path, who=w1.address, token=w1._token, body=body).status_code == 403
    bad = {**body, "state": "sleeping"}
    assert site.server.ask("POST", path, who=w1.address, tls=True, token=w1._token, body=bad).status_code == 400
