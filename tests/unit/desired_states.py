# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes what hosts are to be from variables alone, in a process of its own, since Ansible's loader of collections stays in the process.

Reads JSON from the standard input: a list of fleets, each `{groups, variables, host_variables}`. Writes a list: for each fleet, of each
host, what its instances start with (`start`, by number), and the text of its proxy's configuration (`proxy`).
"""

from __future__ import annotations

import json
import sys

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar


def load(path):
    """The defaults of a role. Newer versions of Ansible resolve only what a loader trusts."""
    try:
        return DataLoader().load_from_file(str(path), trusted_as_template=True) or {}
    except TypeError:
        return DataLoader().load_from_file(str(path)) or {}


def main():
    """Writes the desired states."""
    init_plugin_loader()
    from ansible_collections.xitrum.host.plugins.module_utils.application import instances
    from ansible_collections.xitrum.host.plugins.module_utils.desired import components
    from ansible_collections.xitrum.host.plugins.module_utils.desired.inputs import Inputs
    from ansible_collections.xitrum.host.plugins.plugin_utils import role_templates
    from ansible_collections.xitrum.host.plugins.plugin_utils.public_variables import ROLES, PublicVariables

    class Files:
        """The controller: its files are their paths."""

        def __init__(self, inputs):
            self.inputs = inputs

        def render(self, role, template, values):
            return role_templates.render(role, template, self.inputs, values)

        def read(self, path):
            return path

        def read_pair(self, certificate, key, dated):
            return f"{certificate} {key} {dated}"

    defaults = {name: value for path in sorted(ROLES.glob("*/defaults/main.yml")) for name, value in load(path).items()}
    package = {"release": "r1", "bytes": 1, "main_class": "a.B", "folder": "/build", "examples": []}
    fixed = {**defaults, "xitrum_secure_key": "k" * 32, "ansible_facts": {}, "application_package_read": package}

    def describe(host, fleet, hostvars):
        variables = {**hostvars[host], "hostvars": hostvars}
        inputs = Inputs(PublicVariables(Templar(loader=DataLoader(), variables=variables), variables))
        found = {"start": {}, "proxy": ""}
        if inputs.is_application:
            desired = components.compute(["instances"], inputs, Files(inputs))["instances"]
            for item in desired["instances"]:
                files = instances.render_instance_files(desired, item, {"home": "/jdk", "version": inputs["xitrum_jdk_version"] or 21})
                start = [desired["release"], desired["nofile"], desired["service_digest"], desired["supervisor"], item["port"], files]
                found["start"][str(item["index"])] = start
        if inputs.is_proxy:
            found["proxy"] = components.compute(["proxy"], inputs, Files(inputs))["proxy"]
        return found

    answers = []
    for fleet in json.load(sys.stdin):
        groups = fleet["groups"]
        hosts = [*dict.fromkeys([*groups.get("xitrum", ()), *groups.get("xitrum_proxy", ())])]
        hostvars = {
            host: {**fixed, **fleet.get("variables", {}), "inventory_hostname": host, "groups": groups, **fleet["host_variables"][host]}
            for host in hosts
        }
        answers.append({host: describe(host, fleet, hostvars) for host in hosts})
    json.dump(answers, sys.stdout, default=str)


if __name__ == "__main__":
    main()
