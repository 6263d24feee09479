"""How many machines dnsmasq hears at one moment, and what the doctor says of it."""

from __future__ import annotations

from pathlib import Path

from kboot.preflight.dhcp_buffer import default_buffer_bytes, dhcp_advice
from kboot.preflight.doctor import checks
from kboot_clusterdesc import ClusterDesc, load_text

_DEFAULT = 212_992  # Linux


def rack(nodes: int, mode: str = "serve, range: [10.10.0.100, 10.10.0.199]") -> str:
    """A description of as many nodes."""
    lines = (
        f'  - {{mac: "52:54:00:00:{n >> 8:02x}:{n & 255:02x}", name: n{n}, ip: 10.10.{8 + n // 200}.{n % 200 + 1}, '
        "roles: [worker]}\n"
        for n in range(nodes)
    )
    return (
        "apiVersion: kboot/v1\ncluster: {name: ail, domain: ail.example.com}\nnetwork:\n"
        f"  bootstrapper: 10.10.0.253\n  subnet: 10.10.0.0/16\n  dhcp: {{mode: {mode}}}\nnodes:\n{''.join(lines)}"
    )


def described(nodes: int) -> ClusterDesc:
    """The same, read."""
    return load_text(rack(nodes), "rack.yaml")


def test_a_rack_that_is_heard_as_a_whole_needs_nothing() -> None:
    assert dhcp_advice(described(92), _DEFAULT) == "room for 92 machines that ask at one moment"


def test_for_a_larger_rack_the_setting_is_named_that_has_room_for_all() -> None:
    said = dhcp_advice(described(300), _DEFAULT)
    assert said.startswith("room for 92 machines that ask at one moment, of 300;")
    assert "`sysctl -w net.core.rmem_default=720896`" in said
    assert "`kboot restart dnsmasq`" in said
    assert dhcp_advice(described(300), 720_896) == "room for 312 machines that ask at one moment"


def test_the_doctor_says_it_and_finds_no_fault_in_it(tmp_path: Path) -> None:
    file = tmp_path / "rack.yaml"
    file.write_text(rack(3))
    found = {check.name: check for check in checks(file, tmp_path)}["dhcp"]
    assert found.ok
    assert found.found == f"room for {(default_buffer_bytes() or 0) // 2304} machines that ask at one moment"


def test_where_dhcp_is_off_the_doctor_says_nothing_of_it(tmp_path: Path) -> None:
    file = tmp_path / "rack.yaml"
    file.write_text(rack(3, '"off"'))
    assert "dhcp" not in {check.name for check in checks(file, tmp_path)}
