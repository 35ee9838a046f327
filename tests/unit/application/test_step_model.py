# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every point at which a rollout can be disturbed, in the model of `step_model`: after each effect no fewer instances serve than
a batch leaves, nothing dangles, no instance is stopped under its clients, and the next run converges."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import rollout, step_state

from ..step_model import Run, Stopped, World, advance, count_effects

FLEETS = [
    pytest.param({"app1": 2, "app2": 1}, ("lb",), 1, id="one proxy"),
    pytest.param({"app1": 2, "app2": 2}, ("lb1", "lb2"), 2, id="two proxies and a batch of two"),
]


def begun(world, desired, count, name="first"):
    """A run that has had so many effects, and is killed after them. Its generator."""
    run = Run(world, name, desired)
    effects = run.play()
    advance(effects, world, count)
    return run, effects


def killed(world, desired, count, name="first", gives_back=False):
    """Kills a run after so many effects. `gives_back`: it was interrupted once, and gave its locks back."""
    run, effects = begun(world, desired, count, name)
    effects.close()
    world.dead.add(name)
    if gives_back:
        world.locks.update({host: "" for host, holder in world.locks.items() if holder == name})
    return run


def assert_converges(world, desired, name="last"):
    """The next run ends well, and leaves the fleet as it should be."""
    world.meddled.clear()
    error = advance(Run(world, name, desired).play(), world)
    assert error is None, f"{error}: {world}"
    assert world.faults() == []
    assert {now["current"] for now in world.instances.values()} == {desired}


def assert_stops_whole(world, desired, name="last"):
    """The next run brings a broken release: it stops, and every instance serves."""
    assert isinstance(advance(Run(world, name, desired).play(), world), Stopped)
    assert world.faults() == []
    assert desired not in {now["current"] for now in world.instances.values()}


def points(hosts, proxies, batch, desired):
    """The numbers of effects after which a run can be disturbed."""
    return range(1, count_effects(World(hosts, proxies, batch=batch), desired) + 1)


def test_an_undisturbed_run_converges_and_a_second_one_has_nothing_to_do():
    world = World({"app1": 2, "app2": 1})
    assert_converges(world, "new-1", "first")
    assert count_effects(world, "new-1") == 2 * len(world.locks), "locks alone"
    assert_stops_whole(world, "broken-1")


@pytest.mark.parametrize(("hosts", "proxies", "batch"), FLEETS)
@pytest.mark.parametrize("first", ["new-1", "broken-1"])
@pytest.mark.parametrize("gives_back", [False, True], ids=["interrupted twice, or without a terminal", "interrupted once"])
def test_the_run_after_one_that_was_killed_anywhere_converges(hosts, proxies, batch, first, gives_back):
    """With the same release, a fixed one, or a rollback; and where it brings a broken one, every instance serves in the end."""
    for count in points(hosts, proxies, batch, first):
        for second in ("new-1", "fixed-1", "old-1", "broken-1", "broken-2"):
            world = World(hosts, proxies, batch=batch)
            killed(world, first, count, gives_back=gives_back)
            (assert_stops_whole if second.startswith("broken") else assert_converges)(world, second)


@pytest.mark.long
@pytest.mark.parametrize("first", ["new-1", "broken-1"])
@pytest.mark.parametrize("second", ["new-1", "fixed-1", "broken-1"])
def test_the_run_after_two_that_were_killed_anywhere_converges(first, second):
    hosts = {"app1": 2, "app2": 1}
    for count in points(hosts, ("lb",), 1, first):
        world = World(hosts)
        killed(world, first, count)
        for again in range(1, count_effects(world, second) + 1):
            later = world.copied()
            killed(later, second, again, "second")
            assert_converges(later, "fixed-1")


@pytest.mark.parametrize(("first", "second"), [("new-1", "new-1"), ("broken-1", "fixed-1"), ("new-1", "broken-1")])
def test_a_module_that_outlives_its_controller_changes_nothing_under_the_next_run(first, second):
    """The connection is half open: the module goes on for a while, before and during the next run. Its lock went to the next run."""
    hosts = {"app1": 2, "app2": 1}
    for count, before, during in itertools.product(points(hosts, ("lb",), 1, first), (0, 3), (1, 4, 9)):
        world = World(hosts)
        run, effects = begun(world, first, count)
        module = run.at_work
        if module is None:
            continue
        world.dead.add("first")
        advance(module, world, before) if before else None
        last = Run(world, "last", second)
        ending = last.play()
        advance(ending, world, during)
        advance(module, world)
        effects.close()
        error = advance(ending, world)
        if second.startswith("broken"):
            assert isinstance(error, Stopped)
            assert world.faults() == []
        else:
            assert error is None and world.faults() == [], f"{count} {before} {during}: {error} {world}"
            assert {now["current"] for now in world.instances.values()} == {second}


def test_two_runs_at_once_never_hold_one_lock_and_one_of_them_touches_nothing():
    hosts = {"app1": 1, "app2": 1}
    total = count_effects(World(hosts), "new-1")
    for begin, pause in itertools.product(range(1, total + 1), (1, 2, 5)):
        world = World(hosts)
        first, second = Run(world, "first", "new-1"), Run(world, "second", "other-1")
        effects = {"first": first.play(), "second": second.play()}
        errors = {"first": advance(effects["first"], world, begin)}
        while len(errors) < 2 or any(effects.values()):
            for name in ("second", "first"):
                if effects[name]:
                    before = next_number(effects[name], pause, world)
                    if before is not None:
                        errors[name], effects[name] = before, None
            errors.setdefault("second", None)
        assert world.faults() == []
        assert sum(isinstance(error, Stopped) for error in errors.values()) <= 1
        # Whoever came first goes through with it; the other one may only begin after it.
        assert {now["current"] for now in world.instances.values()} in ({"new-1"}, {"other-1"})


def next_number(effects, count, world):
    """Lets a run have some effects. Its error, `False` where it has ended well, or None where it goes on."""
    try:
        for _number in range(count):
            next(effects)
            world.check()
    except StopIteration:
        return False
    except Stopped as error:
        return error
    return None


@pytest.mark.parametrize("comes_back", [True, False], ids=["it is back for the next run", "it is lost for the next run too"])
@pytest.mark.parametrize("first", ["new-1", "broken-1"])
def test_a_host_that_is_lost_or_paused_anywhere_stops_the_rollout_and_the_next_run_converges(first, comes_back):
    hosts = {"app1": 2, "app2": 1}
    for count, host in itertools.product(range(0, len(points(hosts, ("lb",), 1, first)) + 1), hosts):
        world = World(hosts)
        effects = Run(world, "first", first).play()
        if count:
            advance(effects, world, count)
        world.away.add(host)
        advance(effects, world)
        world.dead.add("first")
        if not comes_back:
            assert isinstance(advance(Run(world, "second", "fixed-1").play(), world), Stopped)
            world.dead.add("second")
        world.away.clear()
        assert_converges(world, "fixed-1")


@pytest.mark.parametrize("comes_back", [True, False], ids=["it is back for the next run", "it is lost for the next run too"])
@pytest.mark.parametrize("forgets", [True, False], ids=["it has forgotten its states", "it kept its states"])
def test_a_proxy_that_is_lost_anywhere_leaves_nothing_drained_at_the_other_and_the_next_run_converges(comes_back, forgets):
    hosts, proxies = {"app1": 2, "app2": 1}, ("lb1", "lb2")
    for count in range(0, len(points(hosts, proxies, 1, "new-1")) + 1):
        world = World(hosts, proxies)
        effects = Run(world, "first", "new-1").play()
        if count:
            advance(effects, world, count)
        world.away.add("lb1")
        error = advance(effects, world)
        if error:
            assert set(world.proxies["lb2"].values()) == {"ready"}, f"{count}: {world}"
        if forgets:
            world.proxies["lb1"] = dict.fromkeys(world.instances, "ready")
        if not comes_back:
            advance(Run(world, "second", "new-1").play(), world)
            assert set(world.proxies["lb2"].values()) == {"ready"}
        world.away.clear()
        world.meddled.add("lb1")
        # What it kept drained is put back by the run that finds it so (`xitrum.host.proxy_server` reads it before a rollout).
        if not forgets:
            world.proxies["lb1"] = dict.fromkeys(world.instances, "ready")
        assert_converges(world, "fixed-1")


@pytest.mark.parametrize("meddle", ["restarted", "set back"])
@pytest.mark.parametrize("first", ["new-1", "broken-1"])
def test_a_proxy_that_was_restarted_or_set_back_anywhere_keeps_no_run_from_converging(first, meddle):
    hosts = {"app1": 2, "app2": 1}
    for count in points(hosts, ("lb",), 1, first):
        for goes_on in (True, False):
            world = World(hosts)
            _run, effects = begun(world, first, count)
            world.meddled.add("lb")
            drained = [key for key, state in world.proxies["lb"].items() if state != "ready"]
            world.proxies["lb"].update(dict.fromkeys(world.instances if meddle == "restarted" else drained, "ready"))
            if goes_on:
                advance(effects, world)
            else:
                effects.close()
            world.dead.add("first")
            assert_converges(world, "fixed-1")


def wait_for_all(record, observed, interrupted=False):
    """The recovery of before: everything that runs is put back, and waited for."""
    return {index: "enable" if interrupted and now["running"] else "start" if not now["running"] else "" for index, now in observed.items()}


@pytest.mark.parametrize(("part", "name", "worse", "test"), [
    (step_state, "plan_recovery", wait_for_all,
     lambda: test_the_run_after_one_that_was_killed_anywhere_converges({"app1": 2, "app2": 1}, ("lb",), 1, "broken-1", False)),
    (step_state, "return_folder", lambda _record, _index, current: current,
     lambda: test_the_run_after_one_that_was_killed_anywhere_converges({"app1": 2, "app2": 1}, ("lb",), 1, "broken-1", False)),
    (step_state, "finish", lambda record, _index: record,
     lambda: test_the_run_after_one_that_was_killed_anywhere_converges({"app1": 2, "app2": 1}, ("lb",), 1, "new-1", False)),
    (rollout, "plan_batches", lambda due, batch=1, strategy="", sick=(), plan=rollout.plan_batches: plan(due, batch, strategy),
     lambda: test_the_run_after_one_that_was_killed_anywhere_converges({"app1": 2, "app2": 1}, ("lb",), 1, "new-1", False)),
    (Run, "act", lambda run, key: run.reach(key[0]),
     lambda: test_a_module_that_outlives_its_controller_changes_nothing_under_the_next_run("broken-1", "fixed-1")),
    (Run, "drain", lambda _run, _key, lenient=False: iter(()),
     test_an_undisturbed_run_converges_and_a_second_one_has_nothing_to_do),
], ids=["recovery", "way back", "end of a step", "order", "fence", "drain"])
def test_the_model_finds_the_fault_that_each_part_prevents(monkeypatch, part, name, worse, test):
    monkeypatch.setattr(part, name, worse)
    with pytest.raises((AssertionError, ValueError)):
        test()
