"""A step of the wheel's build: the commit that it is made from goes with it, for the labels of images built from it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Revision(BuildHookInterface[Any]):
    """Puts the commit into the wheel, beside the sources of the services."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Have the builder include a file that holds the commit; an editable install has git's word."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "orchestrator"))
        from kboot.service_images.revision import REVISION_FILE, revision

        self._scratch = tempfile.TemporaryDirectory(prefix="kboot-wheel-")
        file = Path(self._scratch.name) / REVISION_FILE
        file.write_text(f"{revision(root)}\n")
        build_data["force_include"][str(file)] = f"kboot/sources/{REVISION_FILE}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the file once the wheel is written."""
        if version != "editable":
            self._scratch.cleanup()
