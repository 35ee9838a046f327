# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model of a fleet, and of a run that rolls a release out on it.

Instances, proxies, locks and records are dictionaries. What a run does is a generator that stops before each effect, so that
a test can kill it there, let something else happen, or let another run go on. The transitions of a step, what is done about
those of another run, and the order of the steps are the collection's own functions.
"""

from __future__ import annotations

import copy

from ansible_collections.xitrum.host.plugins.module_utils.application import rollout, step_state


class Stopped(Exception):
    """A run does not go on: a release is not healthy, a host or a proxy is away, or the lock is another run's."""


class World:
    """The fleet. `hosts`: host to the number of its instances. `proxies`: their names."""

    def __init__(self, hosts, proxies=("lb",), folder="old-1", batch=1):
        self.instances = {(host, index): {"current": folder, "running": True} for host, count in hosts.items() for index in range(count)}
        self.folders = {key: {folder} for key in self.instances}
        self.proxies = {name: dict.fromkeys(self.instances, "ready") for name in proxies}
        self.records = {host: {} for host in hosts}
        self.locks = dict.fromkeys(hosts, "")
        self.batch = batch
        #: Hosts and proxies that cannot be reached, and runs whose controller is known to be gone.
        self.away, self.dead = set(), set()
        #: Proxies whose states something else has changed: an instance may be stopped while they send requests there.
        self.meddled = set()

    def healthy(self, key):
        """Whether an instance answers as it should."""
        now = self.instances[key]
        return now["running"] and not now["current"].startswith("broken")

    def serving(self, name):
        """The instances that serve at a proxy."""
        return {key for key, state in self.proxies[name].items() if state == "ready" and self.healthy(key)}

    def read(self, host, desired):
        """What a run reads of a host: index to what `step_state` needs, and the folder to go back to."""
        found, record = {}, self.records[host]
        for key, now in self.instances.items():
            if key[0] == host:
                left = step_state.is_unverified(record, key[1], now["current"]) and not self.healthy(key)
                stopped = not now["running"] and step_state.was_stopped(record, key[1])
                found[key[1]] = {
                    "running": now["running"], "healthy": self.healthy(key) if now["running"] else None, "current": now["current"],
                    "restart_reasons": (now["running"] and (now["current"] != desired or left)) or stopped,
                    "back": step_state.return_folder(record, key[1], now["current"])}
        return found

    def check(self):
        """What holds after each effect, whatever happens: no fewer instances serve than a batch leaves, and nothing dangles."""
        for name in set(self.proxies) - self.away - self.meddled:
            missing = set(self.instances) - self.serving(name)
            lost = {key for key in missing if key[0] in self.away}
            assert len(missing - lost) <= self.batch, f"{sorted(missing)} do not serve at {name}, the batch is {self.batch}: {self}"
        for key, now in self.instances.items():
            assert now["current"] in self.folders[key], f"{key} leads to {now['current']}, which is not there"

    def faults(self):
        """Why the fleet is not as a run that has ended leaves it; none where it is."""
        found = [f"{host} is locked by {lock}" for host, lock in self.locks.items() if lock]
        found += [f"{host} has the record {record}" for host, record in self.records.items() if record]
        found += [f"{key} is {state} at {name}" for name, states in self.proxies.items() for key, state in states.items() if state != "ready"]
        return found + [f"{key} is not healthy" for key in self.instances if not self.healthy(key)]

    def copied(self):
        """Another fleet like this one."""
        return copy.deepcopy(self)

    def __str__(self):
        return f"{self.instances} {self.proxies} {self.records} {self.locks}"


class Run:
    """A run that brings a folder to all instances. Each generator yields before each of its effects what that is."""

    def __init__(self, world, name, desired):
        self.world, self.name, self.desired = world, name, desired
        self.interrupted, self.enabled = False, set()
        #: The module that is at work on a host: it may outlive the controller.
        self.at_work = None

    def play(self):
        """The whole run. Raises Stopped where it does not go on, after it has given its locks back."""
        error = None
        try:
            yield from self.lock()
            yield from self.recover()
            yield from self.roll()
        except Stopped as why:
            error = why
        yield from self.release()
        if error:
            raise error

    # ------------------------------------------------------------------------------------------------------- locks

    def lock(self):
        world = self.world
        for host in world.locks:
            yield f"lock {host}"
            self.reach(host)
            holder = world.locks[host]
            if holder and holder not in world.dead:
                raise Stopped(f"{host} is locked by {holder}")
            self.interrupted |= bool(holder)
            world.locks[host] = self.name

    def release(self):
        for host, holder in self.world.locks.items():
            if holder == self.name and host not in self.world.away:
                yield f"release {host}"
                if self.world.locks[host] == self.name:
                    self.world.locks[host] = ""

    def reach(self, host):
        if host in self.world.away:
            raise Stopped(f"{host} was lost")

    def act(self, key):
        """What each effect on a host goes through: it can be reached, and its lock is this run's (the fence)."""
        self.reach(key[0])
        if self.world.locks[key[0]] != self.name:
            raise Stopped(f"{key[0]} is no longer locked by {self.name}")

    # --------------------------------------------------------------------------------------------------- one host

    def note(self, key, state, folder=None):
        yield f"record that {key} is {state}"
        self.act(key)
        current = self.world.instances[key]["current"]
        self.world.records[key[0]] = step_state.advance(self.world.records[key[0]], key[1], state, current, folder)

    def finish(self, key):
        yield f"record that {key} is in no step"
        self.act(key)
        self.world.records[key[0]] = step_state.finish(self.world.records[key[0]], key[1])

    def stop(self, key):
        yield f"stop {key}"
        self.act(key)
        for name in set(self.world.proxies) - self.world.away - self.world.meddled:
            drained = self.world.proxies[name][key] != "ready"
            assert drained or not self.world.healthy(key), f"{key} is stopped while {name} sends requests there: {self.world}"
        self.world.instances[key]["running"] = False

    def launch(self, key, folder):
        """As `launch` and `verify_healthy` of service.py."""
        yield from self.note(key, "stopped", folder)
        yield from self.note(key, "switched", folder)
        yield f"switch {key}"
        self.act(key)
        self.world.folders[key].add(folder)
        self.world.instances[key]["current"] = folder
        yield from self.note(key, "started")
        yield f"start {key}"
        self.act(key)
        self.world.instances[key]["running"] = True
        yield from self.note(key, "healthy")
        yield f"wait for {key}"
        self.act(key)
        if not self.world.healthy(key):
            raise Stopped(f"{key} is not healthy")
        yield from self.note(key, "enabled")

    def restart(self, key, folder):
        """As `apply` of service.py: what does not get healthy goes back within the same module."""
        begun = step_state.find_entry(self.world.records[key[0]], key[1]) is not None
        yield from self.note(key, "stopped", folder)
        yield from self.stop(key)
        current = self.world.instances[key]["current"]
        back = step_state.return_folder(self.world.records[key[0]], key[1], current)
        try:
            yield from self.launch(key, folder)
        except Stopped:
            if back != self.world.instances[key]["current"]:
                yield from self.note(key, "stopped", back)
                yield from self.stop(key)
                yield from self.launch(key, back)
            raise
        if not begun:
            yield from self.finish(key)

    def verify(self, key):
        """As `verify_running` of service.py."""
        yield f"wait for {key}"
        self.act(key)
        if not self.world.healthy(key):
            raise Stopped(f"{key} is not healthy")
        if step_state.is_unverified(self.world.records[key[0]], key[1], self.world.instances[key]["current"]):
            for state in ("stopped", "started", "healthy", "enabled"):
                yield from self.note(key, state)

    def module(self, effects):
        """The effects of one module, which goes on where its controller is killed and nobody ends it."""
        self.at_work = effects
        yield from effects
        self.at_work = None

    # ------------------------------------------------------------------------------------------------ the proxies

    def set_states(self, key, state, lenient=False):
        for name in self.world.proxies:
            yield f"set {key} to {state} at {name}"
            if name not in self.world.away:
                self.world.proxies[name][key] = state
            elif not lenient:
                raise Stopped(f"proxy {name} was lost")

    def drain(self, key, lenient=False):
        yield from self.module(self.note(key, "drained", self.desired))
        yield from self.set_states(key, "drain", lenient)
        yield from self.set_states(key, "maint", lenient)

    def enable_servers(self, key, lenient=False):
        yield from self.module(self.note(key, "enabled"))
        yield from self.set_states(key, "ready", lenient)
        yield from self.module(self.finish(key))

    # ---------------------------------------------------------------------------------------------------- the plays

    def recover(self):
        """What another run left: recover.yml, and the start of what does not run."""
        for host in self.world.records:
            self.reach(host)
            for index, action in step_state.plan_recovery(self.world.records[host], self.world.read(host, self.desired), self.interrupted).items():
                if action == "start":
                    yield from self.module(self.restart((host, index), self.desired))
        for host in self.world.records:
            actions = step_state.plan_recovery(self.world.records[host], self.world.read(host, self.desired), self.interrupted)
            for index, action in actions.items():
                if action == "enable":
                    yield from self.module(self.verify((host, index)))
                    yield from self.enable_servers((host, index))
                elif action == "enable_now":
                    yield from self.set_states((host, index), "ready")
                    yield from self.module(self.finish((host, index)))

    def roll(self):
        reads = {host: self.world.read(host, self.desired) for host in self.world.records}
        due = {host: [{"index": index} for index, now in found.items() if now["restart_reasons"]] for host, found in reads.items()}
        sick = {(host, index) for host, found in reads.items() for index, now in found.items() if not now["healthy"]}
        for step in rollout.plan_batches(due, self.world.batch, sick=sick):
            keys = [(host, item["index"]) for host, items in step["hosts"].items() for item in items]
            yield from self.step(keys, {key: reads[key[0]][key[1]]["back"] for key in keys})

    def step(self, keys, before):
        """All instances of a step go through each state together; those that fail go back, and the rollout stops."""
        errors, parts = {}, (self.drain, lambda key: self.module(self.restart(key, self.desired)), self.enable)
        for part in parts:
            for key in keys:
                if key not in errors:
                    try:
                        yield from part(key)
                    except Stopped as error:
                        errors[key] = error
        for key in errors:
            yield from self.put_back(key, before[key])
        if errors:
            raise errors[min(errors)]

    def enable(self, key):
        self.enabled.add(key)
        yield from self.enable_servers(key)

    def put_back(self, key, folder):
        """The rescue of a step: what is enabled again is drained first."""
        if key in self.enabled:
            yield from self.drain(key, lenient=True)
        now = self.world.instances[key]
        if now["current"] != folder or not now["running"]:
            yield from self.module(self.restart(key, folder))
        yield from self.enable_servers(key, lenient=True)


def advance(effects, world, count=None):
    """Lets a run or a module have so many effects (None: all), and checks the fleet after each: the error that stopped it, or None."""
    try:
        for number, _effect in enumerate(effects, 1):
            world.check()
            if number == count:
                break
    except Stopped as error:
        world.check()
        return error
    world.check()
    return None


def count_effects(world, desired):
    """How many effects a run has that nothing disturbs."""
    run = Run(world.copied(), "count", desired)
    total = 0
    try:
        for _effect in run.play():
            total += 1
    except Stopped:
        pass
    return total
