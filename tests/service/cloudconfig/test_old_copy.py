"""The word of a running machine's agent, where an old copy of the state has the machine as never installed."""

from __future__ import annotations

from .conftest import NODE1, Server


def tell(server: Server, token: str) -> int:
    """Have the agent tell that it has nothing to do; how that was answered."""
    body = {"state": "idle", "version": "3976.0.0", "boot": "0b" * 16}
    path = f"/v1/nodes/{NODE1}/update"
    return server.ask("POST", path, who=NODE1, tls=True, token=token, body=body).status_code


def told(server: Server) -> list[str]:
    """The machines of which it was told that they are disarmed."""
    return [event["mac"] for event in server.events() if event["kind"] == "disarmed"]


def test_a_machine_that_runs_is_not_armed_by_a_state_that_has_it_as_declared_alone(server: Server) -> None:
    assert "kernel http" in server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1).text
    assert tell(server, "another") == 403
    assert server.node(NODE1)["armed"] is True
    assert tell(server, server.secrets.report_tokens[NODE1]) == 200
    node = server.node(NODE1)
    assert (node["phase"], node["armed"], node["version"]) == ("running", False, "3976.0.0")
    assert told(server) == [NODE1]
    assert "kernel http" not in server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1).text


def test_the_word_of_its_agent_takes_no_arming_of_the_operators_back(server: Server) -> None:
    token = server.secrets.report_tokens[NODE1]
    assert server.arm(NODE1).status_code == 200
    assert (tell(server, token), server.node(NODE1)["armed"]) == (200, True)
    server.install(NODE1)
    server.report(NODE1, "running", token, version="3975.2.0")
    assert server.arm(NODE1).status_code == 200
    assert (tell(server, token), server.node(NODE1)["armed"], told(server)) == (200, True, [])
