# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: capacity_plan
short_description: Compute all limits from the number of connections that one host must hold
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Computes open files, kernel parameters, the limits of HAProxy and Nginx, and the number of instances that the ports
    require from one number.
  - Reports the resource that is the limit, and the largest possible number of connections. If the host cannot hold the
    connections, the filter does not fail. Its C(error) is a sentence, so that the caller can collect the errors of all
    hosts.
  - A limit that you do not specify is not checked.
options:
  _input:
    description: The connections that the host must hold at the same time.
    type: int
    required: true
  application:
    description: Whether instances of the application run on the host.
    type: bool
    default: true
  proxy:
    description: Whether a proxy runs on the host. A proxy needs two sockets for each connection.
    type: bool
    default: false
  instances:
    description: The number of instances on this host. The plan assumes that connections are spread evenly over them.
    type: int
    default: 1
  heap_bytes:
    description: The heap of one instance, in bytes.
    type: int
    default: 536870912
  connection_heap_bytes:
    description: The heap that one open connection needs, in bytes. It depends on the application. Half of O(heap_bytes)
      is reserved for everything else.
    type: int
    default: 8192
  backends:
    description:
      - The number of instances behind the proxy, on all hosts together. Each connection from one address to one of them
        needs its own port.
      - 0 if that is not known, or if there is no proxy.
    type: int
    default: 0
  reserved_ports:
    description: The number of ports that C(net.ipv4.ip_local_reserved_ports) excludes from outgoing connections.
    type: int
    default: 0
  memory_bytes:
    description: The memory of the host, in bytes.
    type: int
  nofile_most:
    description: The maximum number of open files that the host can grant to one process, as M(xitrum.host.host_base)
      reports it.
    type: int
  conntrack:
    description: Whether the host tracks connections, as NAT (such as redirected ports) does.
    type: bool
    default: false
  cpus:
    description: The number of processors of the host, for the worker processes of Nginx.
    type: int
    default: 1
"""

EXAMPLES = r"""
- name: Print what 100000 WebSockets need
  ansible.builtin.debug:
    msg: "{{ 100000 | xitrum.host.capacity_plan(instances=2, heap_bytes=('4G' | human_to_bytes), memory_bytes=('16G' |
      human_to_bytes)) }}"

- name: Check that the host can hold the connections
  ansible.builtin.assert:
    that: plan.error == ''
    fail_msg: "{{ plan.error }}"
  vars:
    plan: "{{ xitrum_max_connections | xitrum.host.capacity_plan(memory_bytes=xitrum_host_state.machine.memory_bytes)
      }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    connections: {description: "The requested number of connections.", type: int}
    largest: {description: "The largest number of connections within the specified limits.", type: int}
    limited_by: {description: "What limits C(largest): V(memory), V(heap), V(ports) or V(nofile).", type: str}
    error: {description: "Why the host cannot hold the connections, or an empty string.", type: str}
    sockets: {description: "The number of TCP sockets on the host.", type: int}
    nofile: {description: "The open files of the process that has the most.", type: int}
    memory_bytes: {description: "The memory that the host needs, in bytes.", type: int}
    heap_bytes: {description: "The heap that one instance needs, in bytes.", type: int}
    instances_for_ports:
      description: "The number of instances that a proxy with one address needs for this number of connections."
      type: int
    haproxy_maxconn: {description: "The C(maxconn) of HAProxy.", type: int}
    nginx_worker_connections: {description: "The C(worker_connections) of Nginx.", type: int}
    nginx_worker_rlimit_nofile: {description: "The C(worker_rlimit_nofile) of Nginx.", type: int}
    conntrack_max: {description: "The entries of the connection tracking table, 0 without connection tracking.", type:
      int}
    conntrack_buckets: {description: "The buckets of its hash table.", type: int}
    kernel: {description: "Kernel parameters, as a profile for M(xitrum.host.sysctl_profile).", type: dict}
  sample:
    {"connections": 10000, "largest": 32768, "limited_by": "heap", "error": "", "nofile": 11024}
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.limits import capacity


def capacity_plan(connections: Any, **shape: Any) -> dict[str, Any]:
    """`compute_limits` of module_utils/limits/capacity.py;
    an unknown option or one of the wrong type is an error of the filter."""
    # Not for every host that has no number: each would import it in a process of its own.
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    # A value that `-e name=value` gives is a text.
    checked = ArgumentSpecValidator(capacity.OPTIONS).validate({"connections": connections, **shape})
    if checked.error_messages:
        raise AnsibleFilterError(
            f"capacity_plan of {connections!r} connections with {shape}: {' '.join(checked.error_messages)}"
        )
    options = checked.validated_parameters
    return capacity.compute_limits(options.pop("connections"), capacity.HostShape(**options)).report()


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"capacity_plan": capacity_plan}
