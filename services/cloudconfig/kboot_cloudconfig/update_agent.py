"""Answers the update agent of an installed machine: wait, look for a release now, or reboot into it."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated

from fastapi import Request
from pydantic import Field

from kboot_clusterdesc import EventKind, Mac, Phase

from . import guard
from . import machine as life
from .api import AgentAnswer
from .body import Body
from .caller import ReporterMac, ServedFleet, ask_of, parsed, small_body
from .disk_boot import runs_what_was_before, told_boot
from .fleet import Fleet
from .presence import RUNS
from .problem import ProblemError
from .report_tokens import report_tokens
from .rollout import Stage, told_to_reboot
from .rollout_answer import Action, Rules, action_for
from .rollout_view import AgentState, Word
from .update_history import Entry, installed
from .update_step import Step
from .update_steps import note_step
from .update_window import is_open, zone_of


class AgentWord(Body):
    """The body of an agent's word."""

    state: AgentState
    version: Annotated[str, Field(max_length=60)]
    boot: Annotated[str, Field(pattern=r"^[0-9a-f-]{8,64}$", description="/proc/sys/kernel/random/boot_id")]


async def take_word(request: Request, fleet: ServedFleet, mac: ReporterMac) -> AgentAnswer:
    """Take the word of a machine's agent, and answer what it is to do; 403 where the token is wrong."""
    own = fleet.addresses_of(fleet.node(mac))
    ask = ask_of(request)
    body = await small_body(request)
    refusal = guard.refusal_of_report(ask, Phase.RUNNING, fleet.machine(mac), own, report_tokens(fleet, mac))
    if refusal is not None:
        fleet.refuse(mac, ask.address, str(refusal), request.url.path)
        raise ProblemError(403, f"refused: {refusal}")
    said = parsed(AgentWord, body)
    fleet.hear(mac)
    fleet.updates.note_address(mac, ask.address)
    word = Word(said.state, said.version, said.boot, fleet.now())
    fleet.rollouts.words[mac] = word
    _note_running(fleet, mac, word, ask.address)
    return {"action": _action(fleet, mac, word).value}


def _note_running(fleet: Fleet, mac: Mac, word: Word, address: IPv4Address | None) -> None:
    """Keep that a machine runs from its disk, where its state says otherwise: disarmed, lost, or an old copy.

    It reports that at its next boot alone: it would be in no rollout until then, and armed, the boot would install it.
    """
    machine = fleet.machine(mac)
    if runs_what_was_before(machine):
        fleet.keep(machine, told_boot(machine, None, word.version, word.at), address)
        fleet.tell(EventKind.DISARMED, mac, address)
    elif not machine.armed and machine.phase not in RUNS:
        seen = life.booted_from_disk(machine, machine.config, word.version, word.at, remark=machine.remark)
        fleet.keep(machine, seen, address)


def _action(fleet: Fleet, mac: Mac, word: Word) -> Action:
    os, rollout, now = fleet.desc().os, fleet.rollouts.rollout, fleet.now()
    if not os.update.enabled or fleet.machine(mac).armed:
        return Action.WAIT
    rules = Rules(os.update.reboot_strategy, is_open(os.update.window, zone_of(os.timezone), now))
    history = fleet.updates.history(mac)
    staged = installed(history)
    action = action_for(rules, rollout, fleet.rollouts.hold(now), mac, word, staged)
    if action is Action.RESET and (not history or history[-1].step is not Step.DROPPED):
        note_step(fleet, mac, Entry(now, Step.DROPPED, word.version, staged or "", is_reported=True), None)
    course = rollout.courses.get(mac)
    if action is Action.REBOOT and course is not None and course.stage is Stage.DRAINING:
        fleet.rollouts.keep(told_to_reboot(rollout, mac, now))
        fleet.tell(EventKind.ROLLOUT, mac, release=rollout.release or "", what=Stage.REBOOTING.value)
    return action
