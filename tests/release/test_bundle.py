"""Bundles with what comes from an engine, from a registry, from a package index; taken in where there is nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import docker
import pytest

from kboot.cli.main import run
from kboot.supplies.bundle_manifest import Kind
from kboot.supplies.store import SupplyStore
from support.bundle_site import BundleSite, bundle_site
from support.engine import empty_engine

_FILES_ALONE = ["--without", "node-image", "--without", "os-file", "--without", "binary"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> BundleSite:
    return bundle_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def bundle(site: BundleSite, service_images: dict[str, str]) -> Path:
    """A bundle of the service images and of kboot as wheels, as it is made on a connected machine."""
    path = site.folder / "ail.kboot"
    command = ["bundle", "create", str(site.description), "-o", str(path), "--root", str(site.root), *_FILES_ALONE]
    assert run(command) == 0
    return path


def test_an_empty_engine_gets_the_very_images(
    site: BundleSite,
    bundle: Path,
    service_images: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with closing(docker.from_env()) as here:
        wanted = {service: here.images.get(name).id for service, name in service_images.items()}
    command = ["bundle", "load", str(bundle), "--root", str(tmp_path / "root")]
    with empty_engine(tmp_path) as address, closing(docker.DockerClient(base_url=address)) as there:
        monkeypatch.setenv("DOCKER_HOST", address)
        assert run(command) == 0
        assert "loading 5 service images into the engine" in capsys.readouterr().err
        store = SupplyStore(tmp_path / "root")
        names = {item.name for item in store.items(Kind.SERVICE_IMAGE)}
        assert names == {f"kboot-{service}:0.1.0" for service in service_images}
        assert {service: there.images.get(f"kboot-{service}:0.1.0").id for service in service_images} == wanted
        assert run(command) == 0
        said = capsys.readouterr()
        assert "loading" not in said.err
        assert said.out.endswith("all was here already\n")
        there.images.remove("kboot-time:0.1.0")
        assert run(command) == 0
        assert "loading 1 service images" in capsys.readouterr().err


def test_without_an_engine_the_supplies_are_kept_and_the_next_load_goes_on(bundle: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kboot.cli.main", "bundle", "load", str(bundle), "--root", str(tmp_path / "root")]
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: the Docker engine does not answer" in done.stderr
    assert len(SupplyStore(tmp_path / "root").bundles()) == 1


_BARE = """
set -e
unset PYTHONPATH
rm -rf /opt/kboot
! python3 -c 'import ensurepip' 2>/dev/null
sh /media/ail.kboot || test $? = 1  # no engine is here
kboot version
kboot bundle verify /media/ail.kboot
sh /media/ail.kboot 2>&1 | grep -c installing || true
"""


def test_a_bare_machine_with_python_alone_gets_kboot_from_the_head(
    bundle: Path, service_images: dict[str, str]
) -> None:
    command = ["docker", "run", "--rm", "--network=none", "--user=0", "--entrypoint=bash"]
    command += ["-v", f"{bundle}:/media/ail.kboot:ro", service_images["updater"], "-c", _BARE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "installing kboot 0.1.0 into /opt/kboot/0.1.0" in done.stderr
    version, verified, installed_again = done.stdout.splitlines()
    assert version == "kboot 0.1.0"
    assert verified.endswith(" items are whole")
    assert installed_again == "0"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("sed -i 's/Python 3.11 or newer/Python 3.12 or newer/' /media/b", "the program at its head is not the one"),
        ("printf x | dd of=/media/b bs=1 seek=33300 conv=notrunc status=none", "manifest.json is not the one"),
        ("truncate -s 40000 /media/b", "ends too early"),
        ("truncate -s 2000000 /media/b", "ends too early"),
        ("mkdir /etc/kboot; mkdir /etc/kboot/trusted-keys; cp /media/key.pub /etc/kboot/trusted-keys", "is not signed"),
    ],
    ids=["another program", "another manifest", "cut in the manifest", "cut in a wheel", "not signed"],
)
def test_a_spoilt_bundle_leaves_nothing_on_a_bare_machine(
    bundle: Path, service_images: dict[str, str], spoil: str, said: str, tmp_path: Path
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    script = f"unset PYTHONPATH; rm -rf /opt/kboot /etc/kboot; cp /media/a /media/b; {spoil}\n"
    script += "sh /media/b; echo code $?; ls -A /opt/kboot /usr/local/bin /var/lib/kboot/.supplies"
    command = ["docker", "run", "--rm", "--network=none", "--user=0", "--entrypoint=bash"]
    command += ["-v", f"{bundle}:/media/a:ro", "-v", f"{tmp_path}/key.pub:/media/key.pub:ro"]
    done = subprocess.run([*command, service_images["updater"], "-c", script], capture_output=True, text=True)
    assert said in done.stderr, done.stderr
    assert done.stdout.split() == ["code", "2", "/opt/kboot:", "/usr/local/bin:"]
