#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: console
short_description: Run Scala in the running JVM of an instance, or read its threads and its heap
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Finds an instance by its process, whichever supervisor keeps it, and attaches to its JVM as its user, in its mount
    namespace.
  - The compiler of the application's own release compiles an expression, on JDK 9 and newer. It sees the
    application's classes. What it changes stays changed, so the module reports C(changed) for every expression, and
    runs none in check mode.
  - Without an expression, the console is opened in the terminal that C(ansible-playbook) was started in, over SSH, by
    Scalive on JDK 8.
  - There is one console at a time on an instance. A second one is refused.
  - Leaves nothing in the host's files. The JVM keeps what every tool that attaches leaves, a thread and a socket in its
    C(/tmp), and one open file of an archive of 1 KB that is removed.
options:
  root:
    description: The folder of releases and instances on the host.
    type: path
    required: true
  user:
    description: The application's user. A process of another user is not queried.
    type: str
    required: true
  instance:
    description: The number of the instance.
    type: int
    default: 0
  action:
    description: What is done - Scala, or by C(jcmd) the stacks of all threads, the sizes of the heap, or the number of
      objects of each class.
    type: str
    default: scala
    choices: [scala, threads, heap, histogram]
  command:
    description: The expression in Scala. Empty opens a console in the terminal.
    type: str
    default: ""
  compiler:
    description: Paths of C(scala-compiler-VERSION.jar) and C(scala-reflect-VERSION.jar) on the host, for a release that
      has none.
    type: list
    elements: path
    default: []
  timeout:
    description: The seconds after which an expression, or C(jcmd), is given up; 1 or more.
    type: int
    default: 60
  sources:
    description: The console's own Java sources, file name to text. Compiled by the JDK of the instance.
    type: dict
    default: {}
  left:
    description: The folder of a console that was left. Set by the action plugin.
    type: str
    default: ""
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.batch.action
"""

EXAMPLES = r"""
- name: Read the stacks of all threads
  xitrum.host.console:
    root: /opt/myapp
    user: myapp
    action: threads
  register: threads

- name: Print the stacks
  ansible.builtin.debug:
    msg: "{{ threads.lines }}"
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it. Always empty.", returned: always, type: list, elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: always, type: dict}
errors: {description: "Blocking errors, each with what to do.", returned: always, type: list, elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: always, type: dict}
# End of shared values
lines:
  description: What the expression or C(jcmd) printed.
  returned: when something was run and no terminal has shown it
  type: list
  elements: str
  sample: ["val res0: Int = 42"]
pid:
  description: The process of the instance; V(0) where it does not run.
  returned: always
  type: int
user:
  description: Its user.
  returned: always
  type: str
java:
  description: The major version of its JDK.
  returned: always
  type: int
console:
  description: V(own), V(scalive), or V(jcmd) for what needs no console.
  returned: always
  type: str
"""

from ..module_utils.core import runner
from ..module_utils.jdk import console


def main() -> None:
    """Reads, plans, and queries or prepares."""
    runner.run(console)


if __name__ == "__main__":
    main()
