"""Runs the commands of `kboot lab`."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import kboot_clusterdesc
from kboot.cli.options import add_cluster, note, print_listing
from kboot.cli.printing import print_lines, window_width
from kboot.cli.status_text import status_lines
from kboot.cli.tables import Cell, Column, Span, Table, Way
from kboot.errors import BadInput, ExitCode, KbootError, NotYet
from kboot.host.engine import Engine, project_name
from kboot.host.progress import Progress
from kboot.host.told_commands import told
from kboot.running.chosen import NoSuchCluster, chosen_cluster, description_in_force
from kboot.running.cloudconfig_client import CloudConfigClient
from kboot.running.status import read_status
from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.types import is_host_label

from . import ssh
from .acceleration import accelerator_in_force
from .hardware import Disk, hardware_of, mac_of
from .machines import Machines, MachineSpec

# Modules that build images or render are imported by the commands that need them, so that `ps` and `ssh` start soon.


def run_up(arguments: argparse.Namespace) -> ExitCode:
    """Bring a lab up."""
    from . import kubectl
    from .up import lab_up

    if arguments.nodes is not None and not 0 < arguments.nodes <= 30:
        raise BadInput(f"--nodes {arguments.nodes} is not a number from 1 to 30", "leave it out for the nodes declared")
    path = arguments.file or arguments.usual_file()
    reached = lab_up(
        path,
        arguments.root,
        Progress(),
        nodes=arguments.nodes,
        hardware=arguments.hardware,
        timeout_s=arguments.timeout,
    )
    print_lines(status_lines(reached.status, datetime.now(UTC), window_width()))
    name = reached.desc.cluster.name
    if reached.desc.kubernetes is not None:
        addresses = {each["mac"]: each["ip"] for each in reached.status.nodes if each.get("ip")}
        settled = ["wait", "--namespace=kube-system", "--for=condition=Ready", "pods", "--all", "--timeout=600s"]
        for words in (settled, ["get", "nodes", "-o", "wide"], ["get", "pods", "-A", "-o", "wide"]):
            print(f"\n$ kubectl {' '.join(words)}")
            kubectl.run_kubectl(ClusterFolder(arguments.root, name), addresses, words)
    print(f"\nlook at   http://{reached.desc.network.bootstrapper}/")
    print(f"try next  kboot lab ssh {reached.desc.nodes[0].name} --cluster {name} -- uptime")
    if (current := reached.status.os.get("current")) is not None:
        print(f"          kboot lab release {_next_release(current)} --cluster {name}; kboot os sync --cluster {name}")
        print(f"          kboot os rollout status --cluster {name}   # machine after machine comes to that release")
    print(f"          kboot lab down --cluster {name}")
    return ExitCode.DONE


def _next_release(version: str) -> str:
    """Return the number of a release that is one patch newer."""
    *front, patch = version.split(".")
    return ".".join([*front, str(int(patch) + 1)])


def run_down(arguments: argparse.Namespace) -> ExitCode:
    """Take a lab down, or do nothing where it is down already."""
    from .up import lab_down

    if arguments.cluster is None:
        folder = _folder(arguments)
    elif is_host_label(arguments.cluster):
        folder = ClusterFolder(arguments.root, arguments.cluster)
    else:
        raise BadInput(f"`{arguments.cluster}` is not the name of a cluster", "see `kboot lab ps`")
    lab_down(folder, purge=arguments.purge)
    print(f"the lab of {folder.cluster} is down, nothing of it is left")
    return ExitCode.DONE


def run_ps(arguments: argparse.Namespace) -> ExitCode:
    """List the lab's machines."""
    folder = _folder(arguments)
    engine = Engine(folder)
    addresses = _addresses(folder, engine)
    rows = [
        {
            "name": machine.name,
            "mac": str(machine.mac),
            "power": "on" if machine.is_on else "off",
            "console": str(machine.console),
            "address": addresses.get(str(machine.mac)),
        }
        for machine in Machines(folder, engine.client).present()
    ]
    columns = (
        Column("NAME"),
        Column("MAC", spare=2),
        Column("POWER"),
        Column("ADDRESS"),
        Column("CONSOLE", Way.MIDDLE, least=30, spare=1),
    )
    cells: list[list[Cell]] = [
        [str(row["name"]), str(row["mac"]), _power(row["power"]), row["address"] or "-", str(row["console"])]
        for row in rows
    ]
    print_listing(arguments, rows, Table(columns, cells), (str(row["name"]) for row in rows))
    return ExitCode.DONE


def _power(state: str | None) -> Span:
    return Span(state or "-", "green" if state == "on" else "dim")


def run_console(arguments: argparse.Namespace) -> ExitCode:
    """Print what a machine wrote to its console."""
    folder = _folder(arguments)
    path = Machines(folder, Engine(folder).client).named(arguments.name).console
    try:
        with path.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
    except FileNotFoundError as error:
        raise NotYet(f"{path}: nothing was printed yet", "switch the machine on") from error
    return ExitCode.DONE


def run_ssh(arguments: argparse.Namespace) -> ExitCode:
    """Run a command on a machine."""
    command = _command(arguments)
    folder = _folder(arguments)
    engine = Engine(folder)
    machine = Machines(folder, engine.client).named(arguments.name)
    address = _addresses(folder, engine).get(str(machine.mac))
    if address is None:
        raise NotYet(f"{machine.name} has no address yet", "see `kboot watch`")
    return _status(ssh.run_on(engine, _image(engine), address, command))


def run_kubectl(arguments: argparse.Namespace) -> ExitCode:
    """Run kubectl."""
    from . import kubectl

    command = _command(arguments)
    folder = _folder(arguments)
    return _status(kubectl.run_kubectl(folder, _addresses(folder, Engine(folder)), command))


def run_power(arguments: argparse.Namespace) -> ExitCode:
    """Switch a machine on, off, or off and on again."""
    folder = _folder(arguments)
    Machines(folder, Engine(folder).client).switch(arguments.name, arguments.way)
    return ExitCode.DONE


def run_add(arguments: argparse.Namespace) -> ExitCode:
    """Add an undeclared machine to the lab and switch it on."""
    mac = mac_of("--mac", arguments.mac)
    hardware = hardware_of(arguments, mac)
    folder = _folder(arguments)
    engine = Engine(folder)
    ssh.holder(engine)
    spec = MachineSpec(mac.dashed, mac, hardware if hardware.disks else replace(hardware, disks=(Disk("8G"),)))
    machines = Machines(folder, engine.client, accelerator_in_force(folder))
    releases = Path(str(kboot_clusterdesc.load(folder.lab / "cluster.yaml").os.release_key)).parent
    machines.add(spec, _image(engine), f"{project_name(folder.cluster)}_lab", releases)
    print(f"{spec.name} is {'off' if hardware.is_off else 'on'}")
    note("note: once it has an address it is listed as undeclared: `kboot discovered` has the line that declares it")
    return ExitCode.DONE


def run_remove(arguments: argparse.Namespace) -> ExitCode:
    """Take a machine that is not declared out of the lab, and have it forgotten."""
    folder = _folder(arguments)
    machines = Machines(folder, Engine(folder).client)
    machine = machines.named(arguments.name)
    desc = description_in_force(folder)
    if any(machine.mac in node.macs for node in desc.nodes):
        raise BadInput(
            f"{machine.name} is declared",
            f"take it out of the description, `kboot lab up FILE`, then this again; "
            f"`kboot lab power {machine.name} off` only switches it off",
        )
    machines.remove(machine.name)
    try:
        CloudConfigClient(folder, desc).post(f"/v1/nodes/{machine.mac}/forget")
    except KbootError as error:  # it never had an address, or the server is down
        note(f"note: {error.message}")
    print(f"{machine.name} is removed")
    return ExitCode.DONE


def run_release(arguments: argparse.Namespace) -> ExitCode:
    """Build a release of the lab OS and put it on the lab's release server."""
    from kboot.host.cache import cache_folder

    from .os_build import build_lab_os
    from .releases import publish, published

    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}){2}", arguments.version):
        raise BadInput(f"`{arguments.version}` is not the number of a release", "three numbers, such as 3975.2.1")
    folder = _folder(arguments)
    ssh.holder(Engine(folder))
    channel = kboot_clusterdesc.load(folder.lab / "cluster.yaml").os.channel
    built = build_lab_os(cache_folder(), arguments.version, channel, Progress(), arguments.broken or "")
    publish(built, published(folder), is_current=True)
    broken = f", and {arguments.broken} when it is booted from a disk" if arguments.broken else ""
    print(told(f"{channel} {arguments.version} is the newest release now{broken}; `kboot os sync` brings it"))
    return ExitCode.DONE


def run_exec(arguments: argparse.Namespace) -> ExitCode:
    """Run a command in the network of the services."""
    command = _command(arguments)
    if not command:
        raise BadInput("no command was given", "`kboot lab exec curl http://10.10.14.253/healthz`")
    engine = Engine(_folder(arguments))
    return _status(ssh.run_inside(engine, _image(engine), command))


def _folder(arguments: argparse.Namespace) -> ClusterFolder:
    try:
        return chosen_cluster(arguments.root, arguments.cluster)
    except NoSuchCluster as error:
        raise BadInput(error.message, "`kboot lab up` makes a lab; another root is named with `--root`") from error


def _image(engine: Engine) -> str:
    from .machine_image import machine_image

    return machine_image(Progress())


def _addresses(folder: ClusterFolder, engine: Engine) -> dict[str, str]:
    status = read_status(folder, engine)
    return {each["mac"]: each["ip"] for each in (*status.nodes, *status.discovered) if each.get("ip")}


def _command(arguments: argparse.Namespace) -> list[str]:
    """Return the command's words, and parse kboot's options before `--`, which argparse took for the command's."""
    words: list[str] = arguments.command
    at = words.index("--") if "--" in words else len(words)
    if not words[:at] or words[0].partition("=")[0] not in ("--", "--root", "--cluster"):
        return words[1:] if words[:1] == ["--"] else words
    parser = argparse.ArgumentParser(prog="kboot lab", add_help=False, allow_abbrev=False)
    add_cluster(parser)
    parser.parse_args(words[:at], namespace=arguments)
    return words[at + 1 :]


def _status(code: int) -> ExitCode:
    """Return the exit status of a command that ran elsewhere as our own."""
    return code  # type: ignore[return-value] # a foreign status is not one of ours
