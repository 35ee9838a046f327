#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_server
short_description: Drain, disable or enable servers of a running proxy, and wait for the effect
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Runs on a proxy. It sets all servers of one call first, and then waits for all of them together.
  - The states survive a reload of the proxy. HAProxy loses them when it restarts.
  - HAProxy is controlled over its runtime socket. For Nginx and Apache, the module writes the states to their
    configuration and reloads them. A reload also closes idle connections. Nginx and Apache cannot close the remaining
    connections of a single server.
  - HAProxy and Apache check the health of servers themselves. The open source version of Nginx does not. Therefore the
    module requests O(health_path) of a server before it enables it, for Apache too.
  - If the servers already have the desired state, the module changes nothing, but still waits.
options:
  backend:
    description: The name of the backend that contains the servers.
    type: str
    default: xitrum
  servers:
    description: The names of the servers, as P(xitrum.host.proxy_server_names#filter) returns them.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(drain) sends no new clients to the server. Clients with a session cookie of the server still reach it, so that
        their sessions (of SockJS, for example) can end.
      - V(maint) sends no clients to the server. Sticky clients are sent to another server. Open requests and WebSockets
        continue.
      - V(ready) enables the server. The task ends when the proxy counts it as healthy, which is after its own health
        checks have succeeded again.
      - To disable an instance without losing a request, use V(drain), then V(maint), and then stop the instance.
    type: str
    required: true
    choices: [ready, drain, maint]
  timeout:
    description:
      - Seconds to wait. With O(state=ready), until the proxy counts every server as healthy; otherwise the module
        fails. With the other states, until no request and no WebSocket is left on the servers. If some are left, that
        is not an error, and RV(open) counts them.
      - With 0, the module does not wait.
    type: int
    default: 60
  close:
    description:
      - With O(state=maint), whether to close connections that are left after O(timeout). RV(closed) counts them.
      - HAProxy only. With Nginx and Apache, they are counted in RV(open), and end when the instance stops.
    type: bool
    default: false
  allow_missing:
    description: Whether to ignore servers that the running proxy does not have, and all servers if no proxy runs.
      Otherwise they are an error.
    type: bool
    default: false
  keep_enabled:
    description: Whether other servers must stay enabled. If O(servers) are the last enabled servers, the module fails.
    type: bool
    default: false
  keep_healthy:
    description:
      - Whether to drain or disable O(servers) only while another server is enabled and healthy. A server that serves no
        clients can always be drained or disabled, and so can all servers of the backend together.
      - The module checks this at the moment of the change, under a lock on the proxy.
    type: bool
    default: false
  hint:
    description: A text to end the last sentence of the error message of O(keep_healthy), with what else the user can
      do.
    type: str
    default: ""
  leaving:
    description: With O(keep_healthy), the servers of all hosts that are drained or disabled together with O(servers).
      They do not count as other servers.
    type: list
    elements: str
    default: []
  earlier:
    description:
      - With O(keep_healthy), the servers of earlier batches of the rollout. While one of them is not enabled and
        healthy, no server is drained. The module fails if they are not all enabled and healthy within O(timeout)
        seconds.
      - Servers that the proxy does not have are ignored.
    type: list
    elements: str
    default: []
  endpoints:
    description:
      - The address of each server, a dictionary of server names to C(ADDRESS:PORT). Computed from O(instances).
      - The module sets the servers of the proxy that have this address, whatever their names. If there is none, it sets
        the server with the name.
      - With O(state=ready), a server with another address is changed to this address first.
    type: dict
    default: {}
  other_endpoints:
    description:
      - The alternative address of each server, a dictionary of server names to C(ADDRESS:PORT), such as with the port
        before or after a change.
      - With O(state=ready), the module uses it to find the server of a renamed host whose port changes.
    type: dict
    default: {}
  instances:
    description:
      - The instances of the host of the task, each with C(index) and C(port). The controller computes O(endpoints) and
        O(other_endpoints) from them and from the variables of that host.
      - Set the proxy in C(delegate_to) of the task.
    type: list
    elements: dict
    default: []
  configured:
    description: With O(instances), the ports with which they run, C(http) by instance number. The default is the ports
      of O(instances).
    type: dict
    default: {}
  reconfigured:
    description:
      - With O(instances), whether O(endpoints) have the ports of O(instances), and O(other_endpoints) those of
        O(configured). With V(false), it is the other way round.
    type: bool
    default: true
  drained:
    description: With O(state=ready) and O(allow_missing), the servers among O(servers) that the proxy had when a run
      drained them. If one of them is missing, the module fails.
    type: list
    elements: str
    default: []
  return_after:
    description:
      - Seconds after which the module returns although it still waits, with RV(waiting). To go on, call it again with
        O(waited). The action plugin does so, and prints what is waited for.
      - With 0, the module returns when it has waited.
    type: int
    default: 0
  waited:
    description: Seconds of O(timeout) that earlier calls have waited.
    type: float
    default: 0.0
  control_port:
    description: The port on the loopback on which Nginx and Apache report their state, C(xitrum_proxy_stats_port).
    type: int
    default: 8404
  health_path:
    description: The path of the health page to request before the server is enabled in Nginx or Apache.
    type: str
    default: /
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.proxy
"""

EXAMPLES = r"""
- name: Drain instance 0 of each application host at proxy1
  xitrum.host.proxy_server:
    servers: "{{ [0] | xitrum.host.proxy_server_names(inventory_hostname) }}"
    instances: [{index: 0, port: 8000}]
    state: drain
  delegate_to: proxy1

- name: Drain the instance
  xitrum.host.proxy_server:
    servers: [app1-0]
    state: drain
    timeout: 30

- name: Disable the instance, and close what is left after 10 s
  xitrum.host.proxy_server:
    servers: [app1-0]
    state: maint
    timeout: 10
    close: true

- name: Enable the instance, and wait until it is healthy
  xitrum.host.proxy_server:
    servers: [app1-0]
    state: ready
    timeout: 60
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. One row for each server, as it was before the change.", returned: always, type: list,
  elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
servers:
  description:
    - Each server after the wait - C(backend), C(name), C(address), C(port), C(state), C(healthy), and C(status) as the
      proxy reports it. C(sessions) counts current requests and WebSockets. C(check) is the result of the last health
      check.
    - In check mode, and if an error prevented the change, the current state of each server.
  returned: always
  type: list
  elements: dict
open:
  description: The number of requests and WebSockets that are left on all servers together.
  returned: when not in check mode
  type: int
closed:
  description: The number of connections that were closed.
  returned: when not in check mode
  type: int
waiting:
  description: Whether the module has returned because of O(return_after).
  returned: when it has
  type: bool
seconds:
  description: The seconds that the module waited, with O(waited).
  returned: when not in check mode
  type: float
notes:
  description: Why RV(open) may be too high, for example because C(ss) failed. Empty if the number is exact.
  returned: when not in check mode
  type: list
  elements: str
missing:
  description: The servers in O(servers) that the running proxy does not have.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.core import runner
from ..module_utils.proxy import servers

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {
    "instances": {"type": "list", "elements": "dict", "default": []},
    "configured": {"type": "dict", "default": {}},
    "reconfigured": {"type": "bool", "default": True},
}


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(servers, CONTROLLER)


if __name__ == "__main__":
    main()
