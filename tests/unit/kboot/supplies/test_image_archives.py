"""What is read of an image archive, and the command line that follows from it."""

from __future__ import annotations

import gzip
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.errors import BadInput
from kboot.supplies.image_archive import ArchivedImage, read_archive
from kboot.supplies.node_images import checked_reference, usable_image
from kboot.supplies.skopeo import (
    archived,
    auth_file,
    copy_command,
    inspect_command,
    list_command,
    names_list,
    released,
    whole,
)
from kboot_clusterdesc import load_text
from support.image_archives import INDEX, MANIFEST, docker_archive, oci_archive, tar_of
from unit.clusterdesc.sample import SAMPLE

COREDNS = "registry.k8s.io/coredns/coredns:v1.14.2"
DIGEST = "sha256:" + "0" * 64


def test_an_archive_of_docker_save_is_known_by_its_names(tmp_path: Path) -> None:
    archive = read_archive(docker_archive(tmp_path / "a.tar", COREDNS, "busybox:latest"))
    assert archive.transport == "docker-archive"
    assert archive.references() == [COREDNS, "busybox:latest"]
    packed = tmp_path / "a.tar.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
    assert replace(read_archive(packed), path=archive.path) == archive


def test_a_list_in_an_oci_archive_is_whole_when_each_of_its_images_is_there(tmp_path: Path) -> None:
    oci_archive(tmp_path / "one.tar", COREDNS)
    oci_archive(tmp_path / "two.tar", COREDNS, arches=("amd64", "arm64"))
    oci_archive(tmp_path / "part.tar", COREDNS, arches=("amd64", "arm64"), left_out=("arm64",))
    found = [read_archive(tmp_path / f"{name}.tar") for name in ("one", "two", "part")]
    assert {archive.transport for archive in found} == {"oci-archive"}
    assert [archive.images[0].is_whole_list for archive in found] == [False, True, False]


def test_the_digest_that_an_image_will_have_is_read_where_the_archive_tells_it(tmp_path: Path) -> None:
    one = oci_archive(tmp_path / "one.tar", COREDNS)
    two = oci_archive(tmp_path / "two.tar", COREDNS, arches=("amd64", "arm64"))
    oci_archive(tmp_path / "part.tar", COREDNS, arches=("amd64", "arm64"), left_out=("arm64",))
    found = [read_archive(tmp_path / f"{name}.tar").images[0] for name in ("one", "two", "part")]
    assert [image.digest for image in found] == [one, two, None]
    saved = read_archive(docker_archive(tmp_path / "a.tar", COREDNS)).images[0]
    with tarfile.open(tmp_path / "a.tar") as tar:
        (name,) = [each for each in tar.getnames() if each not in ("layer.tar", "manifest.json")]
    assert (saved.digest, saved.config) == (None, f"sha256:{name.removesuffix('.json')}")


def test_of_an_export_of_containerd_the_full_name_is_read(tmp_path: Path) -> None:
    notes = {"org.opencontainers.image.ref.name": "v1.14.2", "io.containerd.image.name": COREDNS}
    entry = {"mediaType": MANIFEST, "digest": DIGEST, "annotations": notes}
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"./index.json": json.dumps({"mediaType": INDEX, "manifests": [entry]}).encode()}))
    assert read_archive(path).references() == [COREDNS]


def test_two_images_that_skopeo_could_not_tell_apart_are_read_by_the_names_of_docker(tmp_path: Path) -> None:
    notes = {"org.opencontainers.image.ref.name": "latest"}
    index = {"manifests": [{"mediaType": MANIFEST, "digest": DIGEST, "annotations": notes}] * 2}
    manifest = [{"RepoTags": [f"{name}:latest"]} for name in "ab"]
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"index.json": json.dumps(index).encode(), "manifest.json": json.dumps(manifest).encode()}))
    archive = read_archive(path)
    assert (archive.transport, archive.image("b:latest").selector) == ("docker-archive", "b:latest")
    with pytest.raises(BadInput, match="holds 2 images, none is `c:latest`"):
        archive.image("c:latest")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no tar", "is no image archive"),
        (tar_of({"etc/passwd": b""}), "holds no image"),
        (tar_of({"manifest.json": b"{"}), "is no image archive"),
        (tar_of({"manifest.json": b"[1]"}), "is no image archive"),
        (tar_of({"index.json": b"[]", "manifest.json": b"[]"}), "holds no image"),
        (gzip.compress(b"x" * 9000)[:-9], "is no image archive"),
    ],
    ids=["text", "other files", "broken JSON", "no objects", "empty lists", "cut off"],
)
def test_what_is_no_archive_of_images_is_bad_input(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=f"{path}: {said}"):
        read_archive(path)


def test_of_several_images_the_one_is_meant_that_is_called_so_in_full(tmp_path: Path) -> None:
    archive = read_archive(docker_archive(tmp_path / "a.tar", "docker.io/library/a:1"))
    two = replace(archive, images=(*archive.images, ArchivedImage(("b:1",), "b:1")))
    assert two.image("a:1") is two.images[0]
    assert two.image("docker.io/library/b:1") is two.images[1]


@pytest.mark.parametrize("form", ["docker", "one manifest", "list"])
def test_an_image_for_other_machines_is_refused_before_anything_is_pushed(
    root: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    mac = root / "mac.tar"
    if form == "docker":
        docker_archive(mac, COREDNS, arch="arm64")
    else:
        oci_archive(mac, COREDNS, arches=("arm64",), is_list=form == "list")
    assert read_archive(mac).images[0].platforms == ("linux/arm64",)
    for command in (("load", str(mac)), ("push", str(mac), COREDNS)):
        assert run(["images", *command, "--root", str(root)]) == 2
        assert capsys.readouterr().err == (
            f"error: {mac}: {COREDNS}: is for linux/arm64, this cluster needs linux/amd64\n"
            "  hint: fetch it for that: `docker pull --platform linux/amd64`, or `skopeo --override-arch amd64 copy`\n"
        )


def test_a_list_with_ours_is_for_us_and_what_names_no_platform_is_not_judged(tmp_path: Path) -> None:
    oci_archive(tmp_path / "two.tar", COREDNS, arches=("amd64", "arm64", "unknown"))
    oci_archive(tmp_path / "part.tar", COREDNS, arches=("amd64", "arm64"), left_out=("amd64",))
    two, part = (read_archive(tmp_path / f"{name}.tar") for name in ("two", "part"))
    assert two.images[0].platforms == ("linux/amd64", "linux/arm64")
    desc = load_text(SAMPLE, "rack.yaml")
    assert usable_image(two, COREDNS, desc) is two.images[0]
    with pytest.raises(BadInput, match="is for linux/arm64, this cluster needs linux/amd64"):
        usable_image(part, COREDNS, desc)
    silent = replace(part, images=(ArchivedImage((COREDNS,)),))
    assert usable_image(silent, COREDNS, desc) is silent.images[0]


def test_a_list_is_believed_before_what_the_configurations_of_its_images_say(tmp_path: Path) -> None:
    oci_archive(tmp_path / "ours.tar", COREDNS, arches=("amd64",), is_list=True, configured="arm64")
    oci_archive(tmp_path / "theirs.tar", COREDNS, arches=("arm64",), is_list=True, configured="amd64")
    oci_archive(tmp_path / "single.tar", COREDNS, arches=("amd64",), configured="arm64")
    found = [read_archive(tmp_path / f"{name}.tar").images[0].platforms for name in ("ours", "theirs", "single")]
    assert found == [("linux/amd64",), ("linux/arm64",), ("linux/arm64",)]


@pytest.mark.parametrize(
    ("said", "is_list"), [('a note\n{\n "manifests": [\n', True), ('{"config": {"a": "\\"manifests\\": []"}}', False)]
)
def test_whether_a_name_means_a_list_is_read_of_what_stands_there(said: str, is_list: bool) -> None:
    assert list_command(released(COREDNS)) == ["skopeo", "inspect", "--raw", f"docker://{COREDNS}"]
    assert names_list(said) is is_list
    command = copy_command(whole(released(COREDNS)), COREDNS, load_text(SAMPLE, "rack.yaml"))
    assert {"--all", "--preserve-digests"} <= set(command)


def test_what_a_pull_would_take_is_looked_at_as_our_machines_would() -> None:
    command = inspect_command(released(COREDNS), load_text(SAMPLE, "rack.yaml"))
    assert command[:4] == ["skopeo", "--insecure-policy", "--override-os=linux", "--override-arch=amd64"]
    assert command[4:] == ["inspect", "--config", "--format", "{{.OS}}/{{.Architecture}}", f"docker://{COREDNS}"]


def test_an_image_stands_in_the_registry_without_its_host(tmp_path: Path) -> None:
    desc = load_text(SAMPLE, "rack.yaml")
    archive = read_archive(docker_archive(tmp_path / "a.tar", COREDNS))
    command = copy_command(archived(archive, archive.images[0], COREDNS), COREDNS, desc)
    assert command[:5] == ["skopeo", "--insecure-policy", "--override-os=linux", "--override-arch=amd64", "copy"]
    assert command[-2:] == ["docker-archive:/run/archive.tar", "docker://127.0.0.1:5001/coredns/coredns:v1.14.2"]
    assert "--all" not in command
    assert "--preserve-digests" not in command


def test_a_digest_is_kept_with_every_architecture_it_stands_for() -> None:
    desc = load_text(SAMPLE, "rack.yaml")
    reference = f"quay.io:443/etcd:v1@{DIGEST}"
    command = copy_command(released(reference), reference, desc)
    assert {"--all", "--preserve-digests"} <= set(command)
    assert command[-2:] == [f"docker://quay.io:443/etcd@{DIGEST}", f"docker://127.0.0.1:5001/etcd@{DIGEST}"]
    assert "--all" not in copy_command(released(COREDNS), COREDNS, desc)


def test_several_images_are_told_apart_by_name(tmp_path: Path) -> None:
    archive = read_archive(docker_archive(tmp_path / "a.tar", "a:1"))
    two = replace(archive, images=(ArchivedImage(("a:1",), "a:1"), ArchivedImage(("b:1",), "b:1")))
    assert archived(two, two.image("b:1"), "b:1").name == "docker-archive:/run/archive.tar:b:1"


def test_the_credential_is_for_the_port_that_takes_pushes() -> None:
    auths = json.loads(auth_file(load_text(SAMPLE, "rack.yaml"), "secret"))["auths"]
    assert auths == {"127.0.0.1:5001": {"auth": "a2Jvb3Q6c2VjcmV0"}}


@pytest.mark.parametrize("text", ["", "-x", "--all", "a b", "Host.io/UPPER:1", "a:1:2", "a@sha256:12", "a/../b", "a\n"])
def test_what_is_no_name_of_an_image_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no name of an image"):
        checked_reference(text)


@pytest.mark.parametrize("text", [COREDNS, "busybox", "localhost:5000/a_b/c-d.e", f"Host.io/a:V1@{DIGEST}"])
def test_a_name_of_an_image_is_itself(text: str) -> None:
    assert checked_reference(text) == text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one cluster that no service runs of."""
    (tmp_path / "ail").mkdir()
    (tmp_path / "ail" / "cluster.yaml").write_text(SAMPLE)
    return tmp_path


def test_a_push_without_arguments_and_without_archives_says_where_they_go(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["images", "push", "--root", str(root)]) == 2
    assert capsys.readouterr().err == (
        f"error: {root}/ail/staging/images: holds no archive\n"
        "  hint: put archives there, or name one: `kboot images push ARCHIVE`\n"
    )


def test_one_name_for_several_archives_is_bad_usage(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["images", "load", "a.tar", "b.tar", "--as", "c:1", "--root", str(root)]) == 2
    assert capsys.readouterr().err == (
        "error: `--as` names one image, and there are several files\n  hint: load them one by one\n"
    )


def test_an_archive_without_a_name_asks_for_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    oci_archive(root / "a.tar")
    assert run(["images", "load", str(root / "a.tar"), "--root", str(root)]) == 2
    assert f"hint: say what it is: `kboot images push {root}/a.tar REFERENCE`" in capsys.readouterr().err
