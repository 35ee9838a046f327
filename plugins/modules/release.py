#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Upload a release of the application, and send only missing files
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - A release is the folder C(ROOT/releases/ID) with the unchanged package. It is immutable, and its name depends on its
    content.
  - Files that an older release on the host has with the same content become hard links. Only the other files are sent,
    in one archive.
  - The folder appears only when it is complete and the SHA-256 of every file in it is verified. A killed run leaves no
    release that seems complete.
  - Old releases beyond O(keep) are removed, even if no files are sent. A release is kept if an instance runs it, or if
    C(current) or C(previous) points to it. The last healthy release is kept too, because a rollback returns to it.
options:
  state:
    description:
      - V(present) creates the release.
      - V(read) reads the releases on the host - the complete ones, the current and the previous one. For each it
        returns which public example values of Xitrum's project template its configuration contains. It changes nothing.
      - The module fails when an option does not apply to the state.
    type: str
    default: present
    choices: [present, read]
  release:
    description:
      - The name of the release, as returned in RV(xitrum.host.package_info#module:release).
      - Only with O(state=present), and required for it.
    type: str
  folder:
    description:
      - The package's folder on the controller, as returned in RV(xitrum.host.package_info#module:folder).
      - Only with O(state=present), and required for it.
    type: path
  manifest:
    description:
      - The package's files, as returned in RV(xitrum.host.package_info#module:manifest).
      - Only with O(state=present), and required for it.
    type: list
    elements: dict
  archive:
    description:
      - The archive on the host that contains the missing files. Set by the action plugin, not by a playbook.
      - Only with O(state=present).
    type: path
  existing:
    description:
      - The content of the releases on the host, as returned in RV(ignore:release.existing) of
        M(xitrum.host.host_state_info). With it, all other files are sent at once, without a query.
      - The host verifies it. If more files are missing, all missing files are sent again.
      - Only with O(state=present).
    type: list
    elements: str
  verified:
    description:
      - The value of C(verified) that this module reported, so that files are not read twice. Set by the action plugin,
        not by a playbook.
      - Only with O(state=present).
    type: dict
  keep:
    description:
      - The number of releases to keep on the host, including the new one.
      - Only with O(state=present). The default is V(5).
    type: int
  group:
    description:
      - The group that can read the release. The owner is root.
      - Only with O(state=present). The default is V(root).
    type: str
  name:
    description:
      - The name of the application, to read RV(in_step) from the record of its steps, and RV(interrupted) from its
        lock.
      - Without it, RV(in_step) is empty, and RV(interrupted) is false.
      - Only with O(state=read).
    type: str
  log_dir:
    description:
      - The folder with the log of runs, to read RV(last_run). Without it, RV(last_run) is empty.
      - Only with O(state=read).
    type: path
  slots:
    description:
      - Whether the host has two blue/green slots. Then RV(slot) is read from its live redirects and its processes.
      - Only with O(state=read). The default is V(false).
    type: bool
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.application
"""

EXAMPLES = r"""
- name: Read the package on the controller
  xitrum.host.package_info:
    source: target/xitrum
  run_once: true
  register: package

- name: Upload the release
  xitrum.host.release:
    root: /opt/myapp
    release: "{{ package.release }}"
    folder: "{{ package.folder }}"
    manifest: "{{ package.manifest }}"
    group: myapp

- name: Read the releases
  xitrum.host.release:
    state: read
    root: /opt/myapp
  register: found
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it.", returned: with O(state=present), type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: with
  O(state=present), type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: with O(state=present), type: list,
  elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: with O(state=present), type: dict}
# End of shared values
releases:
  description: The releases on the host, before one was created, in the order of their installation.
  returned: always
  type: list
  elements: str
  sample: [3f2a9c1b7d04]
current:
  description: The release that C(ROOT/current) points to, that is, to which all instances of the host are switched;
    empty if there is none.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
missing:
  description: The SHA-256 of the files that no release on the host has, and that are sent to it.
  returned: when a release is created
  type: list
  elements: str
sent_bytes:
  description: The number of bytes that were sent, including the overhead of the archive.
  returned: when files were sent
  type: int
  sample: 1049600
previous:
  description: The last other release that was healthy; empty if there is none.
  returned: with O(state=read)
  type: str
  sample: 3f2a9c1b7d04
healthy:
  description:
    - The releases with which a run ended healthy on this host, the most recent one last.
    - Null on a host without a record. The next run creates the record.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [3f2a9c1b7d04, c843051638d2]
switched:
  description: The releases to which the instances of the host are switched. There are several after a rollout that
    stopped.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [c843051638d2]
running:
  description: The releases that the processes of the instances run; empty if nothing runs.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [c843051638d2]
in_step:
  description: The releases to which a run was switching an instance when it was killed, as
    M(xitrum.host.instance_service) recorded them.
  returned: with O(state=read)
  type: list
  elements: str
  sample: []
interrupted:
  description:
    - Whether a run holds the lock of the application O(name) on this host, was killed while it held it, or ended before
      its last task.
    - In this case its instances may be disabled at the proxies.
  returned: with O(state=read)
  type: bool
  sample: false
stopped:
  description: The numbers of the instances that an operator stopped, with O(name).
  returned: with O(state=read)
  type: list
  elements: int
  sample: [1]
last_run:
  description:
    - The last run in the log of the host - C(when), C(who), the releases C(from) and C(to), C(outcome) and C(seconds).
    - C(died) and C(stopped) are the outcomes of a run that did not complete. Empty if there is no log.
  returned: with O(state=read)
  type: dict
  sample:
    "when": "2026-10-05T12:00:00Z"
    "who": "ann@laptop"
    "from": "3f2a9c1b7d04"
    "to": "c843051638d2"
    "outcome": "done"
    "seconds": 95
examples:
  description: For each release, the keys of its C(config/xitrum.conf) that have a public example value - C(secureKey),
    C(apiKey), C(keyFile).
  returned: with O(state=read)
  type: dict
  sample: {"3f2a9c1b7d04": ["apiKey"], "c843051638d2": []}
main_classes:
  description: For each release, the main classes in the application's own jars.
  returned: with O(state=read)
  type: dict
  sample: {"3f2a9c1b7d04": ["shop.Boot"], "c843051638d2": ["shop.Boot"]}
slot:
  description:
    - Which of its two blue/green slots a host without proxies uses - the number of the instance to which the live
      redirect leads.
    - Without such a redirect, the slot that runs, and otherwise the slot that the last run recorded.
    - Without O(slots), the slot that the last run recorded.
  returned: with O(state=read)
  type: int
instances:
  description: The instances on the host, each with its C(index) and its configured HTTP C(port) (0
    if its configuration could not be read).
  returned: with O(state=read)
  type: list
  elements: dict
  sample: [{"index": 0, "port": 8000}]
"""

from typing import Any

from ..module_utils.application import releases
from ..module_utils.core import parts, runner
from ..module_utils.core.component import Desired
from ..module_utils.core.host import Host

#: The options of a read.
READ = {
    "root": releases.SPEC["root"],
    "name": {"type": "str", "default": ""},
    "log_dir": {"type": "path", "default": ""},
    "slots": {"type": "bool", "default": False},
}


def read(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Read links and folders."""
    # Only a rollback reads. For an upload, each host would compile these files in vain.
    from ..module_utils.application import overview

    try:
        return overview.read(host, desired)
    except (OSError, RuntimeError) as error:
        raise runner.NotApplied(f"the releases in {desired['root']} could not be read: {error}", {}) from error


PARTS: parts.Parts = {"present": releases, "read": parts.Reader(READ, read)}


def main() -> None:
    """Make the release, or read those that the host has."""
    parts.run("state", PARTS, "present")


if __name__ == "__main__":
    main()
