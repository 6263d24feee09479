"""What checking descriptions found, for programs: as JSON, and as SARIF 2.1.0, which code reviews read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kboot_clusterdesc import ClusterDesc, Problem

_RULE = "description"


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that was checked: the description, or its problems."""

    file: str
    desc: ClusterDesc | None
    problems: tuple[Problem, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the form that `kboot validate --json` prints of several files, and of one that is not valid."""
        return {"file": self.file, "valid": self.desc is not None, "problems": [_problem(p) for p in self.problems]}


def sarif(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """Return the findings as a SARIF log with one run of kboot."""
    driver = {"name": "kboot", "version": version, "rules": [{"id": _RULE, "name": "ClusterDescription"}]}
    results = [_result(problem) for finding in findings for problem in finding.problems]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "file": place.file,
        "line": place.line or None,
        "column": place.column or None,
        "key": problem.key or None,
        "message": problem.message,
        "hint": problem.hint or None,
    }


def _result(problem: Problem) -> dict[str, Any]:
    key = f"{problem.key}: " if problem.key else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    place: dict[str, Any] = {"artifactLocation": {"uri": problem.place.file}}
    if problem.place.line:
        place["region"] = {"startLine": problem.place.line, "startColumn": problem.place.column}
    return {
        "ruleId": _RULE,
        "level": "error",
        "message": {"text": f"{key}{problem.message}{hint}"},
        "locations": [{"physicalLocation": place}],
    }
