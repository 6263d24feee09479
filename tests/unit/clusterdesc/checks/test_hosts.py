"""DNS records of the description: each name once, and none that has its address from elsewhere."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import SAMPLE, accepted, place, refusal, refused_keys, spoilt


def with_hosts(records: str) -> str:
    return spoilt(("  routers:", f"  hosts: {{{records}}}\n  routers:"))


@pytest.mark.parametrize("again", ["PRINTER.ail.example.com", "printer.ail.example.com.", '" printer.ail.example.com"'])
def test_a_name_that_stands_there_twice_in_other_letters_is_refused_at_the_second(again: str) -> None:
    text = with_hosts(f"printer.ail.example.com: 10.10.14.9, {again}: 10.10.14.10")
    said = refusal(text)
    assert said.startswith(f"{place(text, again)}: network.hosts.{again.strip(chr(34))}: is the name `printer.ail.")
    assert "again, the letters differ alone" in said


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("bootstrapper", "the bootstrapper"),
        ("bootstrapper.ail.example.com", "the bootstrapper"),
        ("localhost", "each machine itself"),
        ("api", "the API server"),
    ],
)
def test_a_name_that_is_the_clusters_own_is_refused_for_another_address(name: str, whose: str) -> None:
    said = refusal(with_hosts(f"{name}: 10.10.14.9"))
    assert said.startswith(f"rack.yaml:7:11: network.hosts.{name}: ")
    assert whose in said


def test_the_name_of_the_registry_is_no_other_machines() -> None:
    text = with_hosts("images.ail.example.com: 10.10.14.9").replace("os:", "registry: {domain: images}\nos:")
    assert "is the name of the registry, which is the bootstrapper" in refusal(text)


@pytest.mark.parametrize(
    "records",
    [
        "printer.ail.example.com: 10.10.14.9, printer: 10.10.14.9",
        "bootstrapper.ail.example.com: 10.10.14.253, mirror.example.com: 10.10.14.253",
        "api.ail.example.com: 10.10.14.9",
    ],
)
def test_other_names_and_a_balancers_pass(records: str) -> None:
    assert accepted(with_hosts(records)).network.hosts


def test_a_record_that_is_no_name_is_refused_once() -> None:
    assert refused_keys(with_hosts("10.10.14.9: printer.ail.example.com")) == ["network.hosts.10.10.14.9"] * 2


@pytest.mark.parametrize(
    ("domain", "services"), [("cluster.local", ""), ("rack.cluster.local", ""), ("ail.example.com", "example.com")]
)
def test_machines_are_not_called_by_names_in_the_domain_of_services(domain: str, services: str) -> None:
    text = SAMPLE.replace("domain: ail.example.com", f"domain: {domain}")
    if services:
        text = text.replace("{version: v1.36.2}", f"{{version: v1.36.2, dns_domain: {services}}}")
    said = refusal(text)
    assert said.startswith("rack.yaml:9:")
    assert f"is the domain of Services, and machines are called so ({domain})" in said


def test_the_domain_of_services_may_lie_in_that_of_machines() -> None:
    accepted(SAMPLE.replace("{version: v1.36.2}", "{version: v1.36.2, dns_domain: k8s.ail.example.com}"))
    accepted(SAMPLE.replace("{version: v1.36.2}", "{version: v1.36.2, dns_domain: l.example.com}"))
