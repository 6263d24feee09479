"""Descriptions that must be refused, each where it stands and with a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot_clusterdesc import InvalidDescription, Mac, load, load_bytes, load_text
from support.places import EXAMPLES
from unit.clusterdesc.sample import KEY, SAMPLE, accepted, place, refusal, refused_keys, spoilt, with_block


def test_the_sample_is_accepted_and_a_nameless_machine_is_called_after_its_mac() -> None:
    desc = accepted(SAMPLE)
    assert [node.name for node in desc.nodes] == ["node1", "00-25-90-c0-f6-ee"]
    assert desc.nodes[0].mac == Mac("0025.90c0".replace(".", "") + "f780")


def test_malformed_yaml_is_placed_where_the_parser_stopped() -> None:
    said = refusal(spoilt(("[10.10.14.254]", "[10.10.14.254")))
    assert said.startswith("rack.yaml:8:3: not YAML:") or said.startswith("rack.yaml:8:1: not YAML:")


def test_a_tab_is_named_as_the_cause() -> None:
    said = refusal(spoilt(("  routers", "\trouters")))
    assert said.startswith("rack.yaml:7:1: not YAML:")
    assert said.endswith("hint: indent with blanks, not with tabs")


def test_a_missing_blank_after_a_colon_is_found_on_its_own_line() -> None:
    said = refusal(spoilt(("kubernetes: {version: v1.36.2}", "registry:none")))
    assert said.startswith("rack.yaml:9:9: not YAML:")
    assert "put a blank after the colon: `registry: none`" in said


def test_an_unknown_key_is_answered_with_the_near_one() -> None:
    said = refusal(spoilt(("routers:", "router:")))
    assert said == "rack.yaml:7:3: network.router: unknown key\n  hint: did you mean `routers`?"


def test_an_unknown_key_with_the_name_of_a_mark_of_pydantic_is_refused_like_any_other() -> None:
    assert refused_keys(SAMPLE + '"[key]": x\n') == ["[key]"]
    assert "hosts" in refusal(spoilt(("  routers", '  hosts: {"a b": 10.10.14.9}\n  routers')))


def test_an_unknown_key_of_a_node_is_placed_at_the_key() -> None:
    text = spoilt(("name: node1", "nmae: node1"))
    expected = f"{place(text, 'nmae')}: nodes[0].nmae: unknown key\n  hint: did you mean `name`?"
    assert refusal(text) == expected


@pytest.mark.parametrize(
    "mac",
    ["00:25:90:c0:f7", "00:25:90:c0:f7:8g", "00:25-90:c0:f7:80", "01:00:5e:00:00:01", "00:00:00:00:00:00"],
)
def test_a_bad_mac_is_refused_where_it_stands(mac: str) -> None:
    said = refusal(spoilt(("00:25:90:c0:f7:80", mac)))
    assert said.startswith(f"rack.yaml:12:11: nodes[0].mac: `{mac}` is ")


@pytest.mark.parametrize("spelling", ["00:25:90:C0:F7:80", "00-25-90-c0-f7-80", "002590c0f780"])
def test_any_usual_spelling_of_a_mac_is_one_machine(spelling: str) -> None:
    assert accepted(spoilt(("00:25:90:c0:f7:80", spelling))).nodes[0].mac == "00:25:90:c0:f7:80"


@pytest.mark.parametrize(
    "key",
    [
        "not a key",
        "ssh-ed25519",
        "ssh-ed25519 AAAA#",
        KEY.replace("ssh-ed25519", "ssh-rsa", 1),
        KEY.replace("AAAAC3", "AAAAC"),
        "ssh-dss AAAAB3NzaC1kc3MAAACBAJ",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_a_bad_ssh_key_is_refused_where_it_stands(key: str) -> None:
    assert refusal(spoilt((KEY, key))).startswith("rack.yaml:10:23: ssh_authorized_keys[0]: ")


@pytest.mark.parametrize(
    "cron", ["0 3 * *", "61 3 * * *", "0 24 * * *", "0 3 * 13 *", "0 3 * * mon-", "@daily", "0 3 5-1 * *"]
)
def test_a_bad_schedule_is_refused_where_it_stands(cron: str) -> None:
    text = spoilt(("version: current}", f'version: current, update: {{schedule: "{cron}"}}}}'))
    assert refusal(text).startswith(f"{place(text, chr(34) + cron)}: os.update.schedule: ")


@pytest.mark.parametrize("lease", ["24 hours", "0h", "1m", "-5m", "h", "1.5h", "\u0663h"])
def test_a_bad_duration_is_refused_where_it_stands(lease: str) -> None:
    text = spoilt(("lease: 24h", f"lease: {lease}"))
    assert refusal(text).startswith(f"{place(text, lease + '}')}: network.dhcp.lease: ")


@pytest.mark.parametrize(("lease", "seconds"), [("infinite", None), ("2m", 120), ("7d", 604800), ("3600", 3600)])
def test_a_lease_is_a_duration_or_infinite(lease: str, seconds: int | None) -> None:
    assert accepted(spoilt(("lease: 24h", f"lease: {lease}"))).network.dhcp.lease_s == seconds


@pytest.mark.parametrize("text", ["", "\n \n", "# only a comment\n", "---\n", "~\n"])
def test_an_empty_file_is_refused_with_the_command_that_fills_it(text: str) -> None:
    said = refusal(text)
    assert said.startswith("rack.yaml:")
    assert "kboot" in said


def test_a_file_of_ten_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(SAMPLE.encode() + b"#" * 10_000_000)
    with pytest.raises(InvalidDescription, match="more than the 8388608 bytes"):
        load(path)


def test_an_alias_bomb_is_refused_before_it_is_expanded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    assert "once aliases are expanded" in refusal("\n".join(lines))


def test_aliases_of_one_long_text_count_by_its_length() -> None:
    assert "once aliases are expanded" in refusal(f"a: &a {'x' * 500_000}\nb: [{', '.join(['*a'] * 1000)}]\n")


def test_an_alias_may_be_used_within_reason() -> None:
    text = spoilt(("roles: [control-plane, etcd]}", "roles: &r [control-plane, etcd, worker]}")).replace(
        "roles: [worker]}",
        'ip: 10.10.14.202, roles: *r}\n  - {mac: "00:25:90:c0:f6:01", ip: 10.10.14.203, roles: *r}',
    )
    assert len(accepted(text).nodes[2].roles) == 3


def test_deep_nesting_is_refused() -> None:
    assert "nested deeper" in refusal("nodes: " + "[" * 100)
    assert "nesting" in refusal("nodes: " + "[" * 100_000)


def test_a_second_document_is_refused() -> None:
    assert "a second document" in refusal(SAMPLE + "---\n" + SAMPLE)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"cluster: \x00", b"\x80abc", b"a: \x1b[2J"])
def test_what_is_not_text_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDescription, match=r"UTF-8|control character"):
        load_bytes(data, "rack.yaml")


def test_a_file_that_is_not_there_is_a_refusal_too(tmp_path: Path) -> None:
    with pytest.raises(InvalidDescription, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(InvalidDescription, match="cannot be read"):
        load(tmp_path)


def test_a_missing_key_is_placed_at_what_it_is_missing_from() -> None:
    said = refusal(spoilt(("{name: ail, domain: ail.example.com}", "{name: ail}")))
    assert said == "rack.yaml:2:10: cluster.domain: is missing\n  hint: write it like `domain: ail.example.com`"


def test_a_subnet_with_host_bits_is_answered_with_the_whole_one() -> None:
    said = refusal(spoilt(("subnet: 10.10.14.0/24", "subnet: 10.10.14.1/24")))
    assert said.startswith("rack.yaml:5:11: network.subnet: `10.10.14.1/24` is not a subnet\n")
    assert said.endswith("hint: did you mean `10.10.14.0/24`?")


def test_an_unknown_choice_is_answered_with_the_known_ones() -> None:
    said = refusal(spoilt(("family: flatcar", "family: flatcr")))
    assert said == (
        "rack.yaml:8:14: os.family: `flatcr` is not one of flatcar, coreos\n  hint: did you mean `flatcar`?"
    )


def test_faults_of_shape_and_of_sense_are_reported_in_one_run_in_the_order_of_the_file() -> None:
    text = spoilt(
        ("bootstrapper: 10.10.14.253", "bootstrapper: 10.10.14.999"),
        ("10.10.14.1, 10.10.14.127", "10.10.14.127, 10.10.14.1"),
        ("routers: [10.10.14.254]", "routers: [10.10.15.254]"),
        ("version: current", "version: newest"),
        (KEY, "nokey"),
        ("10.10.14.201", "10.10.13.201"),
        ("name: node1", "name: 5m"),
        ('"00:25:90:c0:f6:ee"', '"00:25:90:c0:f7:80"'),
    )
    assert refused_keys(text) == [
        "network.bootstrapper",
        "network.dhcp.range",
        "network.routers[0]",
        "os.version",
        "ssh_authorized_keys[0]",
        "nodes[0].name",
        "nodes[0].ip",
        "nodes[1].mac",
    ]


def test_a_node_that_could_not_be_read_does_not_count_as_a_missing_control_plane() -> None:
    assert refused_keys(spoilt(("[control-plane, etcd]", "[control-plain, etcd]"))) == ["nodes[0].roles[0]"]
    assert refused_keys(spoilt(("00:25:90:c0:f7:80", "00:25:90:c0:f7"))) == ["nodes[0].mac"]


def test_a_node_is_not_asked_for_a_name_where_its_mac_is_missing() -> None:
    assert refused_keys(spoilt(('{mac: "00:25:90:c0:f6:ee", ', "{"))) == ["nodes[1].mac"]


def test_a_list_whose_only_item_is_faulty_is_not_called_empty() -> None:
    assert refused_keys(spoilt(("[worker]", "[wrker]"))) == ["nodes[1].roles[0]"]
    assert refused_keys(spoilt(("[worker]", "[]"))) == ["nodes[1].roles"]


def test_the_examples_of_the_project_are_accepted() -> None:
    examples = sorted(EXAMPLES.glob("*.yaml"))
    assert {"lab.yaml", "rack.yaml", "servers.yaml"} <= {path.name for path in examples}
    for path in examples:
        load(path)


def test_every_repeated_key_is_reported_where_it_stands_with_the_line_of_the_first() -> None:
    fragment = (
        "nodes:\n"
        '  - {mac: "00:25:90:c0:f7:80", name: node1, ip: 10.10.14.201, roles: [control-plane, etcd]}\n'
        "registry: {domain: bootstrapper, port: 5000}\n"
        "nodes:\n"
        '  - mac: "00:25:90:c0:f6:ee"\n'
        "    roles: [worker]\n"
        "    ip: 10.10.14.202\n"
        "    roles: [etcd]\n"
    )
    rest = with_block("nodes", "")
    said = refusal(fragment + rest)
    assert said == (
        "rack.yaml:4:1: nodes: repeated key, the first one stands at line 1\n"
        "  hint: merge the two, or begin a new list item with a dash\n"
        "rack.yaml:8:5: nodes[0].roles: repeated key, the first one stands at line 6\n"
        "  hint: merge the two, or begin a new list item with a dash"
    )


def test_text_with_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidDescription):
        load_text("a: \ud800", "rack.yaml")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("os:\n  update:\n    schedule: * 3 * * *\n", 'quote a value that begins so: `"* 3 * * *"`'),
        ("nodes:\n  -{mac: x}\n  - {mac: y}\n", "put a blank after the dash"),
    ],
)
def test_a_common_slip_is_told_by_its_cure(text: str, hint: str) -> None:
    with pytest.raises(InvalidDescription) as refused:
        load_text(text, "rack.yaml")
    assert hint in str(refused.value)


def test_a_misspelt_key_is_one_fault_and_what_was_meant_is_named() -> None:
    with pytest.raises(InvalidDescription) as refused:
        load_text(
            "apiVersion: kboot/v1\ncluster: {name: rack, domain: rack.example.com}\n"
            "netwrok: {bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24}\nos: {disk: /dev/sda}\n"
            'kubernetes: {version: 1.36.2}\nnodes: [{mac: "00:25:90:c0:f7:80", roles: [master]}]\n',
            "rack.yaml",
        )
    assert [(problem.key, problem.hint) for problem in refused.value.problems] == [
        ("netwrok", "did you mean `network`?"),
        ("os.disk", "did you mean `install_disk`?"),
        ("kubernetes.version", "write it like `version: v1.36.2`"),
        ("nodes[0].roles[0]", "did you mean `control-plane`?"),
    ]
    assert "`1.36.2` does not fit the pattern `^v1" in str(refused.value)
