"""kboot's own wheel, made again from what a wheel was installed as."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from kboot.bundle.collect.own_wheel import installed_files, own_wheel, wheel_of
from kboot.bundle.collect.wheels import wheel_licence
from support.places import ROOT

_METADATA = b"Metadata-Version: 2.4\nName: kboot\nVersion: 1.2\nLicense-Expression: Apache-2.0\n"
_FILES = {
    "kboot/__init__.py": b"",
    "kboot/bundle/head/head.sh": b"exit 0\n",
    "kboot-1.2.dist-info/METADATA": _METADATA,
    "kboot-1.2.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "kboot-1.2.dist-info/entry_points.txt": b"[console_scripts]\nkboot = kboot:main\n",
    "kboot-1.2.data/data/share/man/man1/kboot.1": b"man",
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "kboot-1.2-py3-none-any.whl"
    path.write_bytes(wheel_of(_FILES, "kboot-1.2.dist-info"))
    return path


def test_the_same_files_give_the_same_bytes(wheel: Path) -> None:
    assert wheel_of(dict(reversed(_FILES.items())), "kboot-1.2.dist-info") == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {*_FILES, "kboot-1.2.dist-info/RECORD"}
    assert wheel_licence(wheel) == "Apache-2.0"


def test_a_wheel_that_pip_installed_is_made_again_byte_for_byte(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([*pip, "--disable-pip-version-check"], check=True)
    installed = Distribution.at(next(environment.glob("lib/*/site-packages/kboot-1.2.dist-info")))
    assert (environment / "bin" / "kboot").exists()
    assert installed_files(installed) == _FILES
    assert wheel_of(installed_files(installed), "kboot-1.2.dist-info") == wheel.read_bytes()


def test_the_wheel_of_the_checkout_holds_the_head_of_bundles(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    one, two = own_wheel(tmp_path / "one", ROOT), own_wheel(tmp_path / "two", ROOT)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert {"kboot/bundle/head/head.sh", "kboot/bundle/head/install.py"} <= set(archive.namelist())
