"""The registry: a name and a port of its own."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import accepted, refusal, with_block


@pytest.mark.parametrize(("port", "what"), [(53, "DNS"), (80, "HTTP"), (443, "HTTPS")])
def test_a_port_that_another_service_has_is_refused_where_it_stands(port: int, what: str) -> None:
    text = with_block("registry", f"registry: {{port: {port}}}\n")
    said = refusal(text)
    assert said.startswith(f"rack.yaml:14:18: registry.port: {what}")
    assert f"has port {port} on the bootstrapper" in said


@pytest.mark.parametrize(
    ("domain", "whose"),
    [
        ("localhost", "each machine itself"),
        ("node1.ail.example.com", "the machine node1"),
        ("api", "the name of the API server"),
        ("api.ail.example.com", "the name of the API server"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_where_it_stands(domain: str, whose: str) -> None:
    said = refusal(with_block("registry", f"registry: {{domain: {domain}}}\n"))
    assert said.startswith(f"rack.yaml:14:20: registry.domain: `{domain}` is {whose}, and the registry is")


def test_a_name_and_a_port_of_its_own_pass() -> None:
    registry = accepted(with_block("registry", "registry: {domain: images.example.com, port: 5443}\n")).registry
    assert (registry.domain, registry.port) == ("images.example.com", 5443)
