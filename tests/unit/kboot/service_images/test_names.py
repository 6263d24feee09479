"""What images are called, and the commit that they say they are of."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kboot.service_images.build import image_references, service_images
from kboot.service_images.names import service_image
from kboot.service_images.revision import revision
from support.places import ROOT

_GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C"]


def test_edited_sources_stand_in_a_name_and_released_ones_do_not() -> None:
    digest = "0123456789abcdef" * 4
    assert service_image("dnsmasq", "1.2.3", digest, is_edited=True) == "kboot-dnsmasq:1.2.3-0123456789ab"
    assert service_image("dnsmasq", "1.2.3", digest, is_edited=False) == "kboot-dnsmasq:1.2.3"


def test_a_checkout_names_its_images_by_what_is_in_it_unless_it_is_released() -> None:
    names = image_references(ROOT)
    released = {image.service: image.reference for image in service_images(ROOT, is_edited=False)}
    for service, name in released.items():
        assert names[service].startswith(f"{name}-")


def test_the_commit_of_a_checkout_is_gits_and_edits_are_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    assert revision(tmp_path) == "unknown"
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    subprocess.run([*_GIT, str(tmp_path), "add", "."], check=True)
    subprocess.run([*_GIT, str(tmp_path), "commit", "--quiet", "--message=a"], check=True)
    subprocess.run([*_GIT, str(tmp_path), "tag", "--annotate", "--message=a", "v1"], check=True)
    commit = subprocess.check_output([*_GIT, str(tmp_path), "rev-parse", "HEAD"], text=True).strip()
    assert revision(tmp_path) == commit
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert revision(tmp_path) == f"{commit}-dirty"


def test_the_commit_of_an_installed_kboot_is_what_its_wheel_brought(tmp_path: Path) -> None:
    assert revision(tmp_path) == "unknown"
    (tmp_path / "revision").write_text("abc\n")
    assert revision(tmp_path) == "abc"
