#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_record
short_description: Record the state of a host before a change, and restore it
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The record is C(/var/lib/xitrum.host/before.json). The collection uses it to remove what it created, and to restore
    what it changed.
options:
  state:
    description:
      - V(recorded) records what is about to be created on the host, so that it can be removed later. Use it before the
        packages are installed, and before the application's user and folders are created. What exists already belongs
        to the host, and a removal keeps it. Recorded entries never change, so that a second run does not mistake the
        changes of the first for the original state.
      - V(read) finds everything that this collection has on the host, in one round trip, and changes nothing. It relies
        on marks in files and on the recorded state, not on the current values of variables. The result shows which
        modules have something to undo.
      - V(proxies_restored) restores the configuration of HAProxy, Nginx and Apache that M(xitrum.host.proxy_config) has
        kept, and removes the files that belong to the new one. The service continues with the old configuration, or is
        stopped and disabled if it was not installed or did not run before. A configuration without this collection's
        digest is unmanaged, and is kept. If the service continues, the software validates the kept configuration before
        anything is changed.
      - V(leftovers_removed) is the last step of a removal. It removes the folders, users, packages and records of this
        collection. A user, a group or a folder that existed before is kept, and only files of this collection are
        removed from such a folder. Services that were stopped or enabled for the application are restored. The record
        is removed last, so that you can repeat a run that was killed.
      - The module fails when an option does not apply to the state.
    type: str
    default: recorded
    choices: [recorded, read, proxies_restored, leftovers_removed]
  packages:
    description:
      - Packages of the distribution that are about to be installed. The module records those that are not installed
        yet.
      - Only with O(state=recorded).
    type: list
    elements: str
  supervisord:
    description:
      - Whether supervisord is about to be installed from PyPI. The module records those of its paths that do not exist
        yet.
      - Only with O(state=recorded). The default is V(false).
    type: bool
  application:
    description: An application that is about to be set up. Only with O(state=recorded).
    type: dict
    suboptions:
      name:
        description: The name of the application.
        type: str
        required: true
      root:
        description: The folder that contains its releases and instances.
        type: path
        required: true
      log_dir:
        description: The folder for its log files.
        type: path
        required: true
      user:
        description: The user that runs the application. Its group has the same name.
        type: str
        required: true
      ports:
        description: The ports that the application listens on. They replace the recorded ones.
        type: list
        elements: int
        default: []
      adopt:
        description:
          - Which of O(application.root), O(application.log_dir) and O(application.user) may already exist without a
            record of this application.
          - The module fails when any other of them exists without a record. It accepts an empty folder.
        type: list
        elements: str
        choices: [root, log_dir, user]
        default: []
  keep_data:
    description:
      - Whether to keep releases, log files, and the user that owns them. Instances and their configuration are removed
        in any case.
      - Only with O(state=read) or O(state=leftovers_removed). The default is V(false).
    type: bool
  applications:
    description:
      - Applications that may exist without a record. Records take precedence.
      - Only with O(state=read) or O(state=leftovers_removed).
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the application.
        type: str
        required: true
      root:
        description: The folder that contains its releases and instances.
        type: path
        required: true
      log_dir:
        description: The folder for its log files.
        type: path
        required: true
  remove_packages:
    description:
      - Whether to remove packages of the distribution that this collection installed, with their dependencies. Packages
        that something else needs by now are kept.
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
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. Always empty.", returned: with O(state=proxies_restored) and O(state=leftovers_removed),
  type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: with
  O(state=proxies_restored) and O(state=leftovers_removed), type: dict}
errors: {description: "Blocking errors. Each one states how to fix it. They block the removal. O(state=read) finds
  them.", returned: unless O(state=recorded) succeeds, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: unless O(state=recorded) succeeds, type: dict}
# End of shared values
record:
  description: The current record - C(applications), C(packages), C(units), C(files) and C(made).
  returned: with O(state=recorded)
  type: dict
lines:
  description: What a removal would undo, one item a line. Empty if the host has nothing of this collection.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [instance 0 of myapp, "/etc/security/limits.d/90-xitrum.conf", user myapp]
kept:
  description: Packages that this collection installed and that are kept, with the reason. A dictionary of names to
    reasons with O(state=leftovers_removed), and a list of sentences with O(state=read).
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
  description: The instances of all applications together, each with its C(index). C(port) is 0, since it is not known.
  returned: with O(state=read)
  type: list
  elements: dict
servers:
  description: The names of the instances in the proxies.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [app1-0]
proxies:
  description: Whether O(state=proxies_restored) has something to restore.
  returned: with O(state=read)
  type: bool
redirects:
  description: Whether M(xitrum.host.port_redirect) has something to remove.
  returned: with O(state=read)
  type: bool
firewall:
  description: Whether M(xitrum.host.host_base) has to close ports that were opened in firewalld or ufw.
  returned: with O(state=read)
  type: bool
nofile:
  description: The files to remove with O(ignore:nofile) of M(xitrum.host.host_base).
  returned: with O(state=read)
  type: list
  elements: str
kernel:
  description: The files to remove with M(xitrum.host.sysctl_profile).
  returned: with O(state=read)
  type: list
  elements: str
alternatives:
  description: The JDK folders to remove from alternatives with M(xitrum.host.jdk) and O(ignore:manage=alternatives), in
    the order of removal.
  returned: with O(state=read)
  type: list
  elements: str
jdks:
  description: The names of the JDKs to remove with M(xitrum.host.jdk) and O(ignore:manage=archives).
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
        return removal.summarize(removal.read(host, desired))
    except (OSError, RuntimeError, ValueError) as error:
        raise runner.refuse(f"what is on the host could not be read: {error}", error) from error


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
