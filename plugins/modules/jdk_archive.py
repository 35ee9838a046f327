#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: jdk_archive
short_description: Unpacks a JDK from an archive below /usr/lib/jvm, and removes such JDKs
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The archive is fetched once on the controller and sent to the hosts that lack it, or fetched by each of them.
  - It is unpacked under another name, has to be a JDK for the host's architecture and of the wanted version, has to
    run, and only then is renamed to C(/usr/lib/jvm/NAME). A run that is killed leaves no JDK that looks whole, and the
    next run cleans up.
  - A JDK that is there is never changed. An archive with another checksum needs another O(name).
  - An archive with a member that leaves its folder is refused.
  - Files and folders beside the JDK's own are not kept, nor is what macOS adds to an archive. An archive of two JDKs is
    refused.
options:
  name:
    description: The folder's name below C(/usr/lib/jvm). Without it nothing is unpacked.
    type: str
  source:
    description:
      - The archive, a tar.gz. A path on the controller, or an C(http) or C(https) URL.
      - With O(download=hosts), a path on the host, or a URL that the host fetches.
    type: str
  sha256:
    description: The SHA-256 of the archive, 64 hexadecimal digits. Required unless O(unverified) is true.
    type: str
    default: ""
  unverified:
    description: Whether the archive may come without a checksum. It is then fetched once and kept in O(cache) under its
      URL.
    type: bool
    default: false
  download:
    description: Where a URL is fetched. V(hosts) spares the way through the controller, and each host needs to reach
      the URL.
    type: str
    choices: [controller, hosts]
    default: controller
  cache:
    description: The folder in which what was fetched is kept. On a host the archive is removed from it after the
      unpacking.
    type: path
    default: ~/.cache/xitrum.host
  version:
    description: The major version that the JDK must have, such as V(17).
    type: int
    default: 0
  architecture:
    description: The architecture that the archive must be for, as C(uname -m) says it. Without it, the host's.
    type: str
  absent:
    description:
      - Names of JDKs from archives that are removed, together with their alternatives. The alternatives that were
        chosen before come back.
      - Refused for a JDK that a process runs on, and for one that is not from an archive.
    type: list
    elements: str
    default: []
  archive:
    description: The archive on the host. Set by the module itself after it sent the archive there.
    type: path
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.download
"""

EXAMPLES = r"""
- name: A vendor's JDK is there
  xitrum.host.jdk_archive:
    name: jdk-17.0.12
    version: 17
    source: https://downloads.example.com/jdk-17.0.12_linux-x64_bin.tar.gz
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    headers:
      Cookie: accept-license=yes

- name: The old one is gone
  xitrum.host.jdk_archive:
    absent: [jdk-17.0.9]
"""

RETURN = r"""
home:
  description: The JDK's folder, empty where O(name) was not given.
  returned: always
  type: str
  sample: /usr/lib/jvm/jdk-17.0.12
said:
  description: The version that its C(java -version) says, empty where there is none yet.
  returned: always
  type: str
  sample: 17.0.12
needed:
  description: Whether the archive was needed.
  returned: always
  type: bool
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

from ..module_utils.core import runner
from ..module_utils.jdk import archive


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(archive)


if __name__ == "__main__":
    main()
