"""`kboot images list | load | prune | pull | push | verify`: the node images in a cluster's registry."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from ..host.progress import Progress
from ..host.share import shown_share
from .options import (
    Commands,
    add_cluster,
    add_command,
    add_group,
    add_json,
    add_listing,
    note,
    print_json,
    print_listing,
)

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc, ClusterFolder

    from ..supplies.node_images import NodeImages
    from ..supplies.registry import Finding
    from .tables import Table


def register(commands: Commands) -> None:
    """Add the `kboot images` commands to the command line."""
    group = add_group(
        commands,
        "images",
        summary="see and fill the cluster's registry, which nodes pull from",
        example="kboot images list",
    )
    parser = add_command(
        group,
        "list",
        run_list,
        summary="list the images that the description needs; exit code 3 when the registry lacks one",
        example="kboot images list --all",
    )
    parser.add_argument("--all", action="store_true", help="list those too that the description does not need")
    add_listing(parser)
    add_cluster(parser)

    parser = add_command(
        group,
        "load",
        run_load,
        summary="push every image of some archives under the names written in them",
        example="kboot images load kube-proxy.tar coredns.tar\n"
        "  kboot images load pause.tar --as registry.k8s.io/pause:3.10.2",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="ARCHIVE", help="an archive of `docker save`, or an OCI one"
    )
    parser.add_argument("--as", dest="reference", metavar="REFERENCE", help="the name of the one image of one archive")
    add_cluster(parser)

    parser = add_command(
        group,
        "prune",
        run_prune,
        summary="remove the images that neither the description nor anything that a machine is given names",
        example="kboot images prune --dry-run\n  kboot images prune --keep 'shop/*' --keep docker.io/library/busybox:1",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="IMAGE",
        help="an image that stays, or a pattern of REPOSITORY:TAG with * and ?; may be given again",
    )
    parser.add_argument("--force", action="store_true", help="also while machines run an older config")
    add_cluster(parser)

    parser = add_command(
        group,
        "pull",
        run_pull,
        summary="copy images from their public registries; by default those of the description that are missing",
        example="kboot images pull\n  kboot images pull docker.io/library/busybox:1.36",
    )
    parser.add_argument("references", nargs="*", metavar="REFERENCE", help="an image, or its key in `images:`")
    add_cluster(parser)

    parser = add_command(
        group,
        "push",
        run_push,
        summary="push an archive under a name; without arguments every archive in <root>/<cluster>/staging/images",
        example="kboot images push pause.tar registry.k8s.io/pause:3.10.2\n  kboot images push",
    )
    parser.add_argument("archive", nargs="?", type=Path, metavar="ARCHIVE", help="of `docker save`, or an OCI archive")
    parser.add_argument("reference", nargs="?", metavar="REFERENCE", help="default: the names written in the archive")
    add_cluster(parser)

    parser = add_command(
        group,
        "verify",
        run_verify,
        summary="read images through, and take their hashes anew; exit code 1 when one is wrong, 3 when one is missing",
        example="kboot images verify",
    )
    parser.add_argument("references", nargs="*", metavar="REFERENCE", help="an image, or its key in `images:`")
    add_json(parser)
    add_cluster(parser)


def run_list(arguments: argparse.Namespace) -> ExitCode:
    """List the node images that the description needs."""
    from kboot_clusterdesc.node_images import repository_and_tag

    from ..running.needed_images import wanted_images
    from ..supplies.node_images import other_images

    folder, desc = _cluster(arguments)
    wanted = wanted_images(folder, desc)
    digests = _store(folder, desc).digests(reference for _, reference in wanted)
    listed: list[tuple[str | None, str, str | None]] = [(key, name, digests[name]) for key, name in wanted]
    if arguments.all:
        listed += [(None, name, digest) for name, digest in other_images(folder, desc, digests).items()]
    value = [
        {"key": key, "reference": name, "repository": repository_and_tag(name)[0], "digest": digest}
        for key, name, digest in listed
    ]
    print_listing(arguments, value, _table(value), (name for _, name, _ in listed))
    missing = [name for name, digest in digests.items() if digest is None]
    if missing:
        note(f"{len(missing)} missing\n  hint: `kboot images pull`, or without internet `kboot images load ARCHIVE`")
    return ExitCode.NOT_YET if missing else ExitCode.DONE


def _table(listed: Sequence[Mapping[str, str | None]]) -> Table:
    from .tables import Cell, Column, Span, Table, Way

    columns = (
        Column("KEY", spare=2),
        Column("REFERENCE", Way.MIDDLE, least=40),
        Column("REPOSITORY", Way.MIDDLE, spare=3),
        Column("DIGEST", Way.MIDDLE, least=20, spare=1),
    )
    rows: list[list[Cell]] = [
        [
            each["key"] or "-",
            each["reference"] or "-",
            each["repository"] or "-",
            each["digest"] or Span("missing", "bold red"),
        ]
        for each in listed
    ]
    return Table(columns, rows)


def run_load(arguments: argparse.Namespace) -> ExitCode:
    """Push every image of some archives."""
    if arguments.reference and len(arguments.files) != 1:
        raise BadInput("`--as` names one image, and there are several files", "load them one by one")
    return _push(arguments, arguments.files, arguments.reference)


def run_push(arguments: argparse.Namespace) -> ExitCode:
    """Push an archive, or every archive in the cluster's `staging/images`."""
    if arguments.archive is not None:
        return _push(arguments, [arguments.archive], arguments.reference)
    staged = _cluster(arguments)[0].staging / "images"
    archives = sorted(path for path in staged.glob("*") if path.is_file() and not path.name.startswith("."))
    if not archives:
        raise BadInput(f"{staged}: holds no archive", "put archives there, or name one: `kboot images push ARCHIVE`")
    return _push(arguments, archives, None)


def run_prune(arguments: argparse.Namespace) -> ExitCode:
    """Remove what nobody needs from the registry."""
    from ..host.engine import Engine
    from ..host.stamp import changed
    from ..running.cloudconfig_client import CloudConfigClient
    from ..running.needed_images import needed_images, refuse_outdated
    from ..supplies.named_images import is_kept
    from ..supplies.prune import planned_prune, prune

    folder, desc = _cluster(arguments)
    stays = is_kept(needed_images(folder, desc), arguments.keep)
    if not (arguments.force or arguments.dry_run):
        refuse_outdated(CloudConfigClient(folder, desc).nodes())
    with changed(folder):
        plan = planned_prune(folder, stays) if arguments.dry_run else prune(Engine(folder), stays)
    for removal in plan.removals:
        names = [f"{removal.repository}:{tag}" for tag in removal.tags] or [removal.repository]
        print("\n".join(f"{name} {removal.digest}".rstrip() for name in names))
        if removal.is_damaged:
            note(f"{names[0]} was damaged: push it again if a machine needs it")
    would = "would be " if arguments.dry_run else ""
    note(f"{len(plan.removals)} {would}removed, {plan.freed_bytes // 10**6} MB {would}freed; {plan.kept} stay")
    return ExitCode.DONE


def run_pull(arguments: argparse.Namespace) -> ExitCode:
    """Copy node images from their public registries into the cluster's."""
    from ..host.stamp import changed
    from ..running.summary import summary_at_end

    folder, desc = _cluster(arguments)
    store = _store(folder, desc)
    wanted = _named(folder, desc, arguments.references)
    if not arguments.references:
        wanted = [reference for reference, digest in store.digests(wanted).items() if digest is None]
    progress = Progress()
    bar = shown_share(progress, "pulled", len(wanted), "images")
    with changed(folder), summary_at_end(folder, desc), bar as ended:
        for reference in wanted:
            finding = store.pull(reference, progress)
            ended(1)
            _print_done(finding, progress)
    if not wanted:
        note("every image of the description is there already")
    return ExitCode.DONE


def run_verify(arguments: argparse.Namespace) -> ExitCode:
    """Check that node images are in the registry, and whole."""
    from ..supplies.standing import Standing

    folder, desc = _cluster(arguments)
    names = _named(folder, desc, arguments.references)
    with shown_share(Progress(), "verified", len(names), "images") as ended:
        found = _store(folder, desc).verify(names, ended)
    bad = [each for each in found if each.standing is not Standing.OK]
    if arguments.json:
        keys = ("reference", "standing", "digest")
        print_json([{key: getattr(each, key) for key in keys} | {"faults": list(each.faults)} for each in found])
    else:
        for each in bad:
            print(f"{each.standing:<8} {each.reference}: {'; '.join(each.faults)}")
    note(f"{len(found) - len(bad)} of {len(found)} images are there and whole")
    if any(each.standing is Standing.WRONG for each in bad):
        note("  hint: docs/registry.md: Is it whole? says how an image is brought anew")
        return ExitCode.FAILED
    return ExitCode.NOT_YET if bad else ExitCode.DONE


def _push(arguments: argparse.Namespace, archives: Sequence[Path], reference: str | None) -> ExitCode:
    """Push the images of `archives`; every archive is read, and refused if bad, before the first is pushed."""
    from ..host.stamp import changed
    from ..running.summary import summary_at_end
    from ..supplies.image_archive import read_archive
    from ..supplies.node_images import refuse_unusable

    folder, desc = _cluster(arguments)
    read = {path: read_archive(path) for path in archives}
    named = {path: [reference] if reference else archive.references() for path, archive in read.items()}
    pushes = [(path, name) for path, names in named.items() for name in names]
    refuse_unusable(read, pushes, desc)
    size_mb = {path: path.stat().st_size / 1e6 for path in named}
    store, progress = _store(folder, desc), Progress()
    bar = shown_share(progress, "pushed", sum(size_mb.values()), "MB")
    with changed(folder), summary_at_end(folder, desc), bar as ended:
        for number, (path, name) in enumerate(pushes, 1):
            finding = store.push_archive(path, name, progress, count=f"{number} of {len(pushes)}")
            ended(size_mb[path] / len(named[path]))
            _print_done(finding, progress)
    return ExitCode.DONE


def _print_done(finding: Finding, progress: Progress) -> None:
    with progress.aside():
        print(f"{finding.reference} {finding.digest}", flush=True)


def _named(folder: ClusterFolder, desc: ClusterDesc, names: Sequence[str]) -> list[str]:
    """Return the references of images given by reference or by key in `images:`; by default all that are wanted."""
    from kboot_clusterdesc.node_images import node_images

    from ..running.needed_images import wanted_images

    by_key = node_images(desc)
    return [by_key.get(name, name) for name in names] or [name for _, name in wanted_images(folder, desc)]


def _cluster(arguments: argparse.Namespace) -> tuple[ClusterFolder, ClusterDesc]:
    from ..running.chosen import chosen_cluster, description_in_force

    folder = chosen_cluster(arguments.root, arguments.cluster)
    return folder, description_in_force(folder)


def _store(folder: ClusterFolder, desc: ClusterDesc) -> NodeImages:
    from ..host.engine import Engine
    from ..running.needed_images import wanted_images
    from ..supplies.node_images import NodeImages

    return NodeImages(Engine(folder), folder, desc, wanted=[name for _, name in wanted_images(folder, desc)])
