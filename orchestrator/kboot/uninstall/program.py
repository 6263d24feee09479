"""How the program itself is removed, which does not do that to itself: by the tool that installed it."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

_OF_A_BUNDLE = "wheels.json"  # in each folder that the head of a bundle has made; others may lie beside it


def removal(
    prefix: Path = Path(sys.prefix), python: str = sys.executable, installed: Distribution | None = None
) -> str:
    """Return what removes kboot from the environment `prefix` of the program `python`, as words for people."""
    if (prefix / "pipx_metadata.json").exists():
        return "`pipx uninstall kboot`"
    if (prefix / "uv-receipt.toml").exists():
        return "`uv tool uninstall kboot`"
    if (prefix / _OF_A_BUNDLE).exists():
        folders = sorted(path.parent for path in prefix.parent.glob(f"*/{_OF_A_BUNDLE}"))
        is_ours_alone = sorted(prefix.parent.iterdir()) == folders and prefix.parent.name == "kboot"
        gone = [prefix.parent] if is_ours_alone else folders
        return f"`rm -r {shlex.join(map(str, gone))}`, and the link `/usr/local/bin/kboot` where it leads there"
    if (checkout := _checkout(installed or distribution("kboot"))) is not None:
        return f"remove the checkout {checkout}"
    return f"`{shlex.quote(python)} -m pip uninstall kboot`"


def _checkout(installed: Distribution) -> str | None:
    """Return the folder of an editable installation, by PEP 610."""
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    is_editable = origin.get("dir_info", {}).get("editable", False)
    return str(origin["url"]).removeprefix("file://") if is_editable else None
