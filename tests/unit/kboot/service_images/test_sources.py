"""Where the sources of the services are."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.errors import KbootError
from kboot.service_images.sources import is_installed, sources
from support.places import ROOT


def test_in_a_checkout_they_are_its_own() -> None:
    assert not is_installed()
    assert sources() == ROOT


def test_those_that_a_wheel_brought_go_before_a_folder_around_it(tmp_path: Path) -> None:
    package = tmp_path / "python" / "kboot"
    (package / "sources" / "services").mkdir(parents=True)
    (tmp_path / "services").mkdir()
    assert is_installed(package)
    assert sources(package) == package / "sources"


def test_a_package_alone_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(KbootError) as refused:
        sources(tmp_path / "python" / "kboot")
    assert str(refused.value) == (
        f"{tmp_path}/python/kboot: the sources of the services are not with it\n"
        "  hint: install kboot again, from its wheel"
    )
