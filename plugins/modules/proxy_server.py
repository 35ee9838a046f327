#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_server
short_description: Drain, disable or enable servers of a running proxy, and wait until that has its effect
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Runs on a proxy. All servers of one call are set first, and then waited for together.
  - What is set is kept over a reload of the proxy. HAProxy forgets it with a restart.
  - HAProxy is set over its runtime socket. Nginx and Apache have the states in their configuration and are reloaded,
    so that connections to a server also end when a reload closes idle ones. They do not close what one server still
    has.
  - HAProxy and Apache check the health of servers themselves. The open source version of Nginx does not, so this module
    asks O(health_path) of a server before it is put back, for Apache too.
  - A run that finds the desired state changes nothing, and waits all the same.
options:
  backend:
    description: The backend that the servers are in.
    type: str
    default: xitrum
  servers:
    description: Their names, as P(xitrum.host.proxy_server_names#filter) returns them.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(drain) sends no new client there. Clients with a session cookie of the server still get in, so that
        what they do (a session of SockJS) can end.
      - V(maint) sends nobody there, sticky clients are sent to another server. Requests and WebSockets that are under
        way go on.
      - V(ready) puts it back. The proxy counts it as healthy only after its own health checks have succeeded again, and
        the task ends then.
      - To disable an instance without a lost request, use V(drain), then V(maint), and stop it after that.
    type: str
    required: true
    choices: [ready, drain, maint]
  timeout:
    description:
      - Seconds to wait. With O(state=ready), until the proxy counts every server as healthy; it is an error where it
        does not. With the other states, until no request and no WebSocket is left there; what is left is no error, but
        counted in RV(open).
      - 0 waits for nothing.
    type: int
    default: 60
  close:
    description:
      - With O(state=maint), whether connections that are left after O(timeout) are closed. They are counted in
        RV(closed).
      - HAProxy only. With Nginx and Apache they stay in RV(open), and end with the instance.
    type: bool
    default: false
  allow_missing:
    description: Whether servers that the running proxy does not have are passed over, and all of them where no proxy
      runs. Otherwise they are an error.
    type: bool
    default: false
  others:
    description: Whether other servers have to stay enabled. Where those that are named are the last ones that serve, it
      is an error.
    type: bool
    default: false
  guard:
    description:
      - Whether O(servers) may leave only while another server is enabled and healthy. A server that serves nobody
        itself may always leave, and so may all servers of the backend together.
      - It is judged at the moment of the change, under a lock on the proxy.
    type: bool
    default: false
  otherwise:
    description: What else the reader of a refusal by O(guard) can do, as the end of its last sentence.
    type: str
    default: ""
  leaving:
    description: With O(guard), the servers of all hosts that leave together with O(servers). They do not count as
      others.
    type: list
    elements: str
    default: []
  earlier:
    description:
      - With O(guard), the servers of earlier batches of the rollout. While one of them is not enabled and healthy,
        none is drained. Where it is not so within O(timeout) seconds, it is an error.
      - Servers that the proxy does not have are passed over.
    type: list
    elements: str
    default: []
  endpoints:
    description:
      - Where each server leads, C(ADDRESS:PORT) by its name. O(instances) computes it.
      - The servers that lead there are set, whatever their names. Where none does, the one of the name is.
      - With O(state=ready), a server that leads elsewhere is moved there first.
    type: dict
    default: {}
  other_endpoints:
    description:
      - Where each server may lead instead, C(ADDRESS:PORT) by its name, such as with its port before or after a change.
      - With O(state=ready), it finds the server of a renamed host that gets another port.
    type: dict
    default: {}
  instances:
    description:
      - Instances of the task's host, each with C(index) and C(port). The controller computes O(endpoints) and
        O(other_endpoints) from them and from the variables of that host.
      - The proxy is in C(delegate_to) of the task.
    type: list
    elements: dict
    default: []
  configured:
    description: With O(instances), the ports that they run with, C(http) by their number. Without it, they are those of
      O(instances).
    type: dict
    default: {}
  reconfigured:
    description:
      - With O(instances), whether O(endpoints) are at the ports of O(instances), and O(other_endpoints) at those of
        O(configured). Otherwise it is the other way round.
    type: bool
    default: true
  drained:
    description: With O(state=ready) and O(allow_missing), those of O(servers) that the proxy had when a run drained
      them. One that is missing is an error.
    type: list
    elements: str
    default: []
  control_port:
    description: The port on the loopback at which Nginx and Apache report what they have, C(xitrum_proxy_stats_port).
    type: int
    default: 8404
  health_path:
    description: The page of a server that is queried before Nginx or Apache gets it back.
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
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it. There is one row a server, as it was before.", returned: always, type: list, elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: always, type: dict}
errors: {description: "Blocking errors, each with what to do.", returned: always, type: list, elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: always, type: dict}
# End of shared values
servers:
  description:
    - Each server after the wait - C(backend), C(name), C(address), C(port), C(state), C(status) (the proxy's own word),
      C(healthy), C(sessions) (requests and WebSockets that are there now) and C(check) (what the last health check
      reported).
    - In check mode, and where nothing was done for an error, each as it is.
  returned: always
  type: list
  elements: dict
open:
  description: The requests and WebSockets that are left on all of them together.
  returned: when not in check mode
  type: int
closed:
  description: How many of those were closed.
  returned: when not in check mode
  type: int
seconds:
  description: How long it waited.
  returned: when not in check mode
  type: float
notes:
  description: Why RV(open) may be too many, such as C(ss) that failed; empty where it is certain.
  returned: when not in check mode
  type: list
  elements: str
missing:
  description: Servers that were named and that the running proxy does not have.
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
