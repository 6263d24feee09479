"""The operator's fragments, read and looked at with the description that names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.describe.attachment_reader import load_with_extras
from kboot_clusterdesc import InvalidDescription
from unit.clusterdesc.sample import spoilt


def described(folder: Path, of_all: str | None, of_one: str | None = None) -> Path:
    """A description whose machines, and whose first machine, have these fragments."""
    changes = [("version: current}", "version: current, extra: all.yaml}")]
    if of_one is not None:
        changes.append(("roles: [worker]}", "roles: [worker], extra: one.yaml}"))
        (folder / "one.yaml").write_text(of_one)
    if of_all is not None:
        (folder / "all.yaml").write_text(of_all)
    (folder / "cluster.yaml").write_text(spoilt(*changes))
    return folder / "cluster.yaml"


def test_validate_refuses_a_fragment_at_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = described(tmp_path, "files: [{path: /usr/local/bin/a}]")
    assert run(["validate", str(path)]) == 2
    assert f"{tmp_path}/all.yaml:1:16: files[0].path: `/usr/local/bin/a` cannot be written" in capsys.readouterr().err
    (tmp_path / "all.yaml").write_text("files: [{path: /opt/bin/a}]")
    assert run(["validate", str(path)]) == 0


def test_a_fragment_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDescription, match=r"all.yaml: os.extra: cannot be read"):
        load_with_extras(described(tmp_path, None))


def test_the_faults_of_all_fragments_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidDescription) as refused:
        load_with_extras(described(tmp_path, "files: [{path: /usr/a}]", "users: [{name: docker}]"))
    assert {Path(problem.place.file).name for problem in refused.value.problems} == {"all.yaml", "one.yaml"}


def test_a_file_of_one_machine_below_a_file_of_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDescription, match=r"one.yaml: files\[0\].path: `/etc/a` is a file"):
        load_with_extras(described(tmp_path, "files: [{path: /etc/a}]", "files: [{path: /etc/a/b}]"))


def test_the_faults_of_a_description_and_of_its_fragments_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = described(tmp_path, "files: [{path: /usr/a}]", "users: [{name: docker}]")
    path.write_text(path.read_text().replace("lease: 24h", "lease: soon"))
    assert run(["validate", str(path)]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith(str(tmp_path))]
    assert [Path(line.partition(":")[0]).name for line in said] == ["all.yaml", "cluster.yaml", "one.yaml"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "os: extra\nnodes: 1\n", "os: {extra: [1]}\nnodes: [1, {extra: {a: b}}]\n", "os: {extra: a\n", "\0"],
)
def test_a_description_whose_fragments_cannot_be_read_from_it_is_refused_as_it_was(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster.yaml").write_text(text)
    with pytest.raises(InvalidDescription) as refused:
        load_with_extras(tmp_path / "cluster.yaml")
    assert {problem.place.file for problem in refused.value.problems} == {str(tmp_path / "cluster.yaml")}


def test_a_name_that_no_file_can_have_is_refused_as_one_that_is_not_there(tmp_path: Path) -> None:
    path = described(tmp_path, "files: []", "files: []")
    path.write_text(path.read_text().replace("extra: all.yaml", r'extra: "a\0b"'))
    with pytest.raises(InvalidDescription, match="cannot be read: embedded null byte"):
        load_with_extras(path)
