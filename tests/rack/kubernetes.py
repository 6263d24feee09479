"""A lab with real Kubernetes for one test of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.kubernetes_lab import KubernetesLab, version_at_hand

HELLO = Path(__file__).parents[1] / "kubernetes" / "hello.yaml"
_READY_S = 7200


@contextmanager
def cluster_up(root: Path, name: str, description: str) -> Iterator[KubernetesLab]:
    """The cluster of a description without its version of Kubernetes, Ready; nothing of it is left afterwards."""
    path = root / "cluster.yaml"
    path.write_text(description.format(version=version_at_hand()))
    lab = KubernetesLab(root, path, name)
    try:
        done = lab.kboot("lab", "up", str(path), "--timeout", str(_READY_S), timeout_s=_READY_S + 900)
        assert done.returncode == 0, done.stdout + done.stderr
        yield lab
    except AssertionError as error:
        error.add_note(lab.account())
        raise
    finally:
        lab.kboot("lab", "down", "--cluster", name, timeout_s=300)
    assert lab.leftovers() == []
