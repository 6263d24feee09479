"""What Docker Compose makes of compose.yaml."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kboot.render.compose import HostNetwork, NetworkMode
from kboot_clusterdesc import ClusterDesc, load_text
from support.rendering import LAB, rendered_files, write_rendered
from unit.clusterdesc.sample import SAMPLE

BOTH = pytest.mark.parametrize("network", [HostNetwork(), LAB], ids=["host", "lab"])


@pytest.fixture
def desc() -> ClusterDesc:
    return load_text(SAMPLE, "rack.yaml")


def compose(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`docker compose config` on the file in `folder`; it must succeed without a word on stderr."""
    command = ["docker", "compose", "-f", str(folder / "compose.yaml"), "config", *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert (done.returncode, done.stderr) == (0, "")
    return done


def project(desc: ClusterDesc, network: NetworkMode, folder: Path) -> Any:
    """The project as Compose understands it."""
    write_rendered(rendered_files(desc, network=network), folder)
    return json.loads(compose(folder, "--format", "json").stdout)


@BOTH
def test_compose_takes_the_file_without_a_warning(desc: ClusterDesc, network: NetworkMode, tmp_path: Path) -> None:
    write_rendered(rendered_files(desc, network=network), tmp_path)
    assert compose(tmp_path, "-q").stdout == ""


@BOTH
def test_no_service_has_more_rights_than_it_needs(desc: ClusterDesc, network: NetworkMode, tmp_path: Path) -> None:
    low_port = {"NET_BIND_SERVICE", "SETUID", "SETGID"}
    wanted = {"cloudconfig": low_port, "time": low_port | {"KILL"}}
    wanted["dnsmasq"] = low_port | {"KILL", "NET_ADMIN", "NET_RAW"}
    for name, service in project(desc, network, tmp_path)["services"].items():
        assert service["cap_drop"] == ["ALL"]
        assert set(service.get("cap_add") or []) == wanted.get(name, set())
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        assert int(service["mem_limit"]) > 0
        assert service["memswap_limit"] == service["mem_limit"]
        assert service["pids_limit"] == 2048
        assert service["ulimits"] == {"nofile": {"soft": 16384, "hard": 16384}}
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
        assert "privileged" not in service
        assert not [mount for mount in service.get("volumes", []) if "docker.sock" in mount["source"]]
        assert name == "holder" or service["healthcheck"]["test"][0] == "CMD"


@BOTH
def test_no_container_sees_the_keys_of_the_authority(desc: ClusterDesc, network: NetworkMode, tmp_path: Path) -> None:
    services = project(desc, network, tmp_path)["services"]
    sources = {Path(mount["source"]) for service in services.values() for mount in service.get("volumes", [])}
    folder = Path("/var/lib/kboot/ail")
    assert not [source for source in sources if (folder / "pki").is_relative_to(source)]
    assert not [source for source in sources if source.is_relative_to(folder / "pki")]


def test_nobody_writes_anothers_files(desc: ClusterDesc, tmp_path: Path) -> None:
    services = project(desc, HostNetwork(), tmp_path)["services"]
    writable = {
        name: [Path(mount["source"]).name for mount in service["volumes"] if not mount.get("read_only")]
        for name, service in services.items()
    }
    assert writable == {
        "dnsmasq": ["leases"],
        "cloudconfig": ["state"],
        "registry": ["registry"],
        "updater": ["images"],
        "time": [],
    }


def test_a_dollar_is_no_variable(tmp_path: Path) -> None:
    text = SAMPLE.replace("version: current", 'version: current, release_url: "http://mirror:pa$word@10.10.14.9/x"')
    desc = load_text(text.replace("operator@example.com", "ops$HOME@example.com"), "rack.yaml")
    files = rendered_files(desc, root=Path("/srv/pa$word/${HOME}"))
    write_rendered(files, tmp_path)
    told = compose(tmp_path, "--no-interpolate").stdout
    assert "$$word" in told
    assert compose(tmp_path).stdout == compose(tmp_path, word="x").stdout
    sources = [
        mount["source"]
        for mount in json.loads(compose(tmp_path, "--format", "json").stdout)["services"]["updater"]["volumes"]
    ]
    assert [source.replace("$$", "$") for source in sources] == [
        "/srv/pa$word/${HOME}/ail/config",
        "/srv/pa$word/${HOME}/ail/images",
    ]
    assert b"pa$word@10.10.14.9" in files["config/clusterdesc.yaml"].content
    for node in desc.nodes:
        assert b" ops$HOME@example.com" in files[f"nodes/{node.mac.dashed}/ignition.json"].content


def test_whoever_shares_a_network_restarts_with_its_owner(desc: ClusterDesc, tmp_path: Path) -> None:
    services = project(desc, LAB, tmp_path)["services"]
    sharing = {name for name, service in services.items() if service.get("network_mode") == "service:holder"}
    assert sharing == {"dnsmasq", "cloudconfig", "registry", "updater", "time"}
    for name in sharing:
        assert services[name]["depends_on"]["holder"]["restart"] is True
    assert services["holder"]["networks"]["lab"]["ipv4_address"] == "10.10.14.253"


@pytest.mark.parametrize(
    ("old", "new", "restarted"),
    [
        ("routers: [10.10.14.254]", "routers: [10.10.14.254]\n  upstream_dns: [192.0.2.1]", {"dnsmasq"}),
        ("name: node1", "name: node9", {"dnsmasq"}),
        ("subnet: 10.10.14.0/24", "subnet: 10.10.12.0/22", {"dnsmasq", "time"}),
        ("channel: stable", "channel: beta", set()),
        ("kubernetes:", "registry: {port: 5500}\nkubernetes:", {"registry"}),
        ("operator@", "other@", set()),
    ],
)
def test_an_edit_changes_the_inputs_of_the_services_that_must_restart(
    old: str, new: str, restarted: set[str], tmp_path: Path
) -> None:
    found: list[dict[str, str]] = []
    for number, text in enumerate((SAMPLE, SAMPLE.replace(old, new))):
        services = project(load_text(text, "rack.yaml"), HostNetwork(), tmp_path / str(number))["services"]
        found.append({name: service["labels"]["kboot.inputs"] for name, service in services.items()})
    before, after = found
    assert {name for name in before if before[name] != after[name]} == restarted
