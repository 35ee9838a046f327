#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: console
short_description: Run Scala code in the JVM of a running instance, or read its threads and heap
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Finds an instance by its process, whichever supervisor runs it. Attaches to its JVM as the user of the instance, in
    its mount namespace.
  - On JDK 9 and newer, the Scala compiler of the application's release compiles the expression. The expression can use
    the application's classes. Its changes to the application persist, so the module reports C(changed) for every
    expression, and runs none in check mode.
  - Without an expression, the console opens over SSH, in the terminal that you started C(ansible-playbook) in. On JDK 8
    it uses Scalive.
  - An instance allows one console at a time. A second one is an error.
  - Leaves no files on the host. As with every tool that attaches, the JVM keeps a thread and a socket in its C(/tmp).
    It also keeps an open handle of a deleted archive of 1 KB.
options:
  root:
    description: The folder on the host that contains the releases and instances.
    type: path
    required: true
  user:
    description: The application's user. The module ignores processes of other users.
    type: str
    required: true
  instance:
    description: The number of the instance.
    type: int
    default: 0
  action:
    description: V(scala) runs Scala code. The others use C(jcmd). V(threads) returns the stacks of all threads, and
      V(heap) the sizes of the heap. V(histogram) returns the number of objects of each class.
    type: str
    default: scala
    choices: [scala, threads, heap, histogram]
  command:
    description: The Scala expression. If it is empty, a console opens in the terminal.
    type: str
    default: ""
  compiler:
    description: Paths of C(scala-compiler-VERSION.jar) and C(scala-reflect-VERSION.jar) on the host, for a release that
      does not contain them.
    type: list
    elements: path
    default: []
  timeout:
    description: Seconds after which the module gives up on an expression or on C(jcmd); 1 or more.
    type: int
    default: 60
  sources:
    description: The Java sources of the console, a dictionary of file names to texts. The JDK of the instance compiles
      them. Set by the action plugin.
    type: dict
    default: {}
  left:
    description: The folder of a console that the user has left, to be removed. Set by the action plugin.
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
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. Always empty.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
lines:
  description: The output of the expression or of C(jcmd).
  returned: when something was run and its output was not shown in a terminal
  type: list
  elements: str
  sample: ["val res0: Int = 42"]
pid:
  description: The process ID of the instance; V(0) if it does not run.
  returned: always
  type: int
user:
  description: The user that the instance runs as.
  returned: always
  type: str
java:
  description: The major version of the instance's JDK.
  returned: always
  type: int
console:
  description: The console that was used - V(builtin), V(scalive), or V(jcmd) if no console was needed.
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
