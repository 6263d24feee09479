"""What runs beside the servers loads little: health checks come every ten seconds, and ports are bound first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kboot_cloudconfig.settings import settings_from
from kboot_clusterdesc.shared_files import AUTHORITY

_HEAVY = {"kboot_clusterdesc", "pydantic", "yaml", "fastapi", "uvicorn", "jinja2"}


@pytest.mark.parametrize(
    "module", ["kboot_cloudconfig.health_check", "kboot_cloudconfig.generations", "kboot_updater.health_check"]
)
def test_a_process_beside_a_server_loads_neither_the_vocabulary_nor_a_framework(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{each.partition('.')[0] for each in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert module.partition(".")[0] in done.stdout.split()
    assert set(done.stdout.split()) & _HEAVY == set()


def test_the_authority_lies_where_it_is_rendered() -> None:
    settings = settings_from({"KBOOT_CONFIG_DIR": "/etc/kboot", "KBOOT_UID": "1"})
    assert settings.authority == Path("/etc/kboot") / AUTHORITY
