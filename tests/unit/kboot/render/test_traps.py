"""What readers of the rendered files are known to trip over; each test names its trap."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kboot.render import RenderedFile
from kboot_clusterdesc import load, load_text
from support.places import EXAMPLES, GOLDEN_RENDERS
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE, spoilt

CASES = GOLDEN_RENDERS
EXAMPLES = EXAMPLES
BOTH_FAMILIES = pytest.mark.parametrize("family", ["flatcar", "coreos"])
# What coreos-cloudinit knows and does not warn of: one warning, and the installer refuses the file.
KNOWN = {"hostname", "ssh_authorized_keys", "users", "write_files", "coreos"}


def rendered_family(family: str) -> dict[str, RenderedFile]:
    dialect = "cloud-config" if family == "coreos" else "ignition"
    text = spoilt(("family: flatcar", f"family: {family}, config: {dialect}"))
    return rendered_files(load_text(text, "rack.yaml"))


@pytest.fixture(scope="module")
def files() -> dict[str, RenderedFile]:
    """The case with the most odd values: fragments, units, users."""
    return rendered_files(load(CASES / "coreos" / "cluster.yaml"), folder=CASES / "coreos")


def cloud_configs(files: dict[str, RenderedFile]) -> list[bytes]:
    return [file.content for path, file in files.items() if path.endswith("cloud-config.yaml")]


def ignitions(files: dict[str, RenderedFile]) -> list[Any]:
    return [json.loads(file.content) for path, file in files.items() if path.endswith("ignition.json")]


def keys_of(tree: Any) -> Iterator[str]:
    """Every key at any depth."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from keys_of(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from keys_of(item)


# cloud-config


def test_a_cloud_config_is_known_by_its_first_line(files: dict[str, RenderedFile]) -> None:
    assert {document.split(b"\n")[0] for document in cloud_configs(files)} == {b"#cloud-config"}


def test_keys_of_a_cloud_config_have_underscores_since_hyphens_are_silently_ignored(
    files: dict[str, RenderedFile],
) -> None:
    for document in cloud_configs(files):
        tree = yaml.safe_load(document)
        assert not [key for key in keys_of(tree) if "-" in key]
        assert tree.keys() <= KNOWN
        assert tree["coreos"].keys() == {"units"}
        assert {"drop_ins"} <= set(keys_of(tree["coreos"]["units"]))


def test_a_cloud_config_holds_nothing_that_would_be_taken_for_a_variable(files: dict[str, RenderedFile]) -> None:
    for document in cloud_configs(files):
        assert not re.search(rb"\$(public|private)_ipv[46]", document)
    motd = [
        b64decode(entry["content"])
        for document in cloud_configs(files)
        for entry in yaml.safe_load(document)["write_files"]
        if entry["path"] == "/etc/motd"
    ]
    assert b"owned by $public_ipv4\n" in motd


def test_modes_are_octal_text_in_one_dialect_and_decimal_numbers_in_the_other(
    files: dict[str, RenderedFile],
) -> None:
    in_text = [
        {entry["path"]: entry["permissions"] for entry in yaml.safe_load(document)["write_files"]}
        for document in cloud_configs(files)
    ]
    in_numbers = [{entry["path"]: entry["mode"] for entry in tree["storage"]["files"]} for tree in ignitions(files)]
    for modes in in_text:
        assert all(isinstance(mode, str) and re.fullmatch(r"0[0-7]{3}", mode) for mode in modes.values())
        assert modes["/etc/kboot/report-token"] == "0600"
        assert modes["/opt/bin/kboot-report"] == "0755"
    assert in_numbers == [{path: int(mode, 8) for path, mode in modes.items()} for modes in in_text]


# Ignition


def test_ignition_is_written_in_the_version_that_every_flatcar_with_spec_3_reads(
    files: dict[str, RenderedFile],
) -> None:
    for tree in ignitions(files):
        assert tree["ignition"] == {"version": "3.3.0"}
        assert tree.keys() == {"ignition", "passwd", "storage", "systemd"}


def test_ignition_may_overwrite_what_the_image_already_has(files: dict[str, RenderedFile]) -> None:
    assert all(entry["overwrite"] is True for tree in ignitions(files) for entry in tree["storage"]["files"])


# the node


def test_an_installed_system_keeps_its_lease_by_sending_its_mac_as_client_id(files: dict[str, RenderedFile]) -> None:
    path = "/etc/systemd/network/10-kboot.network"
    units = [
        b64decode(entry["contents"]["source"].partition(",")[2])
        for tree in ignitions(files)
        for entry in tree["storage"]["files"]
        if entry["path"] == path
    ]
    units += [
        b64decode(entry["content"])
        for document in cloud_configs(files)
        for entry in yaml.safe_load(document)["write_files"]
        if entry["path"] == path
    ]
    assert len(units) == 4
    asking = [unit for unit in units if b"\nDHCP=ipv4\n" in unit]
    assert len(asking) == 2, "the node without an `ip`, in both dialects"
    assert all(b"[DHCPv4]\nClientIdentifier=mac\n" in unit for unit in asking)


def test_the_hash_of_a_config_follows_its_content() -> None:
    def number(text: str) -> bytes:
        desc = load_text(text, "rack.yaml")
        return rendered_files(desc)[f"nodes/{desc.nodes[0].mac.dashed}/config-hash"].content

    assert number(SAMPLE) == number(SAMPLE)
    assert number(SAMPLE) != number(spoilt(("operator@", "other@")))
    assert number(SAMPLE) == number(spoilt(("roles: [worker]", "name: node2, roles: [worker]")))  # another machine's


# network boot


@BOTH_FAMILIES
def test_the_kernel_line_names_the_initrd_which_uefi_kernels_look_for(family: str) -> None:
    config = rendered_family(family)["config/pxelinux.cfg/default"].content.decode()
    (initrd,) = re.findall(r"INITRD http://10\.10\.14\.253/boot/(\S+)", config)
    (line,) = [line for line in config.splitlines() if line.strip().startswith("APPEND")]
    assert f" initrd={initrd} " in line
    assert initrd == f"{family}_production_pxe_image.cpio.gz"
    assert f" {family}.autologin " in line


@pytest.mark.parametrize(
    ("family", "arguments", "spec"),
    [
        ("flatcar", "flatcar.first_boot=1 ignition.config.url=data:;base64,", "3.3.0"),
        ("coreos", "coreos.first_boot=1 coreos.config.url=data:;base64,", "2.1.0"),
    ],
)
def test_the_install_boot_runs_ignition_in_memory_and_leaves_the_disk_alone(
    family: str, arguments: str, spec: str
) -> None:
    config = rendered_family(family)["config/pxelinux.cfg/default"].content.decode()
    (pointer,) = re.findall(rf" {arguments}(\S+) ", config)
    source = {"source": "http://10.10.14.253/pxe.ign"}
    assert json.loads(b64decode(pointer)) == {"ignition": {"version": spec, "config": {"replace": source}}}
    assert "first_boot=detected" not in config  # it would want the ESP of a disk
    assert " root=" not in config
    assert " cloud-config-url=http://10.10.14.253/install.sh " in config  # with hyphens: the unit tests that form


def test_the_boot_path_is_plain_http_to_the_bootstrapper() -> None:
    files = rendered_family("flatcar")
    for path in ("config/pxelinux.cfg/default", "config/dnsmasq.conf"):
        urls = re.findall(r"\w+://\S+", files[path].content.decode())
        assert urls
        assert all(url.startswith("http://10.10.14.253/") for url in urls)


@BOTH_FAMILIES
def test_no_url_that_a_machine_is_given_names_a_release_current(family: str) -> None:
    files = rendered_family(family)
    for path in ("config/pxelinux.cfg/default", "config/install.sh", "config/dnsmasq.conf"):
        assert b"/current" not in files[path].content


@BOTH_FAMILIES
def test_the_reader_of_install_sh_takes_it_for_a_script_by_its_first_bytes(family: str) -> None:
    script = rendered_family(family)["config/install.sh"].content
    assert script.startswith(b"#!/bin/bash\n")
    assert b"\nset -euo pipefail\n" in script
    assert not re.search(rb"\$(public|private)_ipv[46]", script)


@BOTH_FAMILIES
def test_the_installer_is_never_called_without_release_and_channel(family: str) -> None:
    script = rendered_family(family)["config/install.sh"].content.decode()
    assert f"installer={family}-install\n" in script
    assert '-V "$KBOOT_VERSION" -C "$KBOOT_CHANNEL" -B "$KBOOT_BOARD" -o \'\'' in script
    assert script.count('"$installer" "$@"') == script.count('run_installer "${arguments[@]}"') == 1
    assert script.count('"$installer" ') == 1


# the examples


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_each_example_renders(path: Path) -> None:
    desc = load(path)
    files = rendered_files(desc)
    assert {f"nodes/{node.mac.dashed}/ignition.json" for node in desc.nodes} <= files.keys()
