"""The import rules of pyproject.toml see what they are there for: an import that breaks one is planted in a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.places import ROOT

_CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
_CONTRACTS = [contract["name"] for contract in _CONFIG["tool"]["importlinter"]["contracts"]]
_SOURCE_ROOTS: list[str] = _CONFIG["tool"]["hatch"]["build"]["dev-mode-dirs"]

# (file, line that is planted in it, contract that it breaks)
_PURE = "Pure modules have no effects"
_ROOMS = "Rooms of the launcher import downward"
_PLANTS = [
    ("clusterdesc/kboot_clusterdesc/phase.py", "import os", _PURE),
    ("services/cloudconfig/kboot_cloudconfig/machine.py", "import httpx", _PURE),
    ("orchestrator/kboot/upgrade/plan.py", "from ..running import ssh", _PURE),  # which starts processes
    ("orchestrator/kboot/pki/certificate.py", "from .store import issue", _PURE),
    ("orchestrator/kboot/host/cache.py", "from ..cli import options", _ROOMS),
    ("orchestrator/kboot/node/config.py", "from ..render import files", _ROOMS),
    ("orchestrator/kboot/attic/__init__.py", "import json", _ROOMS),  # a room that no layer names
    ("clusterdesc/kboot_clusterdesc/types.py", "from . import model", "The vocabulary imports downward"),
    ("clusterdesc/kboot_clusterdesc/checks/at.py", "from . import names", "Checks import downward"),
    ("services/cloudconfig/kboot_cloudconfig/log.py", "from . import app", "The cloud-config server imports downward"),
    ("services/updater/kboot_updater/log.py", "from . import mirror", "The updater imports downward"),
    ("services/updater/kboot_updater/status.py", "import kboot.errors", "Packages import one way"),
    ("lab/kboot_lab/ssh.py", "from . import up", "The lab imports downward"),
    (
        "orchestrator/kboot/node/config.py",
        "from kboot_clusterdesc.checks import pods",
        "Nothing outside the vocabulary imports a check",
    ),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the rules and of every package that they are about."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for root in _SOURCE_ROOTS:
        for package in (ROOT / root).glob("kboot*"):
            shutil.copytree(package, tmp_path / root / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _broken(tree: Path) -> tuple[int, list[str]]:
    """lint-imports in `tree`: its exit code, and the contracts that it found broken."""
    path = os.pathsep.join(str(tree / root) for root in _SOURCE_ROOTS)
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    return done.returncode, re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE)


def test_the_code_as_it_stands_keeps_every_rule(tree: Path) -> None:
    assert _broken(tree) == (0, [])


@pytest.mark.parametrize(("file", "line", "contract"), _PLANTS, ids=[f"{file}: {line}" for file, line, _ in _PLANTS])
def test_an_import_that_breaks_a_rule_is_told_by_its_name(tree: Path, file: str, line: str, contract: str) -> None:
    path = tree / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as text:
        text.write(f"\n{line}\n")
    code, broken = _broken(tree)
    assert code == 1
    assert contract in broken


def test_every_rule_is_broken_by_one_of_these() -> None:
    assert {contract for _, _, contract in _PLANTS} == set(_CONTRACTS)
