"""docs/monitoring/: what it names is what the server tells, and its rules fire when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric

from kboot.host.cache import cache_folder
from kboot_cloudconfig.api import ApiState
from kboot_cloudconfig.fleet_metrics import FleetMetrics, Leases, Now
from kboot_cloudconfig.kubernetes_nodes import KubernetesNode, KubernetesView
from kboot_cloudconfig.observed import Observed
from kboot_cloudconfig.receivers import ReceiverView
from kboot_clusterdesc.summary import Summary
from support.places import ROOT

FOLDER = ROOT / "docs" / "monitoring"
_NAME = re.compile(r"\b(?:kboot|process)_[a-z_]+[a-z]\b")


def _promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What `promtool` says, which `make setup` puts into the cache where it is not installed."""
    program = shutil.which("promtool") or str(cache_folder() / "promtool" / "promtool")
    assert Path(program).exists(), "no promtool: run `make setup`"
    return subprocess.run([program, *arguments], cwd=FOLDER, capture_output=True, text=True)


def _now() -> Now:
    nodes = {"node1": KubernetesNode(True, "v1.36.2", None)}
    updater: dict[str, object] = {"checked": "2026-11-29T10:00:00Z", "succeeded": "2026-11-29T10:00:00Z"}
    return Now(
        rows=[],
        discovered=0,
        is_in_doubt=False,
        channel="stable",
        release="3975.2.0",
        updater=updater,
        kubernetes=KubernetesView(ApiState.ANSWERS, nodes=nodes),
        leases=Leases(1, 2),
        summary=Summary.model_validate({"made": "2026-11-29T10:00:00Z"}),
        streams=0,
        receivers=[ReceiverView("pager")],
        rollout={
            "state": "idle",
            "since": "2026-11-29T10:00:00Z",
            "release": None,
            "available": None,
            "reason": None,
            "strategy": "rollout",
            "max_parallel": 1,
            "held_by": None,
            "machines": [],
        },
    )


def _told() -> dict[str, Metric]:
    """Each family of metrics that the server can tell, by the name of its samples."""
    process = CollectorRegistry()
    ProcessCollector(registry=process)
    PlatformCollector(registry=process)
    families = [*FleetMetrics(_now()).collect(), *Observed().registry.collect(), *process.collect()]
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
    return {f"{family.name}{end}": family for family in families for end in endings.get(family.type, ("",))}


@pytest.mark.parametrize("name", ["rules.yml", "rules_test.yml", "dashboard.json"])
def test_every_metric_that_a_rule_or_the_dashboard_names_is_told(name: str) -> None:
    named = set(_NAME.findall((FOLDER / name).read_text()))
    assert len(named) > 3
    assert named - set(_told()) == set()


def test_every_metric_that_is_told_has_a_line_in_the_page() -> None:
    page = (FOLDER / "README.md").read_text()
    words = {name.strip("`").partition("{")[0] for name in re.findall(r"`[a-z_*]+(?:\{[^}]*\})?`", page)}
    for name, family in _told().items():
        base = family.name if family.type == "histogram" else name
        ends = [base[at:] for at in range(len(base)) if base[at] == "_"]
        assert base in words or ("process_*" in words and base.startswith("process_")) or words & set(ends), base


def test_a_family_without_kubernetes_leases_or_summary_is_left_out() -> None:
    bare = replace(_now(), kubernetes=KubernetesView(), leases=None, summary=None)
    names = {family.name for family in FleetMetrics(bare).collect()}
    assert not [name for name in names if name.startswith(("kboot_kubernetes", "kboot_leases", "kboot_certificate"))]


def test_the_rules_fire_when_they_should_and_stay_quiet_before() -> None:
    for arguments in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]):
        done = _promtool(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    alerts = re.findall(r"alert: (\w+)", (FOLDER / "rules.yml").read_text())
    shown = re.findall(r"alertname: (\w+)", (FOLDER / "rules_test.yml").read_text())
    assert set(alerts) == set(shown)


def test_the_scrape_example_and_the_dashboard_read() -> None:
    assert _promtool("check", "config", "--syntax-only", "prometheus.yml").returncode == 0
    board = json.loads((FOLDER / "dashboard.json").read_text())
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places) > 10
    assert len({panel["id"] for panel in board["panels"]}) == len(places)
