#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Upload a release of the application, sending only what the host lacks
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - A release is the folder C(ROOT/releases/ID) with the package as it came. It is immutable, and named by its content.
  - Files that an older release on the host has with the same content become hard links. Only the others are sent, in
    one archive.
  - The folder appears when it is whole and every file in it was verified by its SHA-256. A run that is killed leaves no
    release that seems complete.
  - Old releases beyond O(keep) are removed, whether there is something to send or not, but never one that an instance
    runs, or that C(current) or C(previous) names, nor the last healthy one that a rollback goes back to.
options:
  state:
    description:
      - V(present) makes the release.
      - V(read) reads the releases of the host - the whole ones, the one that the host is switched to and the one before
        it, and which of the public examples of Xitrum's project template each has in its configuration. It changes
        nothing.
      - An option that has no meaning for the state is refused.
    type: str
    default: present
    choices: [present, read]
  release:
    description:
      - The release's name, as RV(xitrum.host.package_info#module:release).
      - Only with O(state=present). Required there.
    type: str
  folder:
    description:
      - The package's folder on the controller, as RV(xitrum.host.package_info#module:folder).
      - Only with O(state=present). Required there.
    type: path
  manifest:
    description:
      - The package's files, as RV(xitrum.host.package_info#module:manifest).
      - Only with O(state=present). Required there.
    type: list
    elements: dict
  archive:
    description:
      - The archive on the host with the files that it lacked. Set by the action plugin, not by a playbook.
      - Only with O(state=present).
    type: path
  existing:
    description:
      - What the releases on the host hold, as RV(ignore:release.existing) of M(xitrum.host.host_state_info). Then all
        else is sent at once, without asking.
      - The host verifies it. Where it turns out to lack more, all that it lacks is sent once more.
      - Only with O(state=present).
    type: list
    elements: str
  verified:
    description:
      - What this module reported in C(verified), so that files need not be read twice. Set by the action plugin, not by
        a playbook.
      - Only with O(state=present).
    type: dict
  keep:
    description:
      - How many releases stay on the host, the new one included.
      - Only with O(state=present). The default is V(5).
    type: int
  group:
    description:
      - The group that may read the release. Its owner is root.
      - Only with O(state=present). The default is V(root).
    type: str
  name:
    description:
      - The application's name, by which RV(in_step) is read from the record of its steps, and RV(interrupted) from its
        lock.
      - Without it RV(in_step) is empty, and RV(interrupted) false.
      - Only with O(state=read).
    type: str
  log_dir:
    description:
      - The folder with the log of runs, by which RV(last_run) is read. Without it that is empty.
      - Only with O(state=read).
    type: path
  slots:
    description:
      - Whether the host has two slots, so that RV(slot) is read from its live redirects and its processes.
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
  delegate_to: localhost
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
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it.", returned: with O(state=present), type: list, elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: with O(state=present),
  type: dict}
errors: {description: "Blocking errors, each with what to do.", returned: with O(state=present), type: list,
  elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: with O(state=present), type: dict}
# End of shared values
releases:
  description: The releases that are on the host, or were before one was made, the one that was installed first at the
    beginning.
  returned: always
  type: list
  elements: str
  sample: [3f2a9c1b7d04]
current:
  description: The release that C(ROOT/current) names, that is, that all instances of the host are switched to; empty
    where there is none.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
missing:
  description: The SHA-256 of the files that no release on the host has, and that are sent.
  returned: when a release is made
  type: list
  elements: str
sent_bytes:
  description: How many bytes were sent, the archive's frame included.
  returned: when files were sent
  type: int
  sample: 1049600
previous:
  description: The last other release that was healthy; empty where there is none.
  returned: with O(state=read)
  type: str
  sample: 3f2a9c1b7d04
healthy:
  description:
    - The releases with which a run ended healthy on this host, the latest last.
    - Null on a host without a record, which the next run begins.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [3f2a9c1b7d04, c843051638d2]
switched:
  description: The releases that the instances of the host are switched to. Several after a rollout that stopped.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [c843051638d2]
running:
  description: The releases that the processes of the instances run; none where nothing runs.
  returned: with O(state=read)
  type: list
  elements: str
  sample: [c843051638d2]
in_step:
  description: The releases that a run was bringing to an instance when it ended without a word, as
    M(xitrum.host.instance_service) has them.
  returned: with O(state=read)
  type: list
  elements: str
  sample: []
interrupted:
  description:
    - Whether a run has the lock of the application O(name) on this host, was killed with it, or ended before its last
      task.
    - Its instances may be disabled at the proxies then.
  returned: with O(state=read)
  type: bool
  sample: false
last_run:
  description:
    - The last run in the log of the host - C(when), C(who), C(from) and C(to) which release, C(outcome) and C(seconds).
    - C(died) and C(stopped) are the outcomes of a run that did not end. Empty where there is no log.
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
  description: For each release the keys of its C(config/xitrum.conf) that have a public example - C(secureKey),
    C(apiKey), C(keyFile).
  returned: with O(state=read)
  type: dict
  sample: {"3f2a9c1b7d04": ["apiKey"], "c843051638d2": []}
main_classes:
  description: For each release the main classes in the application's own jars.
  returned: with O(state=read)
  type: dict
  sample: {"3f2a9c1b7d04": ["shop.Boot"], "c843051638d2": ["shop.Boot"]}
slot:
  description:
    - Which of its two slots a host without proxies uses - the number of the instance that the live redirect leads to.
    - Without such a redirect it is the one that runs, and then the one that the last run wrote down.
    - Without O(slots), the one that the last run wrote down.
  returned: with O(state=read)
  type: int
instances:
  description: The instances that are on the host with their C(index), and the HTTP C(port) that they were configured
    with (0 where it is not known).
  returned: with O(state=read)
  type: list
  elements: dict
  sample: [{"index": 0, "port": 8000}]
"""

from typing import Any

from ..module_utils.application import releases, run_lock, slot_read, step_record
from ..module_utils.configuration import xitrum_conf as package_config
from ..module_utils.core import lock_record, parts, runner
from ..module_utils.core.component import Desired
from ..module_utils.core.host import Host
from ..module_utils.package import main_class as package_main

#: The options of a read.
READ = {
    "root": releases.SPEC["root"],
    "name": {"type": "str", "default": ""},
    "log_dir": {"type": "path", "default": ""},
    "slots": {"type": "bool", "default": False},
}


def read(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Read links and folders."""
    root, name = desired["root"], desired["name"]
    try:
        record = step_record.read_record(host, name) if name else {}
        found = {**releases.overview(host, root, record), "instances": slot_read.read_instances(host, root)}
        found["last_run"] = run_lock.read_last_run(host, desired["log_dir"]) if desired["log_dir"] else {}
        found["interrupted"] = bool(name) and lock_record.is_interrupted(host, name)
        if desired["slots"]:
            found["slot"] = slot_read.read_slot(host, root)
        folders = {one: releases.folder(root, one) for one in found["releases"]}
        found["examples"] = {one: package_config.examples(folder) for one, folder in folders.items()}
        found["main_classes"] = {one: sorted(package_main.find_main_classes(folder)) for one, folder in folders.items()}
        return found
    except (OSError, RuntimeError) as error:
        raise runner.NotApplied(f"the releases in {root} could not be read: {error}", {}) from error


PARTS: parts.Parts = {"present": releases, "read": parts.Reader(READ, read)}


def main() -> None:
    """Make the release, or read those that the host has."""
    parts.run("state", PARTS, "present")


if __name__ == "__main__":
    main()
