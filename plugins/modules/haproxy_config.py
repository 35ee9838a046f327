#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_config
short_description: Gives a running HAProxy a configuration without a restart, and proves that it has it
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Checks the configuration and its PEM files with the installed HAProxy, replaces the old ones only then, enables the service and starts or reloads it.
  - Asks the running worker over its runtime socket which configuration it has, and fails where it is not this one.
  - A reload that an earlier run owes (it was killed, or failed later) is made up for, since the running worker is asked and not the file's time.
  - In check mode the configuration is checked too. Where HAProxy is not installed yet it cannot be, and a warning says so.
options:
  config:
    description:
      - The whole configuration. Its section C(global) needs a line C(description @CONFIG_DIGEST@), in which the digest of the configuration is put.
    type: str
    required: true
  config_path:
    description: Where the service reads its configuration.
    type: path
    default: /etc/haproxy/haproxy.cfg
  files:
    description: Further files of the service that HAProxy does not read itself, such as a drop-in of its unit.
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
  package:
    description: The distribution's package, for messages.
    type: str
    default: haproxy
  service:
    description: The systemd service.
    type: str
    default: haproxy
  socket:
    description: The runtime socket that the configuration opens.
    type: path
    default: /run/haproxy/admin.sock
  ports:
    description: The ports that HAProxy is to listen on. One that another program holds is an error.
    type: list
    elements: int
    default: []
  programs:
    description: Further programs that O(files) need on the host, such as V(socat). One that is missing is an error.
    type: list
    elements: str
    default: []
  patience:
    description: Seconds to wait until every server is in use, for what is reported of them.
    type: int
    default: 0
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: HAProxy runs with this configuration
  xitrum.host.haproxy_config:
    config: "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
    ports: [80, 443]
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode. Of V(install), V(write), V(daemon-reload), V(enable), V(start) and V(reload).
  returned: always
  type: list
  elements: str
digest:
  description: The digest of the configuration, which C(show info) of the running worker repeats.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
rows:
  description: Wanted, configured and effective, one row an item.
  returned: always
  type: list
  elements: dict
servers:
  description: What the worker thought of each server before the change - C(backend), C(name), C(address), C(port), C(admin), C(status), C(sessions), C(check).
  returned: always
  type: list
  elements: dict
version:
  description: The version of the installed HAProxy; empty where there is none.
  returned: always
  type: str
problems:
  description: What stands in the way; empty where nothing does.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.xitrum.host.plugins.module_utils import haproxy
from ansible_collections.xitrum.host.plugins.module_utils.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.quiet import QuietModule


def main():
    """Reads, plans, and checks or applies."""
    module = QuietModule(argument_spec=haproxy.SPEC, supports_check_mode=True)
    host, wanted = Host(module.run_command), module.params
    try:
        plan = haproxy.plan(wanted, haproxy.read(host, wanted))
        said = {**plan.report(), "diff": plan.diff()}
        if plan.problems:
            module.fail_json(msg="\n".join(plan.problems), **{**said, "changed": False})
        if not plan.changed:
            module.exit_json(**said)
        if not module.check_mode:
            warnings = haproxy.apply(host, wanted, plan)
        elif said["version"]:
            warnings = haproxy.validate(host, wanted)
        else:
            warnings = ["HAProxy is not installed here yet, so its configuration could not be checked by it."]
    except (OSError, RuntimeError) as error:
        module.fail_json(msg=str(error))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(**said)


if __name__ == "__main__":
    main()
