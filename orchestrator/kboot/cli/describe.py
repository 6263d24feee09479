"""`kboot init | validate | schema | convert | render | diff`: commands on a description, before anything is started."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from .options import Commands, add_command, add_json, add_root, note, print_json

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc


def register(commands: Commands) -> None:
    """Add the commands on a description to the command line."""
    parser = add_command(
        commands,
        "init",
        run_init,
        summary="print a commented description to start from",
        example="kboot init > cluster.yaml",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there; a file that exists is kept")

    parser = add_command(
        commands,
        "validate",
        run_validate,
        summary="check a description: all faults at once",
        example="kboot validate cluster.yaml",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the cluster description")
    add_json(parser)

    add_command(
        commands,
        "schema",
        run_schema,
        summary="print the JSON schema of a description",
        example="kboot schema > kboot.schema.json",
    )

    parser = add_command(
        commands,
        "convert",
        run_convert,
        summary="turn a description of k8sp/sextant into one of kboot",
        example="kboot convert cluster-desc.yml > cluster.yaml",
    )
    parser.add_argument("file", type=Path, metavar="OLD", help="the old description")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there; a file that exists is kept")

    parser = add_command(
        commands,
        "render",
        run_render,
        summary="write every rendered file to a folder",
        example="kboot render cluster.yaml -o out",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the cluster description")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", required=True, help="where to write")
    add_root(parser)

    parser = add_command(
        commands,
        "diff",
        run_diff,
        summary="show what `kboot up` would change",
        example="kboot diff cluster.yaml",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the cluster description")
    add_json(parser)
    add_root(parser)


def run_init(arguments: argparse.Namespace) -> ExitCode:
    """Print a commented description to start from, or write it to a file."""
    from ..describe.starter import example_description

    _deliver(example_description(), arguments.output)
    return ExitCode.DONE


def run_validate(arguments: argparse.Namespace) -> ExitCode:
    """Check a description."""
    import kboot_clusterdesc

    from ..describe.remarks import remarks

    desc = kboot_clusterdesc.load(arguments.file)
    if arguments.json:
        print_json(desc.model_dump(mode="json", by_alias=True))
    else:
        print(f"{arguments.file}: {_summary(desc)}")
    for remark in remarks(desc):
        note(f"note: {remark}")
    return ExitCode.DONE


def run_schema(arguments: argparse.Namespace) -> ExitCode:
    """Print the JSON schema."""
    from kboot_clusterdesc.schema import json_schema

    schema = json_schema()
    print(schema if isinstance(schema, str) else json.dumps(schema, indent=2))
    return ExitCode.DONE


def run_convert(arguments: argparse.Namespace) -> ExitCode:
    """Convert a description of k8sp/sextant into one of kboot."""
    from ..describe.convert import convert

    conversion = convert(_text(arguments.file), str(arguments.file))
    note(f"{arguments.file}: read as {conversion.form}")
    for key, why in conversion.dropped:
        note(f"dropped {key}: {why}")
    for line in conversion.notes:
        note(f"note: {line}")
    _deliver(conversion.description_text, arguments.output)
    return ExitCode.DONE


def run_render(arguments: argparse.Namespace) -> ExitCode:
    """Write every rendered file of a description to a folder."""
    from ..bring_up.preview import guessed_interface, render_to

    if guess := guessed_interface(arguments.file, arguments.root):
        note(f"note: network.bootstrapper is on no interface here; rendered for `{guess}`, see network.interface")
    for path in render_to(arguments.file, arguments.output, arguments.root):
        print(path)
    return ExitCode.DONE


def run_diff(arguments: argparse.Namespace) -> ExitCode:
    """Print which files `kboot up` would change, and what it would do to each service."""
    from ..bring_up.preview import preview

    found = preview(arguments.file, arguments.root)
    if arguments.json:
        print_json(
            {
                "files": [{"path": file.path, "change": file.change} for file in found.files],
                "services": [{"name": name, "action": action} for name, action in found.services.items()],
            }
        )
        return ExitCode.DONE
    for file in found.files:
        print(f"{file.change:<8} {file.path}")
    for name, action in found.services.items():
        print(f"{action:<8} service {name}")
    return ExitCode.DONE


def _summary(desc: ClusterDesc) -> str:
    count = len(desc.nodes)
    return f"valid: cluster {desc.cluster.name}, {count} node{'' if count == 1 else 's'}"


def _deliver(text: str, output: Path | None) -> None:
    """Print `text`, or write it to the file `output`; raise BadInput where that file exists."""
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise BadInput(f"{output}: exists already", "choose another name, or move that file away") from error
    except OSError as error:
        raise BadInput(f"{output}: cannot be written: {error.strerror}", "choose another place") from error
    note(f"wrote {output} - next: `kboot validate {output}`")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "name the old description") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 text (byte {error.start})", "convert it with iconv first") from error
