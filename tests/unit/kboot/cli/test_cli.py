"""Whole commands: exit code, stdout, stderr."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path

import pytest

from kboot.cli.main import run
from support.places import ROOT

RACK = """apiVersion: kboot/v1
cluster: {name: rack, domain: rack.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h}
nodes:
  - {mac: "00:25:90:c0:f7:80", name: node1, roles: [worker]}
"""


@pytest.fixture
def rack(tmp_path: Path) -> Path:
    """A description that validates."""
    path = tmp_path / "rack.yaml"
    path.write_text(RACK)
    return path


def test_a_valid_description_is_said_to_be_so(rack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(rack)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{rack}: valid: cluster rack, 1 node\n"
    assert err == "note: ssh_authorized_keys: is empty: there will be no way to log in to an installed machine\n"


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ('{reboot_strategy: "off"}', []),
        ('{reboot_strategy: reboot, window: {start: "03:00", length: 3h}}', []),
        (
            '{reboot_strategy: "off", window: {start: "03:00", length: 3h}}',
            ['os.update.window: has no effect: with `reboot_strategy: "off"` no machine reboots by itself'],
        ),
        (
            "{enabled: false, reboot_strategy: reboot}",
            ["os.update.reboot_strategy: has no effect: with `enabled: false` no machine is updated"],
        ),
    ],
)
def test_a_key_of_updates_that_another_one_leaves_without_effect_is_said_to_be_such(
    rack: Path, capsys: pytest.CaptureFixture[str], update: str, told: list[str]
) -> None:
    rack.write_text(f"{RACK}os: {{update: {update}}}\n")
    assert run(["validate", str(rack)]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "os.update" in line]
    assert notes == [f"note: {each}" for each in told]


def test_a_faulty_description_exits_2_with_its_place(rack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rack.write_text(RACK.replace("bootstrapper: 10.10.14.253", "bootstrapper: 10.10.15.253"))
    assert run(["validate", str(rack)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{rack}:4:17: network.bootstrapper: ")


@pytest.mark.parametrize(
    "command", [["validate"], ["diff"], ["up"], ["render", "--output", "out"], ["lab", "up"]], ids=" ".join
)
def test_a_file_that_is_not_there_has_no_line_in_it(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nope.yaml"
    assert run([*command, str(path)]) == 2
    assert capsys.readouterr() == (
        "",
        f"{path}: cannot be read: No such file or directory\n  hint: `kboot init` writes a description\n",
    )


def test_a_file_that_is_not_there_has_no_place_for_programs_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nope.yaml"
    assert run(["validate", "--json", str(path)]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == (str(path), None, None)
    assert run(["validate", "--sarif", str(path)]) == 2
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": str(path)}}}]


@pytest.mark.parametrize("command", [["validate"], ["diff"], ["render", "--output", "out"]])
def test_a_blank_left_out_after_a_colon_exits_2_with_its_place(
    command: list[str], rack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack.write_text(RACK.replace("lease: 24h", "lease:infinite"))
    assert run([command[0], str(rack), *command[1:]]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"{rack}:6:58: network.dhcp.lease:infinite: a key without a value\n"
        "  hint: put a blank after the colon: `lease: infinite`\n"
    )


def test_a_fragment_with_a_blank_left_out_exits_2_with_its_place(
    rack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack.write_text(f"{RACK}os: {{extra: extra.yaml}}\n")
    extra = rack.with_name("extra.yaml")
    extra.write_text("files: [{path:/etc/a, content: x}]\n")
    assert run(["render", str(rack), "--output", str(rack.with_name("out"))]) == 2
    assert f"{extra}:1:10: files[0].path:/etc/a: a key without a value\n" in capsys.readouterr().err
    assert not rack.with_name("out").exists()


def test_an_unknown_command_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["boil"]) == 2
    assert capsys.readouterr() == ("", "error: kboot: `boil` is not a command\n  hint: `kboot --help` lists all\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["statu"], "kboot: `statu` is not a command\n  hint: did you mean `status`? `kboot --help` lists all"),
        (
            ["node", "shw"],
            "kboot node: `shw` is not a command\n  hint: did you mean `show`? `kboot node --help` lists all",
        ),
        (
            ["status", "--josn"],
            "kboot status: `--josn` is not an option\n  hint: did you mean `--json`? `kboot status --help` lists all",
        ),
        (
            ["node", "list", "-o", "jsn"],
            "kboot node list: argument -o/--output: invalid choice: 'jsn'\n"
            "  hint: did you mean `json`? one of wide, json, yaml, name",
        ),
        (
            ["node", "show"],
            "kboot node show: the following arguments are required: NAME\n"
            "  hint: NAME: its name or MAC; `kboot node show --help` says how",
        ),
        (
            ["up"],
            "kboot up: the following arguments are required: FILE\n"
            "  hint: FILE: the cluster description; `kboot up --help` says how",
        ),
        (
            ["--root", "/srv/kboot", "status"],
            "kboot: `--root` stands before the command\n  hint: write it at the end: `kboot COMMAND … --root …`",
        ),
        (
            ["node", "--cluster=ail", "show", "node1"],
            "kboot node: `--cluster` stands before the command\n"
            "  hint: write it at the end: `kboot node COMMAND … --cluster …`",
        ),
    ],
    ids=" ".join,
)
def test_a_slip_on_the_command_line_says_what_was_meant(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert capsys.readouterr() == ("", f"error: {said}\n")


@pytest.mark.parametrize(
    ("words", "same"),
    [([], ["--help"]), (["node"], ["node", "--help"]), (["help", "node", "show"], ["node", "show", "--help"])],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_kboot_alone_a_group_alone_and_help_print_help(
    words: list[str], same: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 0
    said = capsys.readouterr()
    assert run(same) == 0
    assert capsys.readouterr() == said
    assert said.out.startswith("usage: kboot")


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_said_as_an_option_and_as_a_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(words) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"kboot {declared}"


def test_status_without_a_cluster_exits_2_and_says_what_makes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "--root", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}: holds no cluster\n  hint: `kboot up FILE` makes one; another root is named with `--root`\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        *(
            "init",
            "validate",
            "schema",
            "convert",
            "render",
            "diff",
            "up",
            "down",
            "status",
            "watch",
            "restart",
            "doctor",
        ),
        *(
            "node list",
            "node show",
            "node reinstall",
            "lab up",
            "lab down",
            "lab ps",
            "lab console",
            "lab ssh",
        ),
        *("lab power", "lab add", "lab exec", "completion", "version"),
        *("start", "autostart on", "autostart off", "uninstall"),
        *("certs list", "certs renew", "certs export", "kubeconfig"),
        *("etcd snapshot", "etcd restore"),
        *("images list", "images load", "images pull", "images push", "images verify"),
        *("assets add", "assets pull", "assets list", "assets verify"),
    ],
)
def test_every_command_has_a_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    assert f"example:\n  kboot {command}" in capsys.readouterr().out


def test_several_files_are_checked_each_whole(rack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = rack.with_name("bad.yaml")
    bad.write_text(RACK.replace("bootstrapper: 10.10.14.253", "bootstrapper: 10.10.15.253"))
    assert run(["validate", str(rack), str(bad)]) == 2
    out, err = capsys.readouterr()
    assert out == f"{rack}: valid: cluster rack, 1 node\n"
    assert f"{bad}:4:17: network.bootstrapper: " in err
    assert run(["validate", "--json", str(bad)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["valid"]) == (str(bad), False)
    assert {(each["line"], each["column"], each["key"]) for each in found["problems"]} >= {
        (4, 17, "network.bootstrapper")
    }


def test_faults_are_told_as_sarif(rack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rack.write_text(RACK.replace("mode: serve", "mode: serv"))
    assert run(["validate", "--sarif", str(rack)]) == 2
    (told,) = json.loads(capsys.readouterr().out)["runs"]
    assert told["tool"]["driver"]["name"] == "kboot"
    place = told["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == str(rack)
    assert place["region"]["startLine"] == 6
    assert "network.dhcp.mode" in told["results"][0]["message"]["text"]


def test_the_standard_input_is_checked_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(RACK.encode())))
    assert run(["validate", "-"]) == 0
    assert capsys.readouterr().out == "<stdin>: valid: cluster rack, 1 node\n"


def test_the_key_of_the_example_is_remarked_on(rack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = (
        line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("ssh_authorized_keys:")
    )
    rack.write_text(f"{RACK}{line}\n")
    assert run(["validate", str(rack)]) == 0
    assert "ssh_authorized_keys: has the key of the documents' example" in capsys.readouterr().err
