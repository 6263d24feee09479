"""Find the binaries of Kubernetes in the folder that `make kubernetes` fills, or that the environment names."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from kboot.errors import BadInput

BINARIES = (
    "kubelet",
    "kubectl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "etcd",
    "etcdctl",
    "etcdutl",
    "pause",
    "hello",
    "coredns",
)
_NAMED = "KBOOT_LAB_KUBERNETES"


def kubernetes_folder(cache: Path, sources: Path) -> Path | None:
    """Return the folder that holds all BINARIES and `versions`; None where there is none.

    Raises BadInput where KBOOT_LAB_KUBERNETES names a folder that lacks one of these files.
    """
    named = os.environ.get(_NAMED)
    folder = Path(named) if named else built_folder(cache, sources)
    missing = [name for name in (*BINARIES, "versions") if not (folder / name).is_file()]
    if not missing:
        return folder
    if named:
        hint = f"`make kubernetes` in a checkout fills a folder; {_NAMED} names it"
        raise BadInput(f"{folder}: lacks {', '.join(missing)}", hint)
    return None


def built_folder(cache: Path, sources: Path) -> Path:
    """Return the folder that `make kubernetes` fills, named by a hash of the sources in lab/kubernetes."""
    recipe = sources / "lab" / "kubernetes"
    total = sha256()
    for path in sorted(path for path in recipe.rglob("*") if path.is_file()):
        total.update(f"\0{path.relative_to(recipe)}\0".encode() + path.read_bytes())
    return cache / "kubernetes" / total.hexdigest()[:16]


def version_in(folder: Path, name: str = "kubernetes") -> str:
    """Return the version of `kubernetes`, `etcd` or `coredns` in a folder, such as v1.36.2."""
    lines = (line.split() for line in (folder / "versions").read_text().splitlines())
    return dict(line for line in lines if len(line) == 2)[name]


def main() -> None:
    """Print the folder that `make kubernetes` fills."""
    from kboot.host.cache import cache_folder
    from kboot.service_images.sources import sources

    print(built_folder(cache_folder(), sources()))


if __name__ == "__main__":
    main()
