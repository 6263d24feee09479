"""A rollout under any order of what may happen to machines, to the cluster, to the server and by the operator."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kboot_cloudconfig.rollout import DOWN, Stage, State, paused, resumed, started, taken_up
from kboot_cloudconfig.rollout_answer import Action, offered_release
from kboot_cloudconfig.rollout_record import rollout_as_json, rollout_from_json
from kboot_clusterdesc import Role
from kboot_clusterdesc.roll_order import is_counted
from support.played_rack import NEW, NEWER, OLD, PE, E, P, PlayedRack, W

_RELEASES = [OLD, NEW, NEWER]
_numbers = st.integers(0, 5)


class RolloutLife(RuleBasedStateMachine):
    """Six machines; each rule is one thing that happens, each invariant what holds after any of them."""

    @initialize(
        roles=st.permutations([W, W, W, PE, P, E]) | st.just([W] * 6),
        most=st.integers(1, 3),
        has_kubernetes=st.booleans(),
    )
    def begin(self, roles: list[tuple[Role, ...]], most: int, has_kubernetes: bool) -> None:
        self.rack = PlayedRack.of(*roles, max_parallel=most, has_kubernetes=has_kubernetes)
        self.rack.pass_minute()
        self.failed: set[tuple[str, str]] = set()  # machine and release, until the operator lets it try again
        self.most = most  # that ever might be down at once

    @rule(number=_numbers, seconds=st.sampled_from([0, 5, 60, 400, 4000]))
    def a_machine_asks(self, number: int, seconds: int) -> None:
        rack = self.rack
        rack.now += timedelta(seconds=seconds)
        mac = list(rack.machines)[number]
        before = rack.rollout
        others_down = [each for each in before.at(*DOWN) if each != mac]
        fetched = rack.machines[mac].fetched
        action = rack.ask(mac)
        if action is Action.REBOOT:
            roles = rack.machines[mac].roles
            assert fetched == before.release
            assert len(others_down) < self.most
            assert not (others_down and is_counted(roles))
            assert not any(is_counted(rack.machines[each].roles) for each in others_down)
            if before.courses[mac].stage is not Stage.REBOOTING:  # else the answer before was lost
                assert before.state is State.RUNNING
                assert len(others_down) < rack.max_parallel
        if action is Action.CHECK:
            assert (rack.machines[mac].name, rack.machines[mac].fetched) not in self.failed
        self._look()

    @rule(minutes=st.integers(1, 15))
    def minutes_pass(self, minutes: int) -> None:
        for _ in range(minutes):
            self.rack.now += timedelta(minutes=1)
            for number in range(len(self.rack.machines)):
                self.a_machine_asks(number, 0)

    @rule()
    def the_server_looks(self) -> None:
        self._look()

    @rule(hours=st.sampled_from([0, 30]))
    def the_server_begins_anew_with_what_was_kept(self, hours: int) -> None:
        self.rack.now += timedelta(hours=hours)
        self.rack.rollout = taken_up(rollout_from_json(rollout_as_json(self.rack.rollout)), self.rack.now)
        self.rack.outcomes = {}
        for machine in self.rack.machines.values():
            machine.word = None
        self._look()

    @rule(number=_numbers, falls_back=st.booleans(), stays_off=st.booleans())
    def a_machine_takes_the_next_release_otherwise(self, number: int, falls_back: bool, stays_off: bool) -> None:
        self.rack.but(f"m{number}", falls_back=falls_back, stays_off=stays_off)

    @rule(number=_numbers, trouble=st.sampled_from([None, "its node is not Ready"]))
    def a_node_is_well_or_not(self, number: int, trouble: str | None) -> None:
        self.rack.but(f"m{number}", trouble=trouble)

    @rule(number=_numbers, release=st.sampled_from([NEW, NEWER]))
    def a_machine_that_is_not_under_way_fetched_a_release_before(self, number: int, release: str) -> None:
        machine, mac = self.rack.named(f"m{number}"), self.rack.mac(f"m{number}")
        if mac not in self.rack.rollout.at(Stage.OFFERED, *DOWN) and machine.version < release:
            machine.fetched = release

    @rule(number=_numbers)
    def the_power_of_a_machine_fails_for_a_moment(self, number: int) -> None:
        machine = self.rack.named(f"m{number}")
        if not machine.is_off:
            machine.reboot()

    @rule(number=_numbers)
    def somebody_switches_a_machine_on(self, number: int) -> None:
        self.rack.but(f"m{number}", is_off=False)

    @rule(number=_numbers, is_part=st.booleans())
    def the_operator_arms_a_machine_or_it_is_installed(self, number: int, is_part: bool) -> None:
        self.rack.but(f"m{number}", is_part=is_part)

    @rule(number=_numbers, is_blocked=st.booleans())
    def a_budget_holds_pods_or_lets_them_go(self, number: int, is_blocked: bool) -> None:
        mac = self.rack.mac(f"m{number}")
        self.rack.blocked = {mac: "default/web-0: waits"} if is_blocked else {}

    @rule(trouble=st.sampled_from([None, "the etcd member m5: does not answer"]))
    def etcd_is_well_or_not(self, trouble: str | None) -> None:
        self.rack.trouble = trouble

    @rule(is_open=st.booleans(), is_wanted=st.booleans(), release=st.sampled_from(_RELEASES))
    def the_description_or_the_release_changes(self, is_open: bool, is_wanted: bool, release: str) -> None:
        self.rack.is_open, self.rack.is_wanted, self.rack.release = is_open, is_wanted, release

    @rule(most=st.integers(1, 3))
    def the_operator_changes_how_many_may_be_down(self, most: int) -> None:
        self.rack.max_parallel, self.most = most, max(most, self.most)
        self._look()

    @rule()
    def the_operator_pauses(self) -> None:
        self.rack.rollout = paused(self.rack.rollout, self.rack.now)

    @precondition(lambda self: self.rack.rollout.state in (State.PAUSED, State.HALTED))
    @rule(numbers=st.sets(_numbers))
    def the_operator_resumes(self, numbers: set[int]) -> None:
        again = [self.rack.mac(f"m{number}") for number in numbers]
        self.rack.rollout = resumed(self.rack.rollout, again, self.rack.now)
        self.failed = {each for each in self.failed if int(each[0][1:]) not in numbers}
        self._look()

    @rule()
    def the_operator_starts(self) -> None:
        if self.rack.release is not None:
            self.rack.rollout = started(self.rack.rollout, self.rack.release, self.rack.now)
        self._look()

    def _look(self) -> None:
        rack, before = self.rack, self.rack.rollout
        rack.look()
        rack.work()
        after = rack.rollout
        for mac, course in after.courses.items():
            was = before.courses.get(mac)
            if course.stage is Stage.FAILED and (was is None or was.stage is not Stage.FAILED):
                self.failed.add((rack.machines[mac].name, after.release or ""))
                assert after.state is State.HALTED
            if course.stage is Stage.OFFERED and (was is None or was.stage is not Stage.OFFERED):
                assert after.state is State.RUNNING
                assert (rack.is_open, rack.is_wanted, rack.trouble) == (True, True, None)
                assert rack.machines[mac].is_part

    @invariant()
    def two_on_which_the_cluster_counts_are_never_under_way_together(self) -> None:
        rack = self.rack
        under_way = rack.rollout.at(Stage.OFFERED, *DOWN)
        counted = [mac for mac in under_way if is_counted(rack.machines[mac].roles)]
        assert len(under_way) <= (1 if counted else self.most)

    @invariant()
    def nobody_is_drained_beside_as_many_as_may_be_down(self) -> None:
        rollout = self.rack.rollout
        if rollout.at(Stage.DRAINING):
            assert len(rollout.at(*DOWN)) <= self.rack.max_parallel

    @invariant()
    def no_more_are_under_way_than_the_canary_before_it_is_well(self) -> None:
        rollout = self.rack.rollout
        if not rollout.has_canary and rollout.state is State.RUNNING:
            assert len(rollout.at(Stage.OFFERED, *DOWN)) <= 1

    @invariant()
    def what_failed_is_not_offered_again(self) -> None:
        rollout = self.rack.rollout
        for mac, machine in self.rack.machines.items():
            assert (machine.name, offered_release(rollout, None, mac)) not in self.failed

    @invariant()
    def who_halted_begins_with_nobody_and_says_why(self) -> None:
        rollout = self.rack.rollout
        if rollout.state is State.HALTED:
            assert rollout.reason
            assert not rollout.at(Stage.OFFERED, Stage.DRAINING)

    @invariant()
    def a_cordoned_node_is_known_to_be_ours(self) -> None:
        for mac, machine in self.rack.machines.items():
            if machine.is_cordoned:
                assert self.rack.rollout.courses[mac].is_marked


TestRolloutLife = RolloutLife.TestCase
TestRolloutLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
