"""`kboot bundle create`: the options, and what is collected for them."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ..bundle.pythons import PYTHONS
from ..errors import ExitCode
from ..host.progress import Progress
from ..supplies.bundle_kind import Kind
from ..supplies.release_urls import CNI_URL, KUBERNETES_URL
from .options import Commands, add_command, add_root, note

if TYPE_CHECKING:
    from ..bundle.collect.everything import Wanted


def register_create(group: Commands) -> None:
    """Add `kboot bundle create` to the command line."""
    parser = add_command(
        group,
        "create",
        run_create,
        summary="bring together what the clusters of some descriptions need, and write it as one archive",
        example="kboot bundle create cluster.yaml -o rack.kboot\n"
        "  kboot bundle create cluster.yaml -o /media/usb/rack.kboot --split 3.9G --with-engine --sign site.key",
    )
    parser.add_argument("descriptions", nargs="+", type=Path, metavar="FILE", help="a cluster description")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="BUNDLE", help="the file to write it to")
    _add_contents(parser)
    _add_sources(parser)
    _add_form(parser)
    add_root(parser)


def _add_contents(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what it holds")
    group.add_argument("--kubernetes", metavar="V", help="this release of Kubernetes, not that of the descriptions")
    group.add_argument("--os", metavar="V", help="this release of the OS, not that of the descriptions")
    group.add_argument(
        "--arch",
        action="append",
        default=[],
        choices=["amd64", "arm64"],
        help="for machines and bootstrappers of this processor; default: `os.arch`, and this machine's",
    )
    group.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="V",
        help=f"kboot for this version of Python; default: {', '.join(PYTHONS)}",
    )
    group.add_argument(
        "--with-engine",
        action="append",
        nargs="?",
        const="bookworm",
        default=[],
        metavar="SUITE",
        help="the packages of the Docker engine for a release of Debian (bookworm)",
    )
    group.add_argument(
        "--without",
        action="append",
        default=[],
        type=Kind,
        choices=list(_KINDS),
        metavar="KIND",
        help=f"leave out a kind: {', '.join(_KINDS)}",
    )


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it comes from, where not from where it is released")
    group.add_argument(
        "--image",
        dest="images",
        action="append",
        default=[],
        type=Path,
        metavar="ARCHIVE",
        help="an archive of `docker save`, or an OCI one, that has node images",
    )
    group.add_argument(
        "--assets",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a folder that has kubelet, kubectl and the CNI plugins",
    )
    group.add_argument(
        "--assets-from", default=KUBERNETES_URL, metavar="URL", help=f"of kubelet and kubectl ({KUBERNETES_URL})"
    )
    group.add_argument("--cni-from", default=CNI_URL, metavar="URL", help=f"of the CNI plugins ({CNI_URL})")
    group.add_argument(
        "--os-from",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a folder that has the OS release and its signatures; default: that of the cluster under the root",
    )


def _add_form(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is written")
    group.add_argument(
        "--sign", type=Path, metavar="KEY", help="sign it by this private key of Ed25519, PEM or OpenSSH"
    )
    group.add_argument("--split", metavar="SIZE", help="in parts BUNDLE.001, BUNDLE.002, … of this size, such as 3.9G")
    group.add_argument("--since", type=Path, metavar="OLD", help="the file of an older bundle: without what that holds")


_KINDS = [kind for kind in Kind if kind not in (Kind.ENGINE_PACKAGE, Kind.UPDATE_PAYLOAD)]


def run_create(arguments: argparse.Namespace) -> ExitCode:
    """Collect what the descriptions need, and write the bundle."""
    from ..bundle.beginning import beginning
    from ..bundle.collect.collected import Collected
    from ..bundle.collect.everything import collect_everything
    from ..bundle.create import Form, bundle_manifest, write_bundle
    from ..bundle.parts import part_size
    from ..bundle.signature import private_key
    from ..host.cache import cache_folder
    from ..host.lock import locked

    form = Form(
        private_key(arguments.sign) if arguments.sign else None,
        part_size(arguments.split) if arguments.split else None,
        beginning(arguments.since).manifest if arguments.since else None,
    )
    wanted = _wanted(arguments)
    collected, progress = Collected(cache_folder() / "bundle"), Progress()
    with locked(collected.lock, "see that you may write there, or have the cache elsewhere by KBOOT_CACHE"):
        items = collect_everything(wanted, collected, progress)
        archs = sorted({*wanted.needs.archs, *wanted.hosts})
        manifest = bundle_manifest(items, wanted.needs.clusters, archs, wanted.kboot, form)
        path = write_bundle(arguments.output, manifest, collected, form, progress)
    print(path)
    note(f"next: carry it in, then `sh {path.name}` there, or `kboot bundle load {path.name}`")
    return ExitCode.DONE


def _wanted(arguments: argparse.Namespace) -> Wanted:
    from kboot_clusterdesc import load

    from ..bundle.collect.binaries import BinarySources
    from ..bundle.collect.everything import Wanted
    from ..bundle.collect.needs import needs
    from ..describe.attachment_reader import read_attachments
    from ..host.architecture import machine_arch
    from ..service_images.sources import sources

    described = [(load(path), path) for path in arguments.descriptions]
    attached = {desc.cluster.name: read_attachments(desc, path) for desc, path in described}
    needed = needs(
        [desc for desc, _ in described],
        kubernetes=arguments.kubernetes,
        os=arguments.os,
        archs=arguments.arch,
        manifests={name: list(each.manifests.values()) for name, each in attached.items()},
    )
    return Wanted(
        needed,
        version("kboot"),
        frozenset(kind for kind in _KINDS if kind not in arguments.without),
        sources(),
        arguments.root,
        arguments.python or PYTHONS,
        arguments.arch or sorted({machine_arch(), *needed.archs}),
        arguments.with_engine,
        arguments.images,
        BinarySources(arguments.assets, arguments.assets_from, arguments.cni_from),
        arguments.os_from,
        {name: each.release_key for name, each in attached.items() if each.release_key is not None},
        {name: each.updater_config for name, each in attached.items()},
    )
