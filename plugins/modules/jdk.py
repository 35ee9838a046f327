#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: jdk
short_description: Install JDKs from archives, and switch the Java commands as a group
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - With O(manage=archives), the controller downloads the archive once and sends it to the hosts that need it, or each
    host downloads it.
  - The module unpacks the archive under a temporary name. It verifies that it is a JDK of the desired version for the
    host's architecture, and that it runs. Only then it renames the folder to C(/usr/lib/jvm/NAME). A killed run leaves
    no JDK that seems complete, and the next run cleans up.
  - An existing JDK is never changed. An archive with another checksum needs another O(name).
  - An archive with a member outside of its folder is an error.
  - Files that do not belong to the JDK, and files that macOS adds to an archive, are not kept. An archive with two JDKs
    is an error.
  - With O(manage=alternatives), the module registers the commands that O(home) has, and switches them to it together.
    It verifies that all of them lead there. This takes one round trip.
  - A command that O(home) does not have (recent JDKs have no C(javaws)) is not changed, but reported.
  - The choice is pinned (manual mode), even if automatic mode already selects it, since the next package could change
    it. RV(pinned) lists these commands.
  - The choices from before the first change are kept in C(/var/lib/xitrum.host/alternatives.json), so that
    O(state=absent) can restore them.
  - Works with Debian's C(update-alternatives) and with the C(alternatives) of the Red Hat family.
  - On Debian each command has a group of its own. On the Red Hat family C(keytool), C(javap), C(jar) and others follow
    C(java) and C(javac). There, O(home) is registered with all followers of these groups that it has, and they are
    switched together with C(java) and C(javac).
options:
  manage:
    description:
      - With V(archives), the module installs and removes JDKs from archives.
      - With V(alternatives), it switches commands to a JDK as a group.
      - The module fails when an option does not apply to this value.
    type: str
    required: true
    choices: [archives, alternatives]
  name:
    description:
      - The name of the folder below C(/usr/lib/jvm). Without it, no JDK is installed.
      - Only with O(manage=archives).
    type: str
  source:
    description:
      - The archive, a tar.gz. A path on the controller, or an C(http) or C(https) URL.
      - With O(download=hosts), a path on the host, or a URL that the host downloads.
      - Only with O(manage=archives).
    type: str
  sha256:
    description:
      - The SHA-256 of the archive, 64 hexadecimal digits. Required unless O(unverified) is true.
      - Only with O(manage=archives).
    type: str
  unverified:
    description:
      - Whether to accept an archive without a checksum. It is then downloaded once, and kept in O(cache) under its URL.
      - Only with O(manage=archives). The default is V(false).
    type: bool
  download:
    description:
      - Where to download a URL. With V(hosts), the archive does not pass through the controller, but each host must be
        able to reach the URL.
      - Only with O(manage=archives). The default is V(controller).
    type: str
    choices: [controller, hosts]
  cache:
    description:
      - The folder for downloaded archives. On a host, the archive is removed from it after it was unpacked.
      - Only with O(manage=archives). The default is V(~/.cache/xitrum.host).
    type: path
  version:
    description:
      - With O(manage=archives), the major version that the JDK must have, such as V(17).
      - With O(manage=alternatives), the major version that C(java -version) must report afterwards. With V(0), the
        version is not checked.
    type: int
    default: 0
  architecture:
    description:
      - The architecture that the archive must be for, as C(uname -m) reports it. The default is that of the host.
      - Only with O(manage=archives).
    type: str
  absent:
    description:
      - Names of JDKs from archives to remove, together with their alternatives. The previous choices of alternatives
        are restored.
      - It is an error to remove a JDK that a process uses, or one that is not from an archive.
      - Only with O(manage=archives).
    type: list
    elements: str
  archive:
    description:
      - The archive on the host. Set by the action plugin after it has sent the archive there.
      - Only with O(manage=archives).
    type: path
  headers:
    description:
      - HTTP headers of the request for a URL, such as a C(Cookie) that a vendor requires, or a header with a token.
      - The module sends them only to the scheme, host and port of the URL, and drops them when a redirect leads
        elsewhere. It follows at most ten redirects, and none from C(https) to C(http).
      - Only with O(manage=archives).
    type: dict
  timeout:
    description:
      - Seconds without any data after which a download is aborted.
      - Only with O(manage=archives). The default is V(30).
    type: int
  validate_certs:
    description:
      - Whether to validate the certificate of an C(https) URL.
      - Only with O(manage=archives). The default is V(true).
    type: bool
  state:
    description:
      - With V(present), the commands lead to O(home).
      - With V(absent), the module removes what it registered for O(home). If O(home) was in use, it restores the
        previous choice, or automatic mode if that choice is no longer registered.
      - Only with O(manage=alternatives). The default is V(present).
    type: str
    choices: [present, absent]
  home:
    description:
      - The folder that contains C(bin/), for example C(/usr/lib/jvm/java-17-openjdk-amd64).
      - Only with O(manage=alternatives). Required there.
    type: path
  commands:
    description:
      - The commands to switch together.
      - On the Red Hat family, a command that follows another one needs that command in the list too.
      - Only with O(manage=alternatives). The default is C([java, javac, javap, javaws]).
    type: list
    elements: str
  priority:
    description:
      - The priority in automatic mode for commands that have to be registered. It may be negative.
      - The default is below that of every package, so that automatic mode never prefers it.
      - Only with O(manage=alternatives). The default is V(1).
    type: int
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Install a vendor's JDK
  xitrum.host.jdk:
    manage: archives
    name: jdk-17.0.12
    version: 17
    source: https://downloads.example.com/jdk-17.0.12_linux-x64_bin.tar.gz
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    headers:
      Cookie: accept-license=yes

- name: Remove the old one
  xitrum.host.jdk:
    manage: archives
    absent: [jdk-17.0.9]

- name: Switch the four commands to this JDK
  xitrum.host.jdk:
    manage: alternatives
    home: /usr/lib/jvm/jdk-17.0.12
    version: 17
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
before:
  description: The alternatives before the change, by command - C(link), C(mode), C(value) and C(choices), on the Red
    Hat family with C(followers).
  returned: with O(manage=alternatives)
  type: dict
  sample:
    java:
      link: /usr/bin/java
      mode: auto
      value: /usr/lib/jvm/java-17-openjdk-amd64/bin/java
      choices: [{path: /usr/lib/jvm/java-17-openjdk-amd64/bin/java, priority: 1711, family: ""}]
pinned:
  description: The commands that already led to the right file, but were in automatic mode.
  returned: with O(manage=alternatives)
  type: list
  elements: str
  sample: [java, javac]
lost:
  description: The previous choices that could not be restored, one sentence each.
  returned: with O(state=absent), if there are any
  type: list
  elements: str
home:
  description: The folder of the JDK, empty if O(name) is not set.
  returned: with O(manage=archives)
  type: str
  sample: /usr/lib/jvm/jdk-17.0.12
reported_version:
  description: The version that its C(java -version) reports, empty if the JDK is not installed yet.
  returned: with O(manage=archives)
  type: str
  sample: 17.0.12
needed:
  description: Whether the archive was needed.
  returned: with O(manage=archives)
  type: bool
"""

from ..module_utils.core import parts
from ..module_utils.jdk import alternatives, archive

PARTS: parts.Parts = {"archives": archive, "alternatives": alternatives}


def main() -> None:
    """Read, plan and apply what is to be managed."""
    parts.run("manage", PARTS)


if __name__ == "__main__":
    main()
