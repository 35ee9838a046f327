#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: connection_load
short_description: Open WebSockets against the application, and measure what they cost
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Opens O(connections) WebSockets in a ramp, spread evenly over O(targets), sends a ping over each every O(heartbeat)
    seconds, and counts what becomes of them.
  - Where the open files of one process end it takes several, and where the ports of one address end several addresses.
    More than this host can make is refused before the first connection, with the number that it can and what ends
    first.
  - The load runs in the background and ends by itself when nobody has requested it for 30 seconds, so that nothing is
    left of a run that was interrupted.
  - Nothing of the host's configuration is changed, so it never reports C(changed). In check mode nothing is started.
options:
  state:
    description:
      - V(planned) only reports what it would take. V(held) starts a load and returns once all connections were tried.
        V(ended) holds on until O(seconds) are over, and ends it.
      - V(started), V(polled) and V(stopped) are the single steps of these, which the part on the controller takes.
      - V(measured) reads what the connections cost the processes and the kernel of the host. Two readings show what
        happened in between.
      - V(burst) shows what a backlog is good for when many connect at once. For each of O(backlogs) it listens on a
        free port of 127.0.0.1, connects O(connects) times at once, and accepts only after O(pause) seconds, as an
        application that its garbage collection stops. It counts how many were made at once, how many only by a repeated
        SYN (after a second or more), and how many not at all. It takes a few seconds and leaves nothing.
      - An option that has no meaning for the state is refused.
    type: str
    required: true
    choices: [planned, held, ended, started, polled, stopped, measured, burst]
  run:
    description: The load, as RV(run) of V(held) named it. Required with O(state=ended), O(state=polled) and
      O(state=stopped).
    type: path
  connections:
    description: How many. Only with O(state=planned), O(state=held) or O(state=started). The default is V(1000).
    type: int
  rate:
    description:
      - How many a second.
      - Only with O(state=planned), O(state=held) or O(state=started). The default is V(200).
    type: int
  seconds:
    description:
      - How long they are held after the last was tried.
      - Only with O(state=planned), O(state=held) or O(state=started), and with O(state=ended). The default is V(10).
    type: int
  heartbeat:
    description:
      - Seconds between two pings of a connection.
      - Only with O(state=planned), O(state=held) or O(state=started). The default is V(5).
    type: int
  timeout:
    description:
      - Seconds in which a connection must be open, and a ping be answered. The default is V(10).
      - With O(state=burst), the seconds after which a connect counts as failed. The default is V(8).
    type: int
  path:
    description:
      - The path of a WebSocket of the application.
      - Only with O(state=planned), O(state=held) or O(state=started). The default is V(/).
    type: str
  headers:
    description:
      - Further headers of the requests, such as C(Origin), as a dictionary of names to texts.
      - The part on the controller makes one text of JSON of it, so that no single value is masked wherever it stands in
        what is returned.
      - Only with O(state=planned), O(state=held) or O(state=started).
    type: json
  sources:
    description:
      - Addresses of this host that it connects from. Without any the kernel chooses.
      - A target on this host itself is called from as many of 127.0.0.0/8 as it takes.
      - Only with O(state=planned), O(state=held) or O(state=started).
    type: list
    elements: str
  targets:
    description: What is connected to. Only with O(state=planned), O(state=held) or O(state=started).
    type: list
    elements: dict
    suboptions:
      name:
        description: What it is called in messages.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        required: true
      tls:
        description: Whether it speaks TLS. Its certificate is not checked.
        type: bool
        default: false
  watched:
    description: The ports whose processes are read. Only with O(state=measured).
    type: list
    elements: dict
    suboptions:
      name:
        description: What it is called in messages.
        type: str
        required: true
      port:
        description: The port.
        type: int
        required: true
  socket:
    description:
      - The runtime socket of HAProxy, which is requested its own limit. Where there is none, nobody is queried.
      - Only with O(state=measured).
    type: path
  connects:
    description: How many connect at once, at most 20000. Only with O(state=burst). The default is V(500).
    type: int
  backlogs:
    description:
      - The backlogs that are requested. The kernel gives at most C(net.core.somaxconn).
      - Only with O(state=burst). The default is C([128, 1024]).
    type: list
    elements: int
  pause:
    description: Seconds until the listener accepts, at most 5. Only with O(state=burst). The default is V(0.5).
    type: float
  address:
    description:
      - With O(port), a listener that is there and is called as well, such as the application.
      - Only with O(state=burst).
    type: str
  port:
    description: Its port; V(0) for none. Only with O(state=burst). The default is V(0).
    type: int
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.batch.action
"""

EXAMPLES = r"""
- name: Open 10000 WebSockets
  xitrum.host.connection_load:
    state: held
    connections: 10000
    path: /sockjs/websocket
    targets:
      - {name: app1, address: 192.0.2.11, port: 8000}
  register: load

- name: Hold them for a minute, then close them
  xitrum.host.connection_load:
    state: ended
    run: "{{ load.run }}"
    seconds: 60
  register: held

- name: Measure what the connections cost so far
  xitrum.host.connection_load:
    state: measured
    watched:
      - {name: app1-0, port: 8000}
  register: before

- name: Test the backlogs of this host
  xitrum.host.connection_load:
    state: burst
    connects: 800
  register: burst
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it. Always empty.", returned: "with O(state=planned), O(state=started), O(state=measured) and
  O(state=burst)", type: list, elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: "with O(state=planned),
  O(state=started), O(state=measured) and O(state=burst)", type: dict}
errors: {description: "Blocking errors, each with what to do.", returned: "with O(state=planned), O(state=started),
  O(state=measured) and O(state=burst)", type: list, elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: "with O(state=planned), O(state=started), O(state=measured) and O(state=burst)", type: dict}
# End of shared values
most:
  description: The most connections that this host can make to these targets.
  returned: when O(state=planned), O(state=held) or O(state=started)
  type: int
ends:
  description: What of this host ends beyond that - V(nofile), V(ports), V(memory), V(file-max) or V(conntrack).
  returned: when O(state=planned), O(state=held) or O(state=started)
  type: str
deadline:
  description: The seconds after which it ends, whatever happens.
  returned: when O(state) is not V(planned) and a load is there, and with O(state=planned) where the host can make it
  type: float
run:
  description: The load, for the calls that follow.
  returned: when O(state=held) or O(state=started)
  type: str
phase:
  description: V(ramp), V(hold) or V(ended).
  returned: when O(state=held), O(state=ended), O(state=polled) or O(state=stopped)
  type: str
held_seconds:
  description: How long all have been tried.
  returned: when O(state=held), O(state=ended), O(state=polled) or O(state=stopped)
  type: float
counts:
  description: >-
    What became of them - C(tried), C(opened), C(held), C(refused), C(unanswered), C(turned_away), C(closed_early),
    C(client_files), C(client_ports), C(other), C(dropped), C(silent), C(delayed), C(pings), C(pongs), the last
    C(status) that was not 101, the last C(errno), and the times C(connect) and C(pong).
  returned: when O(state=held), O(state=ended), O(state=polled) or O(state=stopped)
  type: dict
load:
  description: What was read.
  returned: with O(state=measured)
  type: dict
  contains:
    processes:
      description: >-
        One dictionary a process - C(name), C(port), C(pid), C(process), C(started), C(memory_bytes) (RSS), C(files)
        (null where only root sees it), C(nofile), C(backlog).
      type: list
      elements: dict
    counters:
      description: "C(ListenOverflows), C(ListenDrops), C(SyncookiesSent) and C(TCPReqQFullDrop) since boot."
      type: dict
    sockets: {description: "The TCP line of C(/proc/net/sockstat).", type: dict}
    conntrack:
      description: "Entries of the connection tracking table, and the most that it takes; null where nothing is
        tracked."
      type: list
      elements: int
    proxy: {description: "C(connections) and C(most) of HAProxy, or null.", type: dict}
    memory_bytes: {description: "Memory that is there.", type: int}
    memory_free_bytes: {description: "Memory that is free.", type: int}
    cpus: {description: "Processors.", type: int}
bursts:
  description: >-
    One dictionary a burst - C(requested) (the requested backlog, 0 for O(port)), C(backlog) (what the kernel
    gave), C(connects), C(at_once), C(delayed), C(failed), C(slowest_ms), and C(ListenOverflows) and C(ListenDrops) of
    the host in between.
  returned: with O(state=burst)
  type: list
  elements: dict
"""

from typing import Any

from ..module_utils.core import parts, runner
from ..module_utils.core.component import Desired
from ..module_utils.core.host import Host
from ..module_utils.load import burst
from ..module_utils.load import planning as load_plan
from ..module_utils.load import run as load_run
from ..module_utils.load import state as load_state

#: What the load is called in the options of what is done about one that was started.
RUN = {"run": {"type": "path", "required": True}}


def plan_load(host: Host, given: Desired, is_started: bool) -> dict[str, Any]:
    """Plan a load, and start it. Raises NotApplied where the host cannot make so many connections."""
    desired = load_plan.with_headers(given)
    try:
        plan = load_plan.plan(desired, load_state.client(host, desired))
        if plan.errors:
            raise runner.NotApplied("\n".join(plan.errors), plan.report())
        return {"run": load_run.start(desired, dict(plan.facts)) if is_started else "", **plan.report()}
    except (load_run.LoadError, OSError) as error:
        raise failure(error) from error


def plan_only(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Plan a load."""
    return plan_load(host, desired, False)


def start(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Plan a load, and start it unless this is check mode."""
    return plan_load(host, desired, not check_mode)


def poll(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Read how far a load is."""
    try:
        return load_run.poll(desired["run"])
    except (load_run.LoadError, OSError) as error:
        raise failure(error) from error


def stop(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """End a load."""
    try:
        return load_run.stop(desired["run"])
    except (load_run.LoadError, OSError) as error:
        raise failure(error) from error


def measure(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Read what connections cost."""
    return load_state.plan(desired, load_state.read(host, desired)).report()


def refuse(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Refuse what the controller makes of several steps."""
    raise runner.NotApplied("the states held and ended have a part on the controller: call them as "
                            "xitrum.host.connection_load of a playbook.", {})


def failure(error: Exception) -> runner.NotApplied:
    """Return the error of a load that could not be made."""
    return runner.NotApplied(f"the load could not be made: {error}", {})


PARTS: parts.Parts = {
    "planned": parts.Reader(load_plan.SPEC, plan_only),
    "held": parts.Reader(load_plan.SPEC, refuse),
    "ended": parts.Reader({**RUN, "seconds": load_plan.SPEC["seconds"]}, refuse),
    "started": parts.Reader(load_plan.SPEC, start),
    "polled": parts.Reader(RUN, poll),
    "stopped": parts.Reader(RUN, stop),
    "measured": parts.Reader(load_state.SPEC, measure),
    "burst": burst,
}


def main() -> None:
    """Do what the state asks for."""
    parts.run("state", PARTS)


if __name__ == "__main__":
    main()
