#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: connection_load
short_description: Opens WebSockets against the application and holds them
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Opens O(connections) WebSockets in a ramp, spread evenly over O(targets), sends a ping over each every O(heartbeat)
    seconds, and counts what becomes of them.
  - Where the open files of one process end it takes several, and where the ports of one address end several addresses.
    More than this host can make is refused before the first connection, with the number that it can and what ends
    first.
  - The load runs in the background and ends by itself when nobody has asked for it for 30 seconds, so that nothing is
    left of a run that was interrupted.
  - Nothing of the host's configuration is changed, so it never says C(changed). In check mode nothing is started.
options:
  state:
    description:
      - V(planned) only says what it would take. V(held) starts a load and returns once all connections were tried.
        V(ended) holds on until O(seconds) are over, and ends it.
      - V(started), V(looked) and V(stopped) are the single steps of these, which the part on the controller takes.
    type: str
    required: true
    choices: [planned, held, ended, started, looked, stopped]
  run:
    description: The load, as RV(run) of V(held) named it. For all states but V(planned), V(held) and V(started).
    type: path
    default: ""
  connections:
    description: How many.
    type: int
    default: 1000
  rate:
    description: How many a second.
    type: int
    default: 200
  seconds:
    description: How long they are held after the last was tried.
    type: int
    default: 10
  heartbeat:
    description: Seconds between two pings of a connection.
    type: int
    default: 5
  timeout:
    description: Seconds in which a connection must be open, and a ping be answered.
    type: int
    default: 10
  path:
    description: The path of a WebSocket of the application.
    type: str
    default: /
  headers:
    description:
      - Further headers of the requests, such as C(Origin), as a dictionary of names to texts.
      - The part on the controller makes one text of JSON of it, so that no single value is masked wherever it stands in
        what is returned.
    type: json
    default: ""
  sources:
    description:
      - Addresses of this host that it connects from. Without any the kernel chooses.
      - A target on this host itself is called from as many of 127.0.0.0/8 as it takes.
    type: list
    elements: str
    default: []
  targets:
    description: What is connected to.
    type: list
    elements: dict
    default: []
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
attributes:
  action:
    description: Has a part on the controller, which shows how far it is.
    support: full
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Ten thousand WebSockets are open
  xitrum.host.connection_load:
    state: held
    connections: 10000
    path: /sockjs/websocket
    targets:
      - {name: app1, address: 192.0.2.11, port: 8000}
  register: load

- name: They were held for a minute
  xitrum.host.connection_load:
    state: ended
    run: "{{ load.run }}"
    seconds: 60
  register: held
"""

RETURN = r"""
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
  returned: when O(state=held), O(state=ended), O(state=looked) or O(state=stopped)
  type: str
held_seconds:
  description: How long all have been tried.
  returned: when O(state=held), O(state=ended), O(state=looked) or O(state=stopped)
  type: float
counts:
  description: >-
    What became of them - C(tried), C(opened), C(held), C(refused), C(unanswered), C(turned_away), C(closed_early),
    C(client_files), C(client_ports), C(other), C(dropped), C(silent), C(delayed), C(pings), C(pongs), the last
    C(status) that was not 101, the last C(errno), and the times C(connect) and C(pong).
  returned: when O(state=held), O(state=ended), O(state=looked) or O(state=stopped)
  type: dict
"""

from ..module_utils.core.host import Host
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.load import planning as load_plan
from ..module_utils.load import run as load_run
from ..module_utils.load import state as load_state


def main() -> None:
    """One step of a load."""
    module = Utf8Module(
        argument_spec={
            "state": {
                "type": "str",
                "required": True,
                "choices": ["planned", "held", "ended", "started", "looked", "stopped"],
            },
            "run": {"type": "path", "default": ""},
            **load_plan.SPEC,
        },
        supports_check_mode=True,
    )
    wanted, state = load_plan.with_headers(module.params), module.params["state"]
    if state in ("held", "ended"):
        module.fail_json(
            msg=f"state {state} has a part on the controller: call it as xitrum.host.connection_load of a playbook."
        )
    try:
        if state in ("looked", "stopped"):
            module.exit_json(changed=False, **(load_run.look if state == "looked" else load_run.stop)(wanted["run"]))
        plan = load_plan.plan(wanted, load_state.client(Host(), wanted))
        if plan.problems:
            module.fail_json(msg="\n".join(plan.problems), **plan.report())
        run = load_run.start(wanted, dict(plan.facts)) if state == "started" and not module.check_mode else ""
        module.exit_json(run=run, **plan.report())
    except (load_run.LoadError, OSError) as error:
        module.fail_json(msg=f"the load could not be made: {error}")


if __name__ == "__main__":
    main()
