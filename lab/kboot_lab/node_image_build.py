"""Build the container images that the lab's nodes pull, from binaries, under the names of the released images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kboot.host.cache import cache_folder, made_once
from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.node_images import node_images

from .debian_files import LOADER, debian_files, libraries
from .image_archive import ImageRecipe, write_image

HELLO = "kboot.lab/hello:1"  # a program that is run in pods to test their network
_BIN = "/usr/local/bin"
# By key of `images`: the image's binaries, their folder in the released image, and its entry point.
_STATIC = {
    "etcd": (("etcd", "etcdctl", "etcdutl"), _BIN, ()),
    "kube_apiserver": (("kube-apiserver",), _BIN, ()),
    "kube_controller_manager": (("kube-controller-manager",), _BIN, ()),
    "kube_scheduler": (("kube-scheduler",), _BIN, ()),
    "pause": (("pause",), "", ("/pause",)),
    "coredns": (("coredns",), "", ("/coredns",)),
}
_ETCD = {f"{_BIN}/{name}": f"usr/bin/{name}" for name in ("etcd", "etcdctl")}
_NFT_NAMES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")
_PACKET_FILTER = {
    **{f"/usr/sbin/{name}": "usr/sbin/xtables-nft-multi" for name in _NFT_NAMES},
    "/usr/sbin/conntrack": "usr/sbin/conntrack",
    "/usr/lib/x86_64-linux-gnu/xtables": "usr/lib/x86_64-linux-gnu/xtables/lib*.so",
    **libraries("libc.so.6", "libm.so.6", "libxtables.so.12", "libmnl.so.0", "libnftnl.so.11"),
    **libraries("libnetfilter_conntrack.so.3", "libnfnetlink.so.0"),
    **LOADER,
}


def build_node_images(desc: ClusterDesc, binaries: Path | None, progress: Callable[[str], None]) -> dict[str, Path]:
    """Return the archive of each image that `desc` needs, by reference; build the archives that are missing.

    Without `binaries` only etcd's image is built, from Debian's packages. Flannel's images cannot be built.
    """
    wanted = node_images(desc)
    made = {}
    for recipe in _recipes(wanted, binaries, progress):
        made[recipe.reference] = _ensure(recipe, progress)
    return made


def debian_etcd(progress: Callable[[str], None]) -> dict[str, Path]:
    """Return Debian's etcd and etcdctl with what they need, by path in an image; fetched once."""
    asked = {**_ETCD, **libraries("libc.so.6"), **LOADER}
    return debian_files(("etcd-client", "etcd-server"), asked, _folder(), progress)


def _recipes(wanted: dict[str, str], binaries: Path | None, progress: Callable[[str], None]) -> Iterator[ImageRecipe]:
    if binaries is None:
        if "etcd" in wanted:
            yield ImageRecipe(wanted["etcd"], debian_etcd(progress))
        return
    for key, (names, folder, entrypoint) in _STATIC.items():
        if key in wanted:
            yield ImageRecipe(wanted[key], {f"{folder}/{name}": binaries / name for name in names}, entrypoint)
    if "kube_proxy" in wanted:
        tools = debian_files(("conntrack", "iptables"), _PACKET_FILTER, _folder(), progress)
        yield ImageRecipe(wanted["kube_proxy"], {**tools, f"{_BIN}/kube-proxy": binaries / "kube-proxy"})
    if "kube_apiserver" in wanted:
        yield ImageRecipe(HELLO, {"/hello": binaries / "hello"}, ("/hello",))


def _ensure(recipe: ImageRecipe, progress: Callable[[str], None]) -> Path:
    def write(archive: Path) -> None:
        progress(f"making the image {recipe.reference}")
        write_image(recipe, archive)

    return made_once(_folder() / f"{recipe.digest[:16]}.tar", write)


def _folder() -> Path:
    return cache_folder() / "node-images"
