#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: alternatives_group
short_description: Switches the alternatives of one home together, such as java, javac, javap and javaws of a JDK
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Registers the commands that O(home) has, switches them together to it, and proves that all of them lead there. One
    round trip.
  - A command that O(home) does not have (recent JDKs have no C(javaws)) is left as it is, and said so.
  - The choice is pinned (manual mode), also where automatic mode has it already, since the next package would move it.
    RV(pinned) names these.
  - What was chosen before the first change is kept in C(/var/lib/xitrum.host/alternatives.json), so that
    O(state=absent) can bring it back.
  - Works with Debian's C(update-alternatives) and with the C(alternatives) of the Red Hat family.
  - On Debian each command has a group of its own. On the Red Hat family C(keytool), C(javap), C(jar) and others follow
    C(java) and C(javac). There O(home) is registered with all the followers of these groups that it has, and they move
    with C(java) and C(javac).
options:
  state:
    description:
      - With V(present) the commands lead to O(home).
      - With V(absent) what this module registered of O(home) goes, and where O(home) was in use, the choice before
        comes back. If that is no longer registered, automatic mode is.
    type: str
    choices: [present, absent]
    default: present
  home:
    description: The folder with C(bin/), for example C(/usr/lib/jvm/java-17-openjdk-amd64).
    type: path
    required: true
  commands:
    description:
      - The commands that are switched together.
      - A command that follows another on the Red Hat family needs that one in the list too.
    type: list
    elements: str
    default: [java, javac, javap, javaws]
  priority:
    description:
      - The priority in automatic mode of a command that has to be registered. May be negative.
      - The default is below that of every package, so that automatic mode never prefers it.
    type: int
    default: 1
  version:
    description: The major version that C(java -version) must say afterwards, for example V(17). With V(0) it is not
      asked.
    type: int
    default: 0
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: The four commands are those of this JDK
  xitrum.host.alternatives_group:
    home: /usr/lib/jvm/jdk-17.0.12
    version: 17
"""

RETURN = r"""
before:
  description: The alternatives as they were, by command - C(link), C(mode), C(value) and C(choices), on the Red Hat
    family with C(followers).
  returned: always
  type: dict
  sample:
    java:
      link: /usr/bin/java
      mode: auto
      value: /usr/lib/jvm/java-17-openjdk-amd64/bin/java
      choices: [{path: /usr/lib/jvm/java-17-openjdk-amd64/bin/java, priority: 1711, family: ""}]
pinned:
  description: The commands that led to the right file already and were in automatic mode.
  returned: always
  type: list
  elements: str
  sample: [java, javac]
lost:
  description: The choices before ours that could not be brought back, one sentence each.
  returned: with O(state=absent), where there are any
  type: list
  elements: str
rows:
  description: Wanted, configured and effective, one row a command.
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
from ..module_utils.jdk import alternatives


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(alternatives)


if __name__ == "__main__":
    main()
