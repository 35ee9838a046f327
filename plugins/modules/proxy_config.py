#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_config
short_description: Configure a running proxy without a restart, and verify that it uses the configuration
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Validates the configuration and its PEM files with the installed software. Only then does it replace the old files,
    enables the service, and starts or reloads it.
  - Queries the running worker for its configuration, and fails if it is not this one. HAProxy is queried over its
    runtime socket, Nginx and Apache on the loopback.
  - Restarts Apache if its listen addresses change, or if it must hold more connections than a reload can set.
  - Completes a reload that an earlier run did not do because it was killed or failed. This works because the module
    queries the running worker, and does not rely on the modification time of the file.
  - Validates the configuration in check mode too. If the software is not installed yet, a warning reports that it
    cannot be validated.
  - Keeps one backup of a configuration that this collection did not write, next to it, with the suffix
    C(.before-xitrum) and the same mode and owner. The new configuration has the same mode and owner too. If the path is
    a symbolic link, the link is kept and its target is replaced.
  - Keeps the states of servers that M(xitrum.host.proxy_server) wrote to the configuration of Nginx or Apache.
options:
  config:
    description:
      - The complete configuration. The module replaces C(@CONFIG_DIGEST@) with the digest of the configuration, which
        the running worker then reports.
    type: str
    required: true
  config_path:
    description: The path from which the service reads its configuration.
    type: path
    required: true
  files:
    description: Additional files of the service that the proxy does not read itself, such as a drop-in of its unit.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path of the file.
        type: path
        required: true
      content:
        description: The complete content of the file.
        type: str
        required: true
      mode:
        description: The mode of the file, in octal.
        type: str
        default: "0644"
  pems:
    description: PEM files (certificate, chain and key in one file) that the configuration refers to.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path of the file.
        type: path
        required: true
      content:
        description: The complete content of the file. It is never shown.
        type: str
        required: true
      mode:
        description: The mode of the file, in octal.
        type: str
        default: "0600"
  packages:
    description: The packages of the distribution, for messages.
    type: list
    elements: str
    required: true
  service:
    description: The systemd service.
    type: str
    required: true
  control_port:
    description: The port on the loopback on which Nginx and Apache report their configuration.
    type: int
    default: 0
  ports:
    description: The ports on which the proxy must listen. A port that another program uses is an error.
    type: list
    elements: int
    default: []
  programs:
    description: Additional programs that O(files) need on the host, such as V(socat). A missing program is an error.
    type: list
    elements: str
    default: []
  wait_seconds:
    description: Seconds to wait until every server is up, before their states are reported.
    type: int
    default: 0
  health_path:
    description: The path of an instance's health page, which the module requests if the proxy itself does no health
      checks, such as Nginx.
    type: str
    default: /
extends_documentation_fragment:
  - xitrum.host.desired
  - xitrum.host.batch
  - xitrum.host.proxy
"""

EXAMPLES = r"""
- name: Configure HAProxy
  xitrum.host.proxy_config:
    software: haproxy
    packages: [haproxy]
    service: haproxy
    config_path: /etc/haproxy/haproxy.cfg
    config: "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
    ports: [80, 443]
"""

RETURN = r"""
# Shared values: notes, rows, fixes, errors, broken_rules
notes: {description: "Notes that do not block a run, one sentence each.", returned: always, type: list, elements: str}
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
actions:
  description: The actions that were done, or would be done in check mode - V(install), V(keep), V(write),
    V(daemon-reload), V(enable), V(start), V(reload) or V(restart).
  returned: always
  type: list
  elements: str
digest:
  description: The digest of the configuration, which the running worker reports.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
servers:
  description: The state of each server before the change, as the worker reported it - C(backend), C(name), C(address),
    C(port), C(admin), C(status), C(sessions), C(check).
  returned: always
  type: list
  elements: dict
version:
  description: The version of the installed software; empty if it is not installed.
  returned: always
  type: str
"""

from ..module_utils.core import runner
from ..module_utils.proxy import component as proxy

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "bool", "default": False}}


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(proxy, CONTROLLER)


if __name__ == "__main__":
    main()
