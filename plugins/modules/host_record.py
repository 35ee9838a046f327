#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_record
short_description: Record what a host has before a change, and restore it
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The record is C(/var/lib/xitrum.host/before.json). What this collection makes or changes is removed or restored by
    it.
options:
  state:
    description:
      - V(recorded) writes down what is about to be made on the host, so that it can be removed again. It is to be
        called before the packages are installed, and before the application's user and folders are made. What is there
        already is the host's own, and stays when everything is removed. What the record has is never changed, so that a
        second run does not take the work of the first for the host's.
      - V(read) finds everything that this collection has on the host, in one round trip, and changes nothing. It goes
        by marks in files and by the records of what was there before, and not by what variables report today. What it
        returns shows which modules have something to undo.
      - V(proxies_restored) gives HAProxy, Nginx and Apache the configuration back that M(xitrum.host.proxy_config) has
        kept, removes what is next to it, and restores the service - it goes on with the old configuration, or is
        stopped and disabled where it was not there or did not run. A configuration without this collection's digest is
        unmanaged, and stays. Where the service is to go on, the software checks the kept configuration before anything
        is changed.
      - V(leftovers_removed) is the last step of a removal. It removes the folders, users, packages and records of this
        collection. A user, a group or a folder that was there before stays, and of such a folder only what is ours
        goes. Services that were stopped for the application, or enabled for it, are restored. The record goes last, so
        that a run which is killed can be run again.
      - An option that has no meaning for the state is refused.
    type: str
    default: recorded
    choices: [recorded, read, proxies_restored, leftovers_removed]
  packages:
    description:
      - Packages of the distribution that are about to be installed. Those that are not installed yet are written down.
      - Only with O(state=recorded).
    type: list
    elements: str
  supervisord:
    description:
      - Whether supervisord is about to be installed from PyPI. Those of its paths that are not there yet are written
        down.
      - Only with O(state=recorded). The default is V(false).
    type: bool
  application:
    description: An application that is about to be set up. Only with O(state=recorded).
    type: dict
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      root:
        description: The folder of its releases and instances.
        type: path
        required: true
      log_dir:
        description: The folder of its log files.
        type: path
        required: true
      user:
        description: Its user, and the group of the same name.
        type: str
        required: true
      ports:
        description: The ports that it takes. They replace those on record.
        type: list
        elements: int
        default: []
      adopt:
        description:
          - What of O(application.root), O(application.log_dir) and O(application.user) may exist though it is not on
            record of this application.
          - Whatever else exists without a record fails the module. A folder without contents is nobody's.
        type: list
        elements: str
        choices: [root, log_dir, user]
        default: []
  keep_data:
    description:
      - Whether releases, log files and the user that they belong to stay. Instances, with their configuration, go all
        the same.
      - Only with O(state=read) or O(state=leftovers_removed). The default is V(false).
    type: bool
  applications:
    description:
      - Applications that may be there without being on record. What is on record counts more.
      - Only with O(state=read) or O(state=leftovers_removed).
    type: list
    elements: dict
    suboptions:
      name:
        description: The application's name.
        type: str
        required: true
      root:
        description: The folder of its releases and instances.
        type: path
        required: true
      log_dir:
        description: The folder of its log files.
        type: path
        required: true
  remove_packages:
    description:
      - Whether packages of the distribution go that this collection installed, with what came with them. Those that
        something else has come to need stay.
      - Only with O(state=read) or O(state=leftovers_removed). The default is V(false).
    type: bool
extends_documentation_fragment:
  - xitrum.host.desired
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Record packages that are about to be installed
  xitrum.host.host_record:
    packages: [haproxy, socat]

- name: Read what a removal would undo
  xitrum.host.host_record:
    state: read
    remove_packages: true
  register: found

- name: Restore the configuration of the proxies
  xitrum.host.host_record:
    state: proxies_restored

- name: Remove everything of the collection but packages
  xitrum.host.host_record:
    state: leftovers_removed
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it. Always empty.", returned: with O(state=proxies_restored) and O(state=leftovers_removed), type: list,
  elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: with
  O(state=proxies_restored) and O(state=leftovers_removed), type: dict}
errors: {description: "Blocking errors, each with what to do. They block the removal, and are read with O(state=read).",
  returned: unless O(state=recorded), type: list, elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: with O(state=proxies_restored) and O(state=leftovers_removed), type: dict}
# End of shared values
record:
  description: The record as it is now - C(applications), C(packages), C(units), C(files) and C(made).
  returned: with O(state=recorded)
  type: dict
lines:
  description: What would be undone, one line a thing. Empty where the host has nothing of this collection.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [instance 0 of myapp, "/etc/security/limits.d/90-xitrum.conf", user myapp]
kept:
  description: Packages of this collection that stay, with the reason. A dictionary of
    names to reasons with O(state=leftovers_removed), and a list of sentences with O(state=read).
  returned: with O(state=read) and O(state=leftovers_removed)
  type: raw
  sample: {nginx: certbot-nginx needs it}
applications:
  description: The applications, with C(name), C(root), C(log_dir), the C(indices) of their instances and the
    C(definitions) of supervisors.
  returned: with O(state=read)
  type: list
  elements: dict
instances:
  description: The instances of all applications together, each with its C(index), and C(port) 0, which is not known.
  returned: with O(state=read)
  type: list
  elements: dict
servers:
  description: What the proxies call the instances.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [app1-0]
proxies:
  description: Whether O(state=proxies_restored) has something to put back.
  returned: with O(state=read)
  type: bool
redirects:
  description: Whether M(xitrum.host.port_redirect) has something to remove.
  returned: with O(state=read)
  type: bool
firewall:
  description: Whether ports that were opened in firewalld or ufw have to be closed again, by M(xitrum.host.host_base).
  returned: with O(state=read)
  type: bool
nofile:
  description: The files for O(ignore:nofile) of M(xitrum.host.host_base).
  returned: with O(state=read)
  type: list
  elements: str
kernel:
  description: The files for M(xitrum.host.sysctl_profile).
  returned: with O(state=read)
  type: list
  elements: str
alternatives:
  description: The homes for M(xitrum.host.jdk) with O(ignore:manage=alternatives), in the order in which they are to be
    given up.
  returned: with O(state=read)
  type: list
  elements: str
jdks:
  description: The names of JDKs for M(xitrum.host.jdk) with O(ignore:manage=archives).
  returned: with O(state=read)
  type: list
  elements: str
leftovers:
  description: Whether O(state=leftovers_removed) has something to remove.
  returned: with O(state=read)
  type: bool
"""

from typing import Any

from ..module_utils.core import host_record, parts, runner
from ..module_utils.core.component import Desired
from ..module_utils.core.host import Host
from ..module_utils.proxy import original
from ..module_utils.removal import component as removal
from ..module_utils.removal import leftovers

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "bool", "default": False}}


def read(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Read everything that this collection has on the host."""
    try:
        return removal.summary(removal.read(host, desired))
    except (OSError, RuntimeError, ValueError) as error:
        raise runner.NotApplied(f"what is on the host could not be read: {error}", {}) from error


PARTS: parts.Parts = {
    "recorded": host_record,
    "read": parts.Reader(leftovers.SPEC, read),
    "proxies_restored": original,
    "leftovers_removed": leftovers,
}


def main() -> None:
    """Read, plan and apply the part that the state asks for."""
    parts.run("state", PARTS, "recorded", CONTROLLER)


if __name__ == "__main__":
    main()
