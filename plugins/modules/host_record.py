#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_record
short_description: Writes down what is about to be made on a host, so that it can be taken back
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - To be called before the packages are installed, and before the application's user and folders are made. What is there already is the host's
    own, and stays when everything is taken back.
  - The record is C(/var/lib/xitrum.host/before.json). What it says already is never changed, so that a second run does not take the
    work of the first for the host's.
options:
  packages:
    description: Packages of the distribution that are about to be installed. Those that are not installed yet are written down.
    type: list
    elements: str
    default: []
  supervisord:
    description: Whether supervisord is about to be installed from PyPI. Those of its paths that are not there yet are written down.
    type: bool
    default: false
  application:
    description: An application that is about to be set up.
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
          - What of O(application.root), O(application.log_dir) and O(application.user) may exist though it is not on record of this application.
          - Whatever else exists without a record fails the module. A folder without contents is nobody's.
        type: list
        elements: str
        choices: [root, log_dir, user]
        default: []
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: What is about to be installed is written down
  xitrum.host.host_record:
    packages: [haproxy, socat]
"""

RETURN = r"""
record:
  description: The record as it is now - C(applications), C(packages), C(units), C(files) and C(made).
  returned: success
  type: dict
"""

from ..module_utils.core import host_record, runner


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(host_record)


if __name__ == "__main__":
    main()
