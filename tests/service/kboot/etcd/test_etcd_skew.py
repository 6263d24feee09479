"""Another etcd for members that run Debian's 3.4: what `up`, `node apply` and `upgrade` make of it before they act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.errors import BadInput
from kboot.preflight.kubernetes_skew import refuse_skew
from kboot_clusterdesc import ClusterDesc, InvalidDescription, Role, dump, load, load_text
from kboot_clusterdesc.layout import STATE_MARK
from kboot_lab.up import refuse_other_etcd
from support.etcd import Client, Member
from support.kubernetes_api import own_loopback
from support.standing import StandingCluster

_DEBIAN = "kboot.lab/etcd:debian"
_KUBERNETES = "kubernetes: {version: v1.36.2}\n"
_LEAVES_OUT = "etcd of node1: 3.4.23 runs, and 3.6.8 leaves out 3.5\n"
_WAY = "  hint: go up one minor at a time: an image of 3.5 first, on every member: docs/etcd.md: Another version\n"


class Fleet:
    """One member of etcd and a worker, in force with the etcd of Debian."""

    def __init__(self, folder: Path) -> None:
        self._network = own_loopback()
        self.cluster = StandingCluster(folder / "root", self.described(_DEBIAN))
        self.path = folder / "rack.yaml"
        node, secrets = self.cluster.desc.nodes[0], self.cluster.up()
        self.member = Member(folder / "node1", self.cluster.desc, node)
        self.member.give(secrets)
        self._client = Client(folder / "client", secrets, node)
        self.cluster.start()

    def described(self, etcd: str | None, more: str = "") -> ClusterDesc:
        """The description with this image of etcd; None: the one that kboot takes by itself."""
        network = self._network
        images = "" if etcd is None else f"images: {{etcd: '{etcd}'}}\n"
        return load_text(
            "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
            f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\n{images}{more}"
            f'nodes:\n  - {{mac: "02:00:00:00:00:01", name: node1, ip: {network}.11, roles: [control-plane, etcd]}}\n'
            f'  - {{mac: "02:00:00:00:00:02", name: node2, ip: {network}.12, roles: [worker]}}\n',
            "unit.yaml",
        )

    def switch_on(self) -> None:
        """Both machines are installed, and etcd takes writes."""
        for node in self.cluster.desc.nodes:
            self.cluster.install(node.name)
        self.member.start()
        self._client.wait(self.member)

    def edit(self, etcd: str | None, more: str = "") -> str | None:
        """What `kboot up` of the edited description looks at first."""
        self.path.write_bytes(dump(self.described(etcd, more)))
        return refuse_skew(self.cluster.folder, load(self.path), self.path)

    def render(self, etcd: str | None, more: str = "") -> None:
        """Put a description into force that nobody looked at."""
        self.cluster.desc = self.described(etcd, more)
        self.cluster.up()

    def stop(self) -> None:
        """End both processes."""
        self.member.stop()
        self.cluster.stop()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path)
    yield made
    made.stop()


def test_up_takes_the_next_minor_of_what_the_members_say_they_run(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.switch_on()
    assert fleet.edit("registry.k8s.io/etcd:3.5.21-0") is None
    before = {path: path.read_bytes() for path in fleet.cluster.folder.path.rglob("*.yaml")}
    for more in ("", _KUBERNETES):
        fleet.path.write_bytes(dump(fleet.described("registry.k8s.io/etcd:3.6.8-0", more)))
        assert run(["up", str(fleet.path), "--root", str(fleet.cluster.folder.root)]) == 2
        said = capsys.readouterr().err
        assert f"\n{fleet.path}:" in f"\n{said}"
        assert said.endswith(f": images.etcd: {_LEAVES_OUT}{_WAY}")
    assert {path: path.read_bytes() for path in fleet.cluster.folder.path.rglob("*.yaml")} == before
    with pytest.raises(InvalidDescription, match=r"3.4.23 runs, and 3.3.27 is older"):
        fleet.edit("quay.io/coreos/etcd:v3.3.27")
    with pytest.raises(InvalidDescription, match=r"leaves out 3.5"):
        fleet.edit(None)  # nobody wrote it down: it is kboot's own


def test_what_cannot_be_compared_is_said(fleet: Fleet) -> None:
    fleet.switch_on()
    assert fleet.edit("registry.example.com/etcd:latest") == (
        "`registry.example.com/etcd:latest` names no version of etcd, so nobody looked whether its data can come to "
        "that (docs/etcd.md: Another version)"
    )
    fleet.member.stop()
    assert (fleet.edit(None) or "").startswith("no member of etcd says which version it runs, so nobody looked")
    assert fleet.edit(_DEBIAN) is None  # it is the one in force


def test_where_no_member_answers_the_image_in_force_counts(fleet: Fleet) -> None:
    fleet.switch_on()
    fleet.member.stop()
    fleet.render("registry.k8s.io/etcd:3.5.21-0")
    assert fleet.edit(None) is None
    fleet.cluster.stop()  # nor the server that knows who was installed
    with pytest.raises(InvalidDescription, match=r"etcd of node1: 3.5.21 runs, and 3.4.23 is older"):
        fleet.edit("quay.io/coreos/etcd:v3.4.23")


def test_where_the_state_is_lost_the_image_in_force_counts_too(fleet: Fleet) -> None:
    fleet.switch_on()
    fleet.member.stop()
    fleet.render("registry.k8s.io/etcd:3.5.21-0")
    fleet.cluster.stop()
    for path in fleet.cluster.folder.state.iterdir():
        path.unlink()
    for begin in (fleet.cluster.start, fleet.cluster.stop):
        with pytest.raises(InvalidDescription, match=r"etcd of node1: 3\.5\.21 runs, and 3\.4\.23 is older"):
            fleet.edit("quay.io/coreos/etcd:v3.4.23")
        begin()


def test_where_an_older_kboot_rendered_its_own_image_the_members_are_asked(
    fleet: Fleet, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.switch_on()
    fleet.render(None)
    for path in fleet.cluster.folder.nodes.rglob("node-config.json"):
        path.unlink()
    with pytest.raises(InvalidDescription, match=r"etcd of node1: 3\.4\.23 runs, and 3\.6\.8 leaves out 3\.5"):
        fleet.edit(None)
    assert fleet.cluster.kboot("node", "apply", "node1", "--trust-first-contact") == 1
    assert capsys.readouterr().err.endswith("an older kboot rendered this cluster\n  hint: run `kboot up` first\n")
    assert not asked.exists()
    fleet.member.stop()
    assert (fleet.edit(None) or "").startswith("no member of etcd says which version it runs, so nobody looked")


def test_a_first_up_that_broke_off_before_its_server_began_holds_no_etcd(fleet: Fleet) -> None:
    fleet.cluster.stop()
    for path in fleet.cluster.folder.state.iterdir():
        path.unlink()
    (fleet.cluster.folder.state / STATE_MARK).touch()
    assert fleet.edit("registry.k8s.io/etcd:3.6.8-0") is None


def test_while_nothing_is_installed_any_etcd_will_do_and_again_once_the_data_are_given_up(fleet: Fleet) -> None:
    assert fleet.edit("registry.k8s.io/etcd:3.6.8-0") is None
    fleet.switch_on()
    assert fleet.cluster.kboot("node", "reinstall", "node1", "--force") == 0
    assert fleet.edit("registry.k8s.io/etcd:3.6.8-0") is None


def test_an_etcd_that_holds_data_does_not_go_all_at_once_to_others(fleet: Fleet) -> None:
    both = fleet.described(_DEBIAN)
    first, second = both.nodes
    swapped = (
        first.model_copy(update={"roles": (Role.CONTROL_PLANE,)}),
        second.model_copy(update={"roles": (Role.ETCD,)}),
    )
    fleet.path.write_bytes(dump(both.model_copy(update={"nodes": swapped})))
    after = load(fleet.path)
    assert refuse_skew(fleet.cluster.folder, after, fleet.path) is None  # nothing is installed
    fleet.switch_on()
    with pytest.raises(InvalidDescription) as refused:
        refuse_skew(fleet.cluster.folder, after, fleet.path)
    assert (
        "nodes: none of the etcd members that are installed is one any more: node1; node2 would find nobody to join, "
        "and form an empty etcd\n  hint: keep the role `etcd` on node1 until the others vote" in str(refused.value)
    )
    fleet.path.write_bytes(
        dump(both.model_copy(update={"nodes": (first.model_copy(update={"name": "other"}), second)}))
    )
    assert refuse_skew(fleet.cluster.folder, load(fleet.path), fleet.path) is None  # the same machine


def test_node_apply_reaches_no_machine_whose_etcd_could_not_start(
    fleet: Fleet, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.switch_on()
    fleet.render("registry.k8s.io/etcd:3.6.8-0")
    assert fleet.cluster.kboot("node", "apply", "node1", "--trust-first-contact") == 2
    assert capsys.readouterr() == ("", f"error: nothing was touched: {_LEAVES_OUT}{_WAY}")
    assert not asked.exists()
    assert fleet.cluster.kboot("node", "apply", "node2", "--trust-first-contact") == 0  # no member
    asked.unlink()
    fleet.render("registry.k8s.io/etcd:3.5.21-0")
    assert fleet.cluster.kboot("node", "apply", "node1", "--trust-first-contact") == 0
    assert asked.exists()
    fleet.render("registry.example.com/etcd:latest")
    capsys.readouterr()
    assert fleet.cluster.kboot("node", "apply", "node1", "--trust-first-contact") == 0
    assert capsys.readouterr().err.startswith(
        "note: node1: `registry.example.com/etcd:latest` names no version of etcd"
    )


def test_upgrade_looks_before_anything_else(fleet: Fleet, asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.switch_on()
    fleet.render(None, _KUBERNETES)
    for more in ([], ["--dry-run"]):
        assert fleet.cluster.kboot("upgrade", *more) == 2
        assert capsys.readouterr().err == f"error: nothing was touched: {_LEAVES_OUT}{_WAY}"
    assert not asked.exists()


def test_a_lab_whose_etcd_cannot_follow_is_to_be_made_anew(fleet: Fleet) -> None:
    fleet.switch_on()
    refuse_other_etcd(fleet.cluster.folder, fleet.described(_DEBIAN))
    with pytest.raises(BadInput) as refused:
        refuse_other_etcd(fleet.cluster.folder, fleet.described(None, _KUBERNETES))
    assert str(refused.value) == (
        f"this lab has another etcd now: {_LEAVES_OUT}"
        "  hint: `kboot lab down --cluster unit`, then this again installs its machines anew"
    )
