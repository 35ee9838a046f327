#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_config
short_description: Configure a running proxy without a restart, and verify that it has the configuration
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Checks the configuration and its PEM files with the installed software, replaces the old ones only then, enables the
    service and starts or reloads it.
  - Asks the running worker (HAProxy over its runtime socket, Nginx and Apache on the loopback) which configuration it
    has, and fails where it is not this one.
  - Apache is restarted where it is to listen elsewhere than before, or has to hold more connections than it can be set
    to of by a reload.
  - A reload that is pending from an earlier run (it was killed, or failed later) is done, since the running worker
    is queried and not the file's time.
  - In check mode the configuration is checked too. Where the software is not installed yet it cannot be, and a warning
    reports it.
  - A configuration that this collection has not written is kept next to it, once, with C(.before-xitrum) at its end,
    with its mode and owner. The new one has these, too. Where its path is a link, the link stays and the file at its
    end is replaced.
  - States of servers that M(xitrum.host.proxy_server) has written into the configuration of Nginx or Apache are carried
    into the new one.
options:
  config:
    description:
      - The whole configuration. It has C(@CONFIG_DIGEST@) where the running worker repeats it, and the digest of the
        configuration is put there.
    type: str
    required: true
  config_path:
    description: Where the service reads its configuration.
    type: path
    required: true
  files:
    description: Further files of the service that the proxy does not read itself, such as a drop-in of its unit.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file is.
        type: path
        required: true
      content:
        description: Its whole text.
        type: str
        required: true
      mode:
        description: Its mode, in octal.
        type: str
        default: "0644"
  pems:
    description: PEM files (certificate, chain and key in one) that the configuration names.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file is.
        type: path
        required: true
      content:
        description: Its whole text. It is never shown.
        type: str
        required: true
      mode:
        description: Its mode, in octal.
        type: str
        default: "0600"
  packages:
    description: The distribution's packages, for messages.
    type: list
    elements: str
    required: true
  service:
    description: The systemd service.
    type: str
    required: true
  control_port:
    description: The port on the loopback at which Nginx and Apache report which configuration they have.
    type: int
    default: 0
  ports:
    description: The ports that the proxy is to listen on. One that another program holds is an error.
    type: list
    elements: int
    default: []
  programs:
    description: Further programs that O(files) need on the host, such as V(socat). One that is missing is an error.
    type: list
    elements: str
    default: []
  patience:
    description: Seconds to wait until every server is up, for what is reported of them.
    type: int
    default: 0
  health_path:
    description: The page of an instance that is requested where the proxy checks no health itself, as Nginx does not.
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
notes: {description: "Notes that stop nothing, a sentence each.", returned: always, type: list, elements: str}
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it.", returned: always, type: list, elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: always, type: dict}
errors: {description: "Blocking errors, each with what to do.", returned: always, type: list, elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: always, type: dict}
# End of shared values
actions:
  description: What was done, or would be in check mode. Of V(install), V(keep), V(write), V(daemon-reload), V(enable),
    V(start), V(reload) and V(restart).
  returned: always
  type: list
  elements: str
digest:
  description: The digest of the configuration, which the running worker repeats.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
servers:
  description: What the worker thought of each server before the change - C(backend), C(name), C(address), C(port),
    C(admin), C(status), C(sessions), C(check).
  returned: always
  type: list
  elements: dict
version:
  description: The version of the installed software; empty where there is none.
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
