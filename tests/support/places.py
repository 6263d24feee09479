"""Where tests find what is not theirs: the repository, its examples, the descriptions of the golden renders."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
GOLDEN_RENDERS = ROOT / "tests" / "golden" / "render"
SERVICES = ROOT / "services"
