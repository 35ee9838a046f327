#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: connection_load
short_description: Open WebSockets to the application, and measure the resources that they use
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Opens O(connections) WebSockets at a rate of O(rate) a second, spread evenly over O(targets). Sends a ping over each
    one every O(heartbeat) seconds, and counts the outcomes.
  - Uses several processes when one process cannot open enough files, and several source addresses when one address does
    not have enough ports. Fails before the first connection when this host cannot open that many. The message reports
    how many it can open, and which resource is the limit.
  - The load runs in the background. It ends by itself when the controller has not polled it for 30 seconds, so that an
    interrupted run leaves nothing behind.
  - The module does not change the configuration of the host, so it never reports C(changed). In check mode it starts
    nothing.
options:
  state:
    description:
      - V(planned) only reports the resources that the load would need. V(held) starts a load and returns after it has
        tried all connections. V(ended) waits until O(seconds) have passed, then ends the load.
      - V(started), V(polled) and V(stopped) are the single steps of V(held) and V(ended). The action plugin uses them.
      - V(measured) reads the resources that the connections use in the processes and the kernel of the host. Compare
        two readings to see what changed between them.
      - V(burst) tests how many simultaneous connects a backlog can absorb. For each of O(backlogs) it listens on a free
        port of 127.0.0.1 and connects O(connects) times at once. It accepts only after O(pause) seconds, like an
        application during a garbage collection pause. It counts the connects that succeeded at once, those that needed
        a repeated SYN (after a second or more), and those that failed. It takes a few seconds and leaves nothing
        behind.
      - The module fails when an option does not apply to the state.
    type: str
    required: true
    choices: [planned, held, ended, started, polled, stopped, measured, burst]
  run:
    description: The load to act on, the return value RV(run) of O(state=held) or O(state=started). Required with
      O(state=ended), O(state=polled) and O(state=stopped).
    type: path
  connections:
    description: The number of connections to open. Only with O(state=planned), O(state=held) or O(state=started). The
      default is V(1000).
    type: int
  rate:
    description:
      - The number of connections to open in a second.
      - Only with O(state=planned), O(state=held) or O(state=started). The default is V(200).
    type: int
  seconds:
    description:
      - Seconds to hold the connections after the last one was tried.
      - Only with O(state=planned), O(state=held) or O(state=started), and with O(state=ended). The default is V(10).
    type: int
  heartbeat:
    description:
      - Seconds between two pings of a connection.
      - Only with O(state=planned), O(state=held) or O(state=started). The default is V(5).
    type: int
  timeout:
    description:
      - Seconds within which a connection must open, and a ping must be answered. The default is V(10).
      - With O(state=burst), the seconds after which a connect counts as failed. The default is V(8).
    type: int
  path:
    description:
      - The path of a WebSocket endpoint of the application.
      - Only with O(state=planned), O(state=held) or O(state=started). The default is V(/).
    type: str
  headers:
    description:
      - Additional headers of the requests, such as C(Origin), as a dictionary of names to values.
      - The action plugin converts the dictionary to one JSON string, so that Ansible does not mask each value wherever
        it occurs in the result.
      - Only with O(state=planned), O(state=held) or O(state=started).
    type: json
  sources:
    description:
      - Source addresses of this host to connect from. Without any, the kernel chooses.
      - For a target on this host itself, the module uses as many addresses of 127.0.0.0/8 as it needs.
      - Only with O(state=planned), O(state=held) or O(state=started).
    type: list
    elements: str
  targets:
    description: The servers to connect to. Only with O(state=planned), O(state=held) or O(state=started).
    type: list
    elements: dict
    suboptions:
      name:
        description: The name to use in messages.
        type: str
        required: true
      address:
        description: The address of the target.
        type: str
        required: true
      port:
        description: The port of the target.
        type: int
        required: true
      tls:
        description: Whether to use TLS. The certificate is not validated.
        type: bool
        default: false
  watched:
    description: The listening ports whose processes to read. Only with O(state=measured).
    type: list
    elements: dict
    suboptions:
      name:
        description: The name to use in messages.
        type: str
        required: true
      port:
        description: The port.
        type: int
        required: true
  socket:
    description:
      - The path of HAProxy's runtime socket, to read its connections and their limit. Without it, HAProxy is not
        queried.
      - Only with O(state=measured).
    type: path
  connects:
    description: The number of simultaneous connects, at most 20000. Only with O(state=burst). The default is V(500).
    type: int
  backlogs:
    description:
      - The backlogs to test. The kernel limits each to C(net.core.somaxconn).
      - Only with O(state=burst). The default is C([128, 1024]).
    type: list
    elements: int
  pause:
    description: Seconds to wait before the listener accepts connections, at most 5. Only with O(state=burst). The
      default is V(0.5).
    type: float
  address:
    description:
      - With O(port), the address of an existing listener to test as well, such as the application.
      - Only with O(state=burst).
    type: str
  port:
    description: The port of the existing listener; V(0) for none. Only with O(state=burst). The default is V(0).
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
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. Always empty.", returned: "with O(state=planned), O(state=started), O(state=measured) and
  O(state=burst)", type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: "with
  O(state=planned), O(state=started), O(state=measured) and O(state=burst)", type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: "with O(state=planned),
  O(state=started), O(state=measured) and O(state=burst)", type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: "with O(state=planned), O(state=started), O(state=measured)
  and O(state=burst)", type: dict}
# End of shared values
largest:
  description: The maximum number of connections that this host can open to these targets.
  returned: when O(state=planned), O(state=held) or O(state=started)
  type: int
limited_by:
  description: The resource of this host that limits RV(largest) - V(nofile), V(ports), V(memory), V(file-max) or
    V(conntrack).
  returned: when O(state=planned), O(state=held) or O(state=started)
  type: str
deadline:
  description: Seconds after which the load ends in any case.
  returned: when O(state) is not V(planned) and a load exists, and with O(state=planned) if the host can open the
    connections
  type: float
run:
  description: The load, to pass as O(run) to the calls that follow.
  returned: when O(state=held) or O(state=started)
  type: str
phase:
  description: The phase of the load - V(ramp), V(hold) or V(ended).
  returned: when O(state=held), O(state=ended), O(state=polled) or O(state=stopped)
  type: str
held_seconds:
  description: Seconds since the last connection was tried.
  returned: when O(state=held), O(state=ended), O(state=polled) or O(state=stopped)
  type: float
counts:
  description: >-
    The number of connections by outcome - C(tried), C(opened), C(held), C(refused), C(unanswered), C(turned_away),
    C(closed_early), C(client_files), C(client_ports), C(other), C(dropped), C(silent), C(delayed), C(pings) and
    C(pongs). C(status) is the last status that was not 101, and C(errno) the last error number. C(connect) and C(pong)
    are response times.
  returned: when O(state=held), O(state=ended), O(state=polled) or O(state=stopped)
  type: dict
load:
  description: The resources that were read.
  returned: with O(state=measured)
  type: dict
  contains:
    processes:
      description: >-
        One dictionary for each process - C(name), C(port), C(pid), C(process), C(started), C(memory_bytes) (RSS),
        C(files) (null if only root can read it), C(nofile), C(backlog).
      type: list
      elements: dict
    counters:
      description: "C(ListenOverflows), C(ListenDrops), C(SyncookiesSent) and C(TCPReqQFullDrop) since boot."
      type: dict
    sockets: {description: "The TCP line of C(/proc/net/sockstat).", type: dict}
    conntrack:
      description: "The number of entries in the connection tracking table, and its maximum; null without connection
        tracking."
      type: list
      elements: int
    proxy: {description: "The current C(connections) of HAProxy and their maximum, C(most), or null.", type: dict}
    memory_bytes: {description: "The total memory, in bytes.", type: int}
    memory_free_bytes: {description: "The available memory, in bytes.", type: int}
    cpus: {description: "The number of processors.", type: int}
bursts:
  description: >-
    One dictionary for each burst. C(requested) is the requested backlog (0 for O(port)), C(backlog) the one that the
    kernel granted. The others are C(connects), C(at_once), C(delayed), C(failed) and C(slowest_ms). C(ListenOverflows)
    and C(ListenDrops) are the increases of the host's counters during the burst.
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
    desired = load_plan.read_headers(given)
    try:
        plan = load_plan.plan(desired, load_state.read_client(host, desired))
        if plan.errors:
            raise runner.NotApplied("\n".join(plan.errors), plan.report())
        return {"run": load_run.start(desired, dict(plan.facts)) if is_started else "", **plan.report()}
    except (load_run.LoadError, OSError) as error:
        raise build_failure(error) from error


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
        raise build_failure(error) from error


def stop(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """End a load."""
    try:
        return load_run.stop(desired["run"])
    except (load_run.LoadError, OSError) as error:
        raise build_failure(error) from error


def measure(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Read what connections cost."""
    return load_state.plan(desired, load_state.read(host, desired)).report()


def refuse(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Refuse what the controller makes of several steps."""
    raise runner.NotApplied("the states held and ended have a part on the controller: call them as "
                            "xitrum.host.connection_load of a playbook", {})


def build_failure(error: Exception) -> runner.NotApplied:
    """Return the error of a load that could not be made."""
    return runner.refuse(f"the load could not be made: {error}", error)


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
