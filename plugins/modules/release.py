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
  release:
    description:
      - The name of the release, as returned in RV(xitrum.host.package_info#module:release).
    type: str
    required: true
  folder:
    description:
      - The package's folder on the controller, as returned in RV(xitrum.host.package_info#module:folder).
    type: path
    required: true
  manifest:
    description:
      - The package's files, as returned in RV(xitrum.host.package_info#module:manifest).
    type: list
    required: true
    elements: dict
  archive:
    description:
      - The archive on the host that contains the missing files. Set by the action plugin, not by a playbook.
    type: path
  existing:
    description:
      - The content of the releases on the host, as returned in RV(ignore:release.existing) of
        M(xitrum.host.host_state_info). With it, all other files are sent at once, without a query.
      - The host verifies it. If more files are missing, all missing files are sent again.
    type: list
    elements: str
  verified:
    description:
      - The value of C(verified) that this module reported, so that files are not read twice. Set by the action plugin,
        not by a playbook.
    type: dict
  keep:
    description:
      - The number of releases to keep on the host, including the new one.
    type: int
    default: 5
  group:
    description:
      - The group that can read the release. The owner is root.
    type: str
    default: root
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
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
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
"""

from ..module_utils.application import releases
from ..module_utils.core import runner


def main() -> None:
    """Make the release."""
    runner.run(releases)


if __name__ == "__main__":
    main()
