"""What kboot writes for the status page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from kboot.bring_up.render_folder import write_render
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.pki.store.inventory import kept_certificates
from kboot.render import RenderedFile
from kboot.running.summary import certificate_ends, write_summary
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.summary import NeededImage, Summary
from support.fleets import Fleet

DESC: ClusterDesc = Fleet(3).desc


def _cluster(root: Path) -> ClusterFolder:
    folder = ClusterFolder(root, DESC.cluster.name)
    load_or_create(folder, DESC, datetime.now(UTC))
    return folder


def _read(folder: ClusterFolder) -> Summary:
    return Summary.model_validate_json((folder.config / "summary.json").read_bytes())


def test_certificates_of_one_name_are_one_line_with_the_machine_whose_ends_first(tmp_path: Path) -> None:
    folder = _cluster(tmp_path)
    kept = kept_certificates(folder, DESC)
    ends = certificate_ends(kept)
    assert sum(each.count for each in ends) == len(kept)
    by_name = {each.name: each for each in ends}
    assert by_name["etcd-server"].count == 3
    assert by_name["etcd-server"].ends == min(each.certificate.end for each in kept if each.name == "etcd-server")
    assert [each.ends for each in ends] == sorted(each.ends for each in ends)
    assert {each.owner for each in ends if each.count == 1} == {"cluster"}


def test_a_registry_that_does_not_answer_leaves_the_images_out_and_fails_nothing(tmp_path: Path) -> None:
    folder = _cluster(tmp_path)
    write_summary(folder, DESC, {"dnsmasq": "kboot-dnsmasq:0.1.0"})
    summary = _read(folder)
    assert summary.images == ()
    assert [(each.name, each.image) for each in summary.services] == [("dnsmasq", "kboot-dnsmasq:0.1.0")]
    assert summary.kboot
    assert len(summary.certificates) > 5
    assert "PRIVATE KEY" not in (folder.config / "summary.json").read_text()


def test_a_registry_that_is_away_leaves_what_was_known_of_the_images(tmp_path: Path) -> None:
    folder = _cluster(tmp_path)
    write_summary(folder, DESC, {})
    known = (NeededImage(reference="registry.k8s.io/pause:3.10", is_here=True),)
    path = folder.config / "summary.json"
    path.write_text(_read(folder).model_copy(update={"images": known}).model_dump_json())
    write_summary(folder, DESC, {"dnsmasq": "kboot-dnsmasq:0.1.0"})
    summary = _read(folder)
    assert [each.name for each in summary.services] == ["dnsmasq"]
    assert summary.images == known


def test_a_summary_that_cannot_be_written_ends_no_command(tmp_path: Path) -> None:
    folder = _cluster(tmp_path)
    (folder.config / "summary.json").mkdir(parents=True)
    write_summary(folder, DESC, {})
    assert (folder.config / "summary.json").is_dir()
    assert list(folder.config.iterdir()) == [folder.config / "summary.json"]


def test_a_command_that_knows_no_services_keeps_them_and_what_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    folder = _cluster(tmp_path)
    write_summary(folder, DESC, {"dnsmasq": "kboot-dnsmasq:0.1.0"})
    before = _read(folder)
    write_summary(folder, DESC)
    assert _read(folder) == before
    write_summary(folder, DESC, {"dnsmasq": "kboot-dnsmasq:0.2.0"})
    assert _read(folder).services[0].image == "kboot-dnsmasq:0.2.0"


def test_a_summary_that_is_damaged_is_written_anew(tmp_path: Path) -> None:
    folder = _cluster(tmp_path)
    folder.config.mkdir(parents=True, exist_ok=True)
    (folder.config / "summary.json").write_text('{"made": ')
    write_summary(folder, DESC, {})
    assert len(_read(folder).certificates) > 5


def test_a_render_leaves_the_summary_where_it_is(tmp_path: Path) -> None:
    folder = _cluster(tmp_path)
    write_summary(folder, DESC, {})
    rendered = {"config/hosts": RenderedFile(b"")}
    write_render(folder, rendered)
    assert _read(folder)
    assert write_render(folder, rendered) == []
