"""`kboot init | validate | schema | convert | render | diff`: commands on a description, before anything is started."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from .options import Commands, add_command, add_json, add_root, describe_by_file, note, print_json

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc

    from ..bring_up.preview import Preview
    from ..describe.findings import Finding


def register(commands: Commands) -> None:
    """Add the commands on a description to the command line."""
    parser = add_command(
        commands,
        "init",
        run_init,
        summary="print a commented description to start from; on a terminal that of this machine's network",
        example="kboot init > cluster.yaml",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--here", action="store_true", help="with this machine's network and your ssh key; asks nothing")
    way.add_argument("--example", action="store_true", help="with made-up addresses, also on a terminal")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the description's new file; one that exists is kept"
    )

    parser = add_command(
        commands,
        "validate",
        run_validate,
        summary="check descriptions: all faults at once",
        example="kboot validate cluster.yaml\n  kboot init | kboot validate -",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a cluster description; `-` is the standard input"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="print JSON: the description with its defaults, or its faults"
    )
    form.add_argument("--sarif", action="store_true", help="print the faults as SARIF 2.1.0, for code reviews")

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
    parser.add_argument("file", type=Path, metavar="OLD", help="a description of k8sp/sextant")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the description's new file; one that exists is kept"
    )

    parser = add_command(
        commands,
        "render",
        run_render,
        summary="write every rendered file to a folder",
        example="kboot render cluster.yaml -o out",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the cluster description")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", required=True, help="the folder to write to")
    describe_by_file(parser)
    add_root(parser)

    parser = add_command(
        commands,
        "diff",
        run_diff,
        summary="show what `kboot up` would change: files in lines, services, machines",
        example="kboot diff cluster.yaml --exit-code",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the cluster description")
    describe_by_file(parser)
    parser.add_argument("--exit-code", action="store_true", help="end with 3 where something would change")
    parser.add_argument("--names", action="store_true", help="name files only, without their lines")
    add_json(parser)
    add_root(parser)


def run_init(arguments: argparse.Namespace) -> ExitCode:
    """Print a commented description to start from, or write it to a file."""
    from ..describe.starter import example_description

    _refuse_existing(arguments.output)
    asks = sys.stdin.isatty() and sys.stderr.isatty() and not arguments.example
    if not (asks or arguments.here):
        _deliver(example_description(), arguments.output)
        return ExitCode.DONE
    _deliver(_description_of_here(asks=asks and not arguments.here), arguments.output)
    return ExitCode.DONE


def _description_of_here(*, asks: bool) -> str:
    """Return a description for the network that this machine is in, the caller's ssh keys in it."""
    from ..describe.starter import starter
    from ..describe.surroundings import callers_keys, places
    from .questions import chosen_number, host_label

    found = places()
    if not found:
        raise BadInput("no interface here has an address in a network of its own", "`kboot init --example`")
    place, name, keys = found[0], "lab", callers_keys()
    if asks:
        for number, each in enumerate(found, 1):
            note(f"  {number}: {each}")
        place = found[chosen_number("network of the machines", len(found))]
        name = host_label("name of the cluster", "lab")
    note(f"network: {place}; ssh keys: {len(keys) or 'none found, put yours in'}")
    return starter(name, place.address, place.subnet, router=place.router, ssh_keys=keys)


def run_validate(arguments: argparse.Namespace) -> ExitCode:
    """Check descriptions, each whole."""
    from ..describe.findings import sarif

    found = [_checked(path) for path in arguments.files]
    if arguments.sarif:
        print_json(sarif(found, version("kboot")))
    elif not arguments.json:
        for each in found:
            _print_finding(each)
    elif len(found) == 1 and found[0].desc is not None:
        print_json(found[0].desc.model_dump(mode="json", by_alias=True))
    else:
        print_json([each.as_json() for each in found] if len(found) > 1 else found[0].as_json())
    for each in found:
        _note_remarks(each, with_name=len(found) > 1)
    return ExitCode.DONE if all(each.desc for each in found) else ExitCode.BAD_INPUT


def _checked(path: Path) -> Finding:
    import kboot_clusterdesc

    from ..describe.attachment_reader import load_with_extras
    from ..describe.findings import Finding

    try:
        if str(path) != "-":
            return Finding(str(path), load_with_extras(path))
        return Finding("<stdin>", kboot_clusterdesc.load_bytes(sys.stdin.buffer.read(), "<stdin>"))
    except kboot_clusterdesc.InvalidDescription as error:
        return Finding(str(path), None, error.problems)


def _print_finding(found: Finding) -> None:
    if found.desc is not None:
        print(f"{found.file}: {_summary(found.desc)}", flush=True)
    for problem in found.problems:
        note(str(problem))


def _note_remarks(found: Finding, *, with_name: bool) -> None:
    from ..describe.remarks import remarks

    for remark in remarks(found.desc) if found.desc is not None else ():
        note(f"note: {found.file}: {remark}" if with_name else f"note: {remark}")


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
    else:
        print_preview(found, with_lines=not arguments.names)
    return ExitCode.NOT_YET if arguments.exit_code and not found.is_empty else ExitCode.DONE


def print_preview(found: Preview, *, with_lines: bool) -> None:
    """Print what `kboot up` would change: files, perhaps with their lines, services, and what becomes of machines."""
    from ..bring_up.changed_lines import Fate
    from .printing import painter
    from .tables import Span

    paint = painter()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for file in found.changed:
        print(f"{file.change:<8} {file.path}" + (" (secret: not shown)" if file.is_secret and with_lines else ""))
        for line in file.lines if with_lines else ():
            print(paint((Span(f"  {line}", styles.get(line[:1], "")),)))
    for name, action in found.services.items():
        print(f"{action:<8} service {name}")
    words = {
        Fate.NEW: "it installs itself when it boots from the network",
        Fate.OUTDATED: "it runs on with its config until `kboot upgrade` or `kboot node apply`; nothing reboots it",
        Fate.DROPPED: "nobody can manage it any more once it is declared no longer",
    }
    for name, fate in found.machines.items():
        print(
            paint((Span(f"{fate:<8} machine {name}", "bold red" if fate is Fate.DROPPED else ""),)) + f": {words[fate]}"
        )


def _summary(desc: ClusterDesc) -> str:
    count = len(desc.nodes)
    return f"valid: cluster {desc.cluster.name}, {count} node{'' if count == 1 else 's'}"


def _deliver(text: str, output: Path | None) -> None:
    """Print `text`, or write it to the file `output`; raise BadInput where that file exists."""
    from ..host.files import write_new_file

    if output is None:
        sys.stdout.write(text)
        return
    try:
        write_new_file(output, text)
    except FileExistsError as error:
        raise _exists(output) from error
    except OSError as error:
        raise BadInput(f"{output}: cannot be written: {error.strerror}", "choose another place") from error
    note(f"wrote {output} - next: `kboot validate {output}`")


def _refuse_existing(output: Path | None) -> None:
    if output is not None and output.exists():
        raise _exists(output)


def _exists(output: Path) -> BadInput:
    return BadInput(f"{output}: exists already", "choose another name, or move that file away")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "name the old description") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 text (byte {error.start})", "convert it with iconv first") from error
