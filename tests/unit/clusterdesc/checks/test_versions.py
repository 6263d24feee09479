"""Releases: what the OS family, its release and the Kubernetes version can do together."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import dump, load_text
from unit.clusterdesc.sample import (
    accepted,
    kubernetes,
    os,
    place,
    refusal,
    refused_keys,
    spoilt,
)


def test_ignition_v3_is_refused_for_a_release_that_does_not_read_it() -> None:
    text = spoilt(("version: current}", "version: 2905.2.6, config: ignition}"))
    said = refusal(text)
    assert said.startswith(f"{place(text, '2905')}: os.version: Ignition v3 needs release 3185.0.0 or newer")
    assert "config: cloud-config" in said


@pytest.mark.parametrize(
    "fields",
    [
        "version: 3510.2.1, config: ignition",
        "version: 3185.0.0, config: ignition",
        "version: 2905.2.6, config: cloud-config",
        "version: 10000.0.0+nightly-1",
    ],
)
def test_releases_that_read_their_config_pass(fields: str) -> None:
    accepted(os(fields))


def test_the_coreos_family_takes_cloud_config_alone() -> None:
    assert refused_keys(os("family: coreos")) == ["os.config"]
    accepted(os("family: coreos, config: cloud-config"))


def test_etcd_lock_is_for_the_coreos_family_alone() -> None:
    assert refused_keys(os("update: {reboot_strategy: etcd-lock}")) == ["os.update.reboot_strategy"]


def test_etcd_lock_wants_an_etcd_that_has_its_api_still() -> None:
    locked = os("family: coreos, config: cloud-config, update: {payload_key: k.pem, reboot_strategy: etcd-lock}")
    assert refused_keys(locked) == ["os.update.reboot_strategy"]
    assert refused_keys(f'{locked}images: {{etcd: "etcd:v3.6.0"}}\n') == ["os.update.reboot_strategy"]
    accepted(f'{locked}images: {{etcd: "registry.k8s.io/etcd:3.5.21-0"}}\n')


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reboot_strategy", "reboot"),
        ("window", '{start: "03:00", length: 3h}'),
        ("max_parallel", "2"),
        ("checks", '["http://shop.example.com/healthz"]'),
        ("extensions", "[zfs]"),
    ],
)
def test_how_machines_are_updated_is_refused_where_nobody_publishes_payloads(key: str, value: str) -> None:
    coreos = "family: coreos, config: cloud-config"
    text = os(f"{coreos}, update: {{{key}: {value}}}")
    assert refused_keys(text) == [f"os.update.{key}"]
    assert "nobody publishes update payloads of the coreos family, so no machine would ever be updated" in refusal(text)
    accepted(os(f"{coreos}, update: {{payload_key: k.pem, {key}: {value}}}"))
    accepted(os(f"{coreos}, update: {{enabled: false, {key}: {value}}}"))
    accepted(os(f"update: {{{key}: {value}}}"))


def test_the_copy_in_force_of_a_cluster_that_says_nothing_of_updates_is_accepted() -> None:
    desc = accepted(os("family: coreos, config: cloud-config"))
    assert load_text(dump(desc).decode(), "clusterdesc.yaml") == desc, "which has all defaults written out"


def test_a_strategy_that_reboots_nobody_needs_no_payloads() -> None:
    accepted(os('family: coreos, config: cloud-config, update: {reboot_strategy: "off"}'))


@pytest.mark.parametrize("version", ["v1.32.9", "v1.37.0"])
def test_a_kubernetes_that_kboot_does_not_set_up_is_refused(version: str) -> None:
    assert refused_keys(kubernetes(f"version: {version}")) == ["kubernetes.version"]


@pytest.mark.parametrize("version", ["1.36.2", "v1.36", "latest"])
def test_a_kubernetes_version_has_its_syntax(version: str) -> None:
    assert refused_keys(kubernetes(f"version: {version}")) == ["kubernetes.version"]


@pytest.mark.parametrize("url", ["http://m.example.com/{chanel}", "http://m.example.com/{", "http://m.example.com/{0}"])
def test_an_unknown_placeholder_of_the_release_url_is_refused(url: str) -> None:
    assert refused_keys(os(f'release_url: "{url}"')) == ["os.release_url"]
    assert refused_keys(os(f'update: {{payload_url: "{url}"}}')) == ["os.update.payload_url"]
    accepted(
        os(
            'release_url: "http://m.example.com/{channel}/{board}", update: {payload_url: "http://p.example.com/{board}"}'
        )
    )
