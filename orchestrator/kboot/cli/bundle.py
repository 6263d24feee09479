"""`kboot bundle create | load | inspect | diff | prune | verify`: one archive with all that a bootstrapper needs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode
from ..host.progress import Progress
from .bundle_create import register_create
from .options import Commands, add_command, add_group, add_listing, add_root, form_of, note, print_listing

if TYPE_CHECKING:
    from ..bundle.archive_reader import BundleReader
    from ..bundle.comparison import Difference
    from ..supplies.bundle_manifest import Item
    from .tables import Table


def register(commands: Commands) -> None:
    """Add the `kboot bundle` commands to the command line."""
    group = add_group(
        commands,
        "bundle",
        summary="carry everything in on one disk: images, OS release, binaries, kboot itself, in one archive",
        example="kboot bundle create cluster.yaml -o rack.kboot\n  sh rack.kboot",
    )
    register_create(group)
    parser = add_command(
        group,
        "load",
        run_load,
        summary="check a bundle whole, then take in what it brings; run again, it brings nothing twice",
        example="kboot bundle load /media/usb/rack.kboot",
    )
    _add_file(parser)
    _add_trusted(parser)
    add_root(parser)

    parser = add_command(
        group, "inspect", run_inspect, summary="list what a bundle holds", example="kboot bundle inspect rack.kboot"
    )
    _add_file(parser)
    add_listing(parser)

    parser = add_command(
        group,
        "diff",
        run_diff,
        summary="list what a newer bundle brings against an older one; exit code 0 also where they differ",
        example="kboot bundle diff rack-may.kboot rack-june.kboot",
    )
    parser.add_argument("older", type=Path, metavar="OLD", help="the file of the older bundle, or its first part")
    parser.add_argument("newer", type=Path, metavar="NEW", help="the file of the newer bundle, or its first part")
    add_listing(parser)

    parser = add_command(
        group,
        "prune",
        run_prune,
        summary="remove loaded bundles that no cluster here needs, and contents that are of no bundle",
        example="kboot bundle prune --dry-run\n  kboot bundle prune ail-0123456789ab",
    )
    parser.add_argument(
        "bundles", nargs="*", metavar="BUNDLE", help="one that goes even though it is the newest for its cluster"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    add_root(parser)

    parser = add_command(
        group,
        "verify",
        run_verify,
        summary="read a bundle to its end and compare every byte with its manifest",
        example="kboot bundle verify rack.kboot --trusted-key site.pub",
    )
    _add_file(parser)
    _add_trusted(parser)


def run_load(arguments: argparse.Namespace) -> ExitCode:
    """Load a bundle, and say what to do next."""
    from ..bundle.load import load_bundle
    from ..bundle.signature import trusted_keys
    from ..bundle.size_text import size_text

    trusted = trusted_keys(arguments.trusted_keys)
    done = load_bundle(arguments.file, arguments.root, trusted, version("kboot"), Progress())
    brought = f"{size_text(done.new_bytes)} new" if done.new_bytes else "all was here already"
    signed = f", signed by {done.signer}" if done.signer else ""
    print(f"loaded {done.manifest.bundle}: {len(done.manifest.items)} items, {brought}{signed}")
    names = " and ".join(done.manifest.created_for)
    note(f"next: `kboot up FILE` with the description of {names or 'your cluster'}")
    return ExitCode.DONE


def run_inspect(arguments: argparse.Namespace) -> ExitCode:
    """Print what a bundle holds, as its manifest says it."""
    from ..bundle.beginning import beginning

    reader = beginning(arguments.file)
    print_listing(arguments, _described(reader), _contents(reader), (item.name for item in reader.manifest.items))
    if form_of(arguments) in ("", "wide"):
        note(_summary(reader))
    return ExitCode.DONE


def run_diff(arguments: argparse.Namespace) -> ExitCode:
    """Print what a newer bundle brings."""
    from ..bundle.beginning import beginning
    from ..bundle.comparison import differences

    found = list(differences(beginning(arguments.older).manifest, beginning(arguments.newer).manifest))
    keys = [{"change": each.change, "before": each.before, "new_bytes": each.size} for each in found]
    value = [entry | _entry(each.item) for entry, each in zip(keys, found, strict=True)]
    print_listing(arguments, value, _changes(found), (each.item.name for each in found))
    if form_of(arguments) in ("", "wide"):
        note(f"{len(found)} items differ")
    return ExitCode.DONE


def _contents(reader: BundleReader) -> Table:
    from .tables import Column, Table, Way

    columns = (
        Column("KIND"),
        Column("NAME", Way.MIDDLE, least=30),
        Column("VERSION", Way.MIDDLE, spare=1),
        Column("ARCH", spare=2),
        Column("BYTES"),
    )
    items = reader.manifest.items
    return Table(columns, [[item.kind, item.name, item.version or "-", item.arch, str(item.size)] for item in items])


def _changes(found: Sequence[Difference]) -> Table:
    from .tables import Column, Table, Way

    columns = (
        Column("CHANGE"),
        Column("KIND", spare=1),
        Column("NAME", Way.MIDDLE, least=24),
        Column("BEFORE", Way.MIDDLE),
        Column("NOW", Way.MIDDLE),
        Column("NEW BYTES", spare=2),
    )
    rows = [
        [each.change, each.item.kind, each.item.name, each.before or "-", each.item.version or "-", str(each.size)]
        for each in found
    ]
    return Table(columns, rows)


def run_prune(arguments: argparse.Namespace) -> ExitCode:
    """Remove loaded bundles that nobody needs."""
    from ..bundle.prune import planned_store_prune, prune_store_of
    from ..bundle.size_text import size_text

    look = planned_store_prune if arguments.dry_run else prune_store_of
    plan = look(arguments.root, arguments.bundles)
    for name in plan.bundles:
        print(name)
    would = "would be " if arguments.dry_run else ""
    note(
        f"{len(plan.bundles)} {would}removed with {len(plan.contents)} contents,"
        f" {size_text(plan.freed_bytes)} {would}freed; {len(plan.kept)} stay"
    )
    return ExitCode.DONE


def run_verify(arguments: argparse.Namespace) -> ExitCode:
    """Read a bundle to its end."""
    from ..bundle.archive_reader import BundleReader
    from ..bundle.parts import reading
    from ..bundle.signature import judge, trusted_keys, unvouched

    trusted = trusted_keys(arguments.trusted_keys)
    with reading(arguments.file) as stream:
        note(f"reading {arguments.file}")
        reader = BundleReader(stream, str(arguments.file), judge(trusted, str(arguments.file)))
        if doubt := unvouched(reader, str(arguments.file)):
            note(doubt)
        count = sum(1 for _, _, chunks in reader.contents() if sum(map(len, chunks)) >= 0)
    signed = f", signed by {reader.signer}" if reader.signer else ""
    print(f"{arguments.file}: {count} contents of {len(reader.manifest.items)} items are whole{signed}")
    return ExitCode.DONE


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="BUNDLE", help="the file of a bundle, or its first part: BUNDLE.001")


def _add_trusted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trusted-key",
        dest="trusted_keys",
        action="append",
        type=Path,
        default=[],
        metavar="PUB",
        help="demand a signature by this key, PEM or OpenSSH; default: one of /etc/kboot/trusted-keys, if it is there",
    )


def _described(reader: BundleReader) -> dict[str, Any]:
    from ..bundle.signature import signer

    manifest = reader.manifest
    return {
        "kboot": manifest.kboot,
        "format": manifest.format,
        "created_for": list(manifest.created_for),
        "arch": list(manifest.arch),
        "sha256": manifest.digest.removeprefix("sha256:"),
        "signed_by": signer(reader.signature) if reader.signature else None,
        "since": manifest.since,
        "bytes": sum(blob.size for _, blob in manifest.archived.values()),
        "entries": [_entry(item) for item in manifest.items],
    }


def _entry(item: Item) -> dict[str, Any]:
    names = {"name": item.name, "kind": item.kind, "version": item.version, "arch": item.arch, "bytes": item.size}
    digest = item.digest.removeprefix("sha256:")
    return names | {"sha256": digest, "source": item.source, "licence": item.licence, "path": item.path}


def _summary(reader: BundleReader) -> str:
    from ..bundle.signature import signer
    from ..bundle.size_text import size_text

    manifest = reader.manifest
    size = sum(blob.size for _, blob in manifest.archived.values())
    signed = f"signed by the key {signer(reader.signature)}" if reader.signature else "is not signed"
    since = f", without what the bundle {manifest.since} held" if manifest.since else ""
    return (
        f"kboot {manifest.kboot} for {', '.join(manifest.created_for) or 'no cluster'}: {len(manifest.items)} items, "
        f"{size_text(size)}{since}; {signed}; manifest {manifest.digest}"
    )
