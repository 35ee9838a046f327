#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Puts a release of the application on a host, sending only what the host does not have
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - A release is the folder C(ROOT/releases/ID) with the package as it came. It is immutable, and named by its content.
  - Files that an older release on the host has with the same content become hard links. Only the others are sent, in
    one archive.
  - The folder appears when it is whole and every file in it was proved by its SHA-256. A run that is killed leaves no
    release that looks whole.
  - Old releases beyond O(keep) are removed, whether there is something to send or not, but never one that an instance
    runs, or that C(current) or C(previous) names, nor the last healthy one that a rollback goes back to.
options:
  release:
    description: The release's name, as RV(xitrum.host.package_info#module:release).
    type: str
    required: true
  folder:
    description: The package's folder on the controller, as RV(xitrum.host.package_info#module:folder).
    type: path
    required: true
  manifest:
    description: The package's files, as RV(xitrum.host.package_info#module:manifest).
    type: list
    elements: dict
    required: true
  archive:
    description: The archive on the host with the files that it lacked. Set by the action plugin, not by a playbook.
    type: path
  has:
    description:
      - What the releases on the host hold, as RV(ignore:release.has) of M(xitrum.host.host_state_info). Then all else
        is sent at once, without asking.
      - The host proves it. Where it turns out to lack more, all that it lacks is sent once more.
    type: list
    elements: str
  proved:
    description: What this module said in C(proved), so that files need not be read twice. Set by the action plugin, not
      by a playbook.
    type: dict
  keep:
    description: How many releases stay on the host, the new one included.
    type: int
    default: 5
  group:
    description: The group that may read the release. It is owned by root.
    type: str
    default: root
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.application
"""

EXAMPLES = r"""
- name: The package is read on the controller
  xitrum.host.package_info:
    source: target/xitrum
  delegate_to: localhost
  run_once: true
  register: package

- name: The release is on the host
  xitrum.host.release:
    root: /opt/myapp
    release: "{{ package.release }}"
    folder: "{{ package.folder }}"
    manifest: "{{ package.manifest }}"
    group: myapp
"""

RETURN = r"""
releases:
  description: The releases that were on the host before, oldest first.
  returned: always
  type: list
  elements: str
  sample: [3f2a9c1b7d04]
current:
  description: The release that C(ROOT/current) names; empty where there is none.
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
rows:
  description: Wanted, configured and effective, one row an item.
  returned: always
  type: list
  elements: dict
problems:
  description: What stands in the way; empty where nothing does.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.application import releases
from ..module_utils.core import runner


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(releases)


if __name__ == "__main__":
    main()
