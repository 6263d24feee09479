"""`kboot assets`: binaries from files and from a release server, and what is said of wrong ones."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kboot.bundle.collect.binaries import BinarySources, collect_binaries
from kboot.bundle.collect.collected import Collected
from kboot.bundle.collect.needs import needs
from kboot.cli.main import run
from kboot.errors import KbootError
from kboot.supplies.assets import CNI_NEEDED
from kboot.supplies.release_urls import CNI_VERSION
from kboot_clusterdesc import ClusterFolder, load_text
from support.forward_proxy import forward_proxy
from support.image_archives import tar_of
from support.programs import arm_program, program
from unit.clusterdesc.sample import SAMPLE

VERSION = "v1.36.2"
SAID = {"kubelet": f"Kubernetes {VERSION}\n", "kubectl": f"Client Version: {VERSION}\nKustomize Version: v5.8.1\n"}


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """A cluster of Kubernetes v1.36.2."""
    made = ClusterFolder(tmp_path / "root", "ail")
    made.path.mkdir(parents=True)
    made.description.write_text(SAMPLE)
    return made


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    """A folder as an operator carries it: what nodes fetch, and more."""
    made = tmp_path / "brought"
    (made / "cni").mkdir(parents=True)
    for name, said in SAID.items():
        (made / name).write_bytes(program(said))
    for name in CNI_NEEDED:
        (made / "cni" / name).write_bytes(program(f"CNI {name} plugin v1.9.1\n"))
    (made / "kube-apiserver").write_bytes(program("Kubernetes\n"))
    return made


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder with the releases as the public hosts lay them out, and its URL."""
    top = tmp_path / "releases"
    files = {f"{VERSION}/bin/linux/amd64/{name}": program(said) for name, said in SAID.items()}
    plugins = {f"./{name}": program(name) for name in (*CNI_NEEDED, "README.md", "../../outside")}
    files["v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz"] = gzip.compress(tar_of(plugins))
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
        (top / f"{name}.sha256").write_text(f"{sha256(content).hexdigest()}  {Path(name).name}\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(top))) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield top, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def assets(folder: ClusterFolder, *arguments: str) -> int:
    """The exit code of `kboot assets`."""
    return run(["assets", *arguments, "--root", str(folder.root)])


def checked_by_coreutils(folder: Path) -> str:
    """What sha256sum says of a folder's SHA256SUMS."""
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else done.stderr


def test_a_folder_is_brought_in_the_layout_that_nodes_fetch_from(
    folder: ClusterFolder, brought: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.umask(0o077)
    try:
        assert assets(folder, "add", str(brought)) == 0
    finally:
        os.umask(before)
    kubernetes, cni = folder.assets / "kubernetes" / VERSION, folder.assets / "cni"
    assert sorted(path.name for path in kubernetes.iterdir()) == ["SHA256SUMS", "kubectl", "kubelet"]
    assert sorted(path.name for path in cni.iterdir()) == sorted([*CNI_NEEDED, "SHA256SUMS"])
    assert checked_by_coreutils(kubernetes) == "kubectl: OK\nkubelet: OK\n"
    assert checked_by_coreutils(cni).count(": OK\n") == len(CNI_NEEDED)
    for path in (folder.assets, kubernetes.parent, kubernetes, kubernetes / "kubelet", cni / "bridge"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755, path
    assert stat.S_IMODE((cni / "SHA256SUMS").stat().st_mode) == 0o644
    assert capsys.readouterr().out.count(str(folder.assets)) == 6
    assert assets(folder, "verify") == 0


def test_a_second_addition_keeps_the_sums_of_the_first(folder: ClusterFolder, brought: Path) -> None:
    assert assets(folder, "add", str(brought / "kubelet")) == 0
    assert assets(folder, "add", str(brought / "kubectl"), "--version", VERSION) == 0
    assert checked_by_coreutils(folder.assets / "kubernetes" / VERSION) == "kubectl: OK\nkubelet: OK\n"


_HELLO = program("hello\n")
_KUBELET = program(SAID["kubelet"])
_FREEBSD = _KUBELET[:7] + b"\x09" + _KUBELET[8:]
_OBJECT = _KUBELET[:16] + b"\x01" + _KUBELET[17:]  # that is to be linked yet
_NAMES_A_SOURCE = _HELLO + bytes(-len(_HELLO) % 16) + b"entropy/v1.36.2\0"  # aligned as what is linked in is


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("kubelet", program("Kubernetes v1.36.1\n"), "is v1.36.1, not v1.36.2"),
        ("kubectl", program("Client Version: v1.35.0\n"), "is v1.35.0, not v1.36.2"),
        ("kubelet", program("hello\n"), "is of no version, not v1.36.2"),
        ("kubelet", _NAMES_A_SOURCE, "is of no version, not v1.36.2"),
        ("kubelet", arm_program(SAID["kubelet"]), "is no program for linux/amd64"),
        ("kubelet", _FREEBSD, "is no program for linux/amd64"),
        ("kubelet", _OBJECT, "is no program for linux/amd64"),
        ("kubelet", b"<html>404</html>", "is no program for linux/amd64"),
        ("bridge", b"", "is no program for linux/amd64"),
        ("kube-apiserver", program(SAID["kubelet"]), "`kube-apiserver` is no binary that nodes fetch"),
    ],
    ids=[
        *("a patch before", "a minor before", "none", "of a source", "arm64", "FreeBSD", "an object"),
        *("a page", "nothing", "no binary of ours"),
    ],
)
def test_a_wrong_binary_is_refused_and_nothing_changes(
    folder: ClusterFolder, brought: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, said: str
) -> None:
    wrong = brought.parent / name
    wrong.write_bytes(content)
    assert assets(folder, "add", str(brought / "cni" / "portmap"), str(wrong)) == 2
    assert said in capsys.readouterr().err
    assert [path for path in folder.assets.rglob("*") if path.is_file()] == []


def test_a_build_of_the_release_may_name_itself(folder: ClusterFolder, brought: Path) -> None:
    (brought / "kubelet").write_bytes(program(f"Kubernetes {VERSION}+site.1\n"))
    assert assets(folder, "add", str(brought / "kubelet")) == 0


def test_what_is_missing_exits_3_and_what_was_changed_exits_1(
    folder: ClusterFolder, brought: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets(folder, "list", "--json") == 3
    listed = json.loads(capsys.readouterr().out)
    assert {each["standing"] for each in listed} == {"missing"}
    assert len(listed) == 2 + len(CNI_NEEDED)
    assert assets(folder, "add", str(brought)) == 0
    assert assets(folder, "list") == 0
    with (folder.assets / "cni" / "bridge").open("ab") as stream:
        stream.write(b"x")
    capsys.readouterr()
    assert assets(folder, "verify") == 1
    out = capsys.readouterr().out
    assert out.startswith("wrong    cni/bridge: its bytes are ")
    assert out.count("\n") == 1
    (folder.assets / "cni" / "bridge").unlink()
    assert assets(folder, "verify") == 3
    assert capsys.readouterr().out == "missing  cni/bridge\n"


def test_a_pull_brings_what_is_missing_and_no_more(
    folder: ClusterFolder, releases: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, url = releases
    assert assets(folder, "pull", "--from", url, "--cni-from", f"{url}/") == 0
    assert "downloading" in capsys.readouterr().err
    assert assets(folder, "verify") == 0
    assert sorted(path.name for path in (folder.assets / "cni").iterdir()) == sorted([*CNI_NEEDED, "SHA256SUMS"])
    assert list(folder.staging.iterdir()) == []
    capsys.readouterr()
    assert assets(folder, "pull", "--from", url, "--cni-from", url) == 0
    assert capsys.readouterr().err == "every binary is there already\n"
    (folder.assets / "kubernetes" / VERSION / "kubectl").unlink()
    assert assets(folder, "pull", "--from", url, "--cni-from", url) == 0
    assert capsys.readouterr().err.count("downloading") == 1


def test_a_pull_goes_by_the_proxy_of_the_description_whatever_the_environment_says(
    folder: ClusterFolder, releases: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    url = releases[1].removeprefix("http://")
    with forward_proxy(url) as proxy:
        described = f'  proxy: {{http: "http://{proxy.address}", no_proxy: [direct.example]}}\n  routers:'
        folder.description.write_text(SAMPLE.replace("  routers:", described))
        outside = "http://releases.example"
        assert assets(folder, "pull", "--from", outside, "--cni-from", "http://cni.direct.example:9") == 1
        assert {line.partition("/v")[0] for line in proxy.asked} == {f"GET {outside}"}
        assert assets(folder, "pull", "--from", outside, "--cni-from", f"http://{url}") == 0
        assert all(line.startswith(f"GET {outside}") for line in proxy.asked)
    assert assets(folder, "verify") == 0


def test_a_download_of_other_bytes_than_published_changes_nothing(
    folder: ClusterFolder, releases: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    top, url = releases
    (top / VERSION / "bin/linux/amd64/kubectl").write_bytes(program(f"Client Version: {VERSION}"))
    assert assets(folder, "pull", "--from", url, "--cni-from", url) == 1
    assert f"{url}/{VERSION}/bin/linux/amd64/kubectl: its bytes are " in capsys.readouterr().err
    assert [path for path in folder.assets.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("published", ["", "<html>\n"])
def test_a_sum_that_is_none_is_refused(
    folder: ClusterFolder, releases: tuple[Path, str], capsys: pytest.CaptureFixture[str], published: str
) -> None:
    top, url = releases
    (top / VERSION / "bin/linux/amd64/kubelet.sha256").write_text(published)
    assert assets(folder, "pull", "--from", url) == 1
    assert "kubelet.sha256: is no SHA-256" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["v1.36.9", "../../etc"])
def test_a_release_that_is_not_there_is_named(
    folder: ClusterFolder, releases: tuple[Path, str], capsys: pytest.CaptureFixture[str], version: str
) -> None:
    assert assets(folder, "pull", "--from", releases[1], "--version", version) in (1, 2)
    assert version in capsys.readouterr().err
    assert assets(folder, "pull", "--from", "nowhere:/x") == 1
    assert "Without internet: `kboot assets add FOLDER`" in capsys.readouterr().err


def test_binaries_of_a_release_go_into_a_bundle_and_are_downloaded_once(
    tmp_path: Path, releases: tuple[Path, str]
) -> None:
    """What came before a download that failed is kept: the next run fetches the rest."""
    top, url = releases
    kubectl = top / VERSION / "bin/linux/amd64/kubectl"
    sound = kubectl.read_bytes()
    wanted, said = needs([load_text(SAMPLE, "ail.yaml")]), list[str]()
    collected, sources = Collected(tmp_path / "cache"), BinarySources((), url, url)
    kubectl.write_bytes(b"spoilt")
    with pytest.raises(KbootError, match="kubectl: its bytes are"):
        collect_binaries(wanted, sources, collected, said.append)
    kubectl.write_bytes(sound)
    said.clear()
    items = collect_binaries(wanted, sources, collected, said.append)
    assert [line for line in said if "/kubelet" in line] == []
    assert {(item.path, item.arch) for item in items} >= set(wanted.binaries)
    assert {item.version for item in items if item.path.startswith("cni/")} == {CNI_VERSION}
    said.clear()
    assert collect_binaries(wanted, sources, collected, said.append) == items
    assert said == []
