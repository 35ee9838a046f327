#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: jdk
short_description: Install JDKs out of archives, and switch the commands of Java as a group
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Of O(manage=archives), the archive is fetched once on the controller and sent to the hosts that lack it, or fetched
    by each of them.
  - It is unpacked under another name, has to be a JDK for the host's architecture and of the desired version, has to
    run, and only then is renamed to C(/usr/lib/jvm/NAME). A run that is killed leaves no JDK that seems complete, and
    the next run cleans up.
  - A JDK that is there is never changed. An archive with another checksum needs another O(name).
  - An archive with a member that leaves its folder is refused.
  - Files and folders that are not the JDK's own are not kept, nor is what macOS adds to an archive. An archive of two
    JDKs is refused.
  - Of O(manage=alternatives), it registers the commands that O(home) has, switches them together to it, and proves that
    all of them lead there. One round trip.
  - A command that O(home) does not have (recent JDKs have no C(javaws)) is left unchanged, and reported.
  - The choice is pinned (manual mode), also where automatic mode has it already, since the next package would move it.
    RV(pinned) names these.
  - What was chosen before the first change is kept in C(/var/lib/xitrum.host/alternatives.json), so that
    O(state=absent) can bring it back.
  - Works with Debian's C(update-alternatives) and with the C(alternatives) of the Red Hat family.
  - On Debian each command has a group of its own. On the Red Hat family C(keytool), C(javap), C(jar) and others follow
    C(java) and C(javac). There O(home) is registered with all the followers of these groups that it has, and they move
    with C(java) and C(javac).
options:
  manage:
    description:
      - With V(archives), JDKs out of archives are installed and removed.
      - With V(alternatives), commands are switched to a JDK as a group.
      - An option that has no meaning for what is managed is refused.
    type: str
    required: true
    choices: [archives, alternatives]
  name:
    description:
      - The folder's name below C(/usr/lib/jvm). Without it nothing is unpacked.
      - Only with O(manage=archives).
    type: str
  source:
    description:
      - The archive, a tar.gz. A path on the controller, or an C(http) or C(https) URL.
      - With O(download=hosts), a path on the host, or a URL that the host fetches.
      - Only with O(manage=archives).
    type: str
  sha256:
    description:
      - The SHA-256 of the archive, 64 hexadecimal digits. Required unless O(unverified) is true.
      - Only with O(manage=archives).
    type: str
  unverified:
    description:
      - Whether the archive may come without a checksum. It is then fetched once and kept in O(cache) under its URL.
      - Only with O(manage=archives). The default is V(false).
    type: bool
  download:
    description:
      - Where a URL is fetched. V(hosts) spares the way through the controller, and each host needs to reach the URL.
      - Only with O(manage=archives). The default is V(controller).
    type: str
    choices: [controller, hosts]
  cache:
    description:
      - The folder in which what was fetched is kept. On a host the archive is removed from it after the unpacking.
      - Only with O(manage=archives). The default is V(~/.cache/xitrum.host).
    type: path
  version:
    description:
      - With O(manage=archives), the major version that the JDK must have, such as V(17).
      - With O(manage=alternatives), the major version that C(java -version) must report afterwards. With V(0) it is not
        read.
    type: int
    default: 0
  architecture:
    description:
      - The architecture that the archive must be for, as C(uname -m) reports it. Without it, the host's.
      - Only with O(manage=archives).
    type: str
  absent:
    description:
      - Names of JDKs from archives that are removed, together with their alternatives. The alternatives that were
        chosen before come back.
      - Refused for a JDK that a process runs on, and for one that is not from an archive.
      - Only with O(manage=archives).
    type: list
    elements: str
  archive:
    description:
      - The archive on the host. Set by the module itself after it sent the archive there.
      - Only with O(manage=archives).
    type: path
  headers:
    description:
      - HTTP headers of the request for a URL, such as a C(Cookie) that a vendor wants, or one that carries a token.
      - They are sent to the scheme, host and port of the URL alone - after a redirect to another one none of them is.
        At most ten redirects are followed, and none from C(https) to C(http).
      - Only with O(manage=archives).
    type: dict
  timeout:
    description:
      - Seconds without a byte after which a URL is given up.
      - Only with O(manage=archives). The default is V(30).
    type: int
  validate_certs:
    description:
      - Whether the certificate of an C(https) URL has to be valid.
      - Only with O(manage=archives). The default is V(true).
    type: bool
  state:
    description:
      - With V(present) the commands lead to O(home).
      - With V(absent) what this module registered of O(home) goes, and where O(home) was in use, the choice before
        comes back. If that is no longer registered, automatic mode is.
      - Only with O(manage=alternatives). The default is V(present).
    type: str
    choices: [present, absent]
  home:
    description:
      - The folder with C(bin/), for example C(/usr/lib/jvm/java-17-openjdk-amd64).
      - Only with O(manage=alternatives). Required there.
    type: path
  commands:
    description:
      - The commands that are switched together.
      - A command that follows another on the Red Hat family needs that one in the list too.
      - Only with O(manage=alternatives). The default is C([java, javac, javap, javaws]).
    type: list
    elements: str
  priority:
    description:
      - The priority in automatic mode of a command that has to be registered. May be negative.
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
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it.", returned: always, type: list, elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: always, type: dict}
errors: {description: "Blocking errors, each with what to do.", returned: always, type: list, elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: always, type: dict}
# End of shared values
before:
  description: The alternatives as they were, by command - C(link), C(mode), C(value) and C(choices), on the Red Hat
    family with C(followers).
  returned: with O(manage=alternatives)
  type: dict
  sample:
    java:
      link: /usr/bin/java
      mode: auto
      value: /usr/lib/jvm/java-17-openjdk-amd64/bin/java
      choices: [{path: /usr/lib/jvm/java-17-openjdk-amd64/bin/java, priority: 1711, family: ""}]
pinned:
  description: The commands that led to the right file already and were in automatic mode.
  returned: with O(manage=alternatives)
  type: list
  elements: str
  sample: [java, javac]
lost:
  description: The choices before ours that could not be brought back, one sentence each.
  returned: with O(state=absent), where there are any
  type: list
  elements: str
home:
  description: The JDK's folder, empty where O(name) was not given.
  returned: with O(manage=archives)
  type: str
  sample: /usr/lib/jvm/jdk-17.0.12
reported_version:
  description: The version that its C(java -version) reports, empty where there is none yet.
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
