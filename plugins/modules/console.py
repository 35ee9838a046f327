#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: console
short_description: Run Scala code in a running instance, inspect its JVM, or run a class of its release
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
  - With O(action=run), runs a class of the release in a separate JVM. It has the configuration, the user, the JDK and
    the limits of an instance, but not its ports. The output is printed line by line while the class runs. If the
    controller is killed, the command ends within O(lease) seconds.
  - Leaves no files on the host. As with every tool that attaches, the JVM keeps a thread and a socket in its C(/tmp).
    It also keeps an open handle of a deleted archive of 1 KB.
options:
  name:
    description: The name of the application, with O(action=scala) and all others but O(action=run) and O(action=job).
      With it, an error reports who stopped the instance.
    type: str
  root:
    description: The folder on the host that contains the releases and instances. Required with O(action=scala),
      O(action=run) and all others but O(action=job).
    type: path
  user:
    description: The application's user. The module ignores processes of other users. Required with O(action=scala),
      O(action=run) and all others but O(action=job).
    type: str
  instance:
    description: The number of the instance, with O(action=scala), O(action=run) and all others but O(action=job). The
      default is V(0).
    type: int
  action:
    description:
      - O(action=scala) runs Scala code.
      - These use C(jcmd) - V(threads) returns the stacks of all threads, V(heap) the sizes of the heap, and
        V(histogram) the number of objects of each class.
      - V(flight_recording) records O(seconds) with Flight Recorder. V(heap_dump) writes the live objects of the heap,
        during which the application stands still. Both fetch their file to O(save).
      - V(run) runs O(main_class).
      - V(job) polls what runs in the background. The action plugin uses it.
    type: str
    default: scala
    choices: [scala, threads, heap, histogram, flight_recording, heap_dump, run, job]
  command:
    description: With O(action=scala), the Scala expression. If it is empty, a console opens in the terminal.
    type: str
  compiler:
    description: With O(action=scala), paths of C(scala-compiler-VERSION.jar) and C(scala-reflect-VERSION.jar) on the
      host, for a release that does not contain them.
    type: list
    elements: path
  timeout:
    description:
      - Seconds after which the module gives up on an expression or on C(jcmd). At least 1. The default is V(60).
      - With O(action=run), seconds after which the command is ended. V(0) means no limit. The default is V(3600).
    type: int
  seconds:
    description: With O(action=flight_recording), the length of the recording, from 1 to 86400 seconds. The default is
      V(30).
    type: int
  save:
    description: With O(action=flight_recording) and O(action=heap_dump), a folder on the controller for the file. It is
      created if it is missing. The file has the mode 0600, and replaces no other.
    type: path
  main_class:
    description: With O(action=run), the class of the release to run. A class that no jar has is an error.
    type: str
  arguments:
    description: With O(action=run), the arguments of the class. A text is split as a shell does. No result shows them,
      but every user of the host sees them in its list of processes.
    type: list
    elements: str
  nofile:
    description: With O(action=run), the limit of open files, or the highest that the host grants. The default is
      V(1024000).
    type: int
  folder:
    description: With O(action=run), the name of the instance's folder, as returned in
      RV(xitrum.host.instances#module:instances). The default is the one that the instance uses.
    type: str
  lease:
    description: With O(action=run), seconds after the last poll at which the command ends. V(0) and the default are 30.
    type: int
  job:
    description: With O(action=job), the folder of what runs in the background. Set by the action plugin.
    type: str
  position:
    description: With O(action=job), the bytes that were read before. Set by the action plugin.
    type: int
  want:
    description: With O(action=job), what to do with it. Set by the action plugin.
    type: str
    choices: [output, file, end]
  sources:
    description: With O(action=scala), the Java sources of the console, a dictionary of file names to texts. The JDK of
      the instance compiles them. Set by the action plugin.
    type: dict
  left:
    description: With O(action=scala), the folder of a console that the user has left, to be removed. Set by the action
      plugin.
    type: str
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

- name: Run a class of the release
  xitrum.host.console:
    root: /opt/myapp
    user: myapp
    action: run
    main_class: shop.Migrate
    arguments: [--from, "2019-01-01"]
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
  description: The output of the expression or of C(jcmd). With O(action=run), the last 100 lines, each shortened to
    500 characters.
  returned: when something was run and its output was not shown in a terminal
  type: list
  elements: str
  sample: ["val res0: Int = 42"]
pid:
  description: The process ID of the instance; V(0) if it does not run.
  returned: unless O(action=run)
  type: int
user:
  description: The user that the instance runs as.
  returned: unless O(action=run)
  type: str
java:
  description: The major version of the instance's JDK.
  returned: unless O(action=run)
  type: int
console:
  description: The console that was used - V(builtin), V(scalive), or V(jcmd) if no console was needed.
  returned: unless O(action=run)
  type: str
instance:
  description: The number of the instance.
  returned: with O(action=run)
  type: int
release:
  description: The release of the class.
  returned: with O(action=run)
  type: str
path:
  description: The fetched file on the controller.
  returned: with O(action=flight_recording) and O(action=heap_dump), unless in check mode
  type: str
bytes:
  description: The size of the fetched file.
  returned: with O(action=flight_recording) and O(action=heap_dump), unless in check mode
  type: int
rc:
  description: The exit code of the class. After a signal it is 128 and the signal's number.
  returned: with O(action=run), when the class was run
  type: int
seconds:
  description: How long the class ran.
  returned: with O(action=run), when the class was run
  type: float
job:
  description: What runs in the background. The action plugin uses it.
  returned: with O(action=job)
  type: dict
"""

from ..module_utils.application import one_off
from ..module_utils.core import job_poll, parts
from ..module_utils.jdk import console

PARTS: parts.Parts = {
    **dict.fromkeys(console.SPEC["action"]["choices"], console),
    "run": one_off,
    "job": parts.Reader(job_poll.SPEC, job_poll.read),
}


def main() -> None:
    """Reads, plans, and queries, prepares or starts."""
    parts.run("action", PARTS, console.SPEC["action"]["default"], {"save": {"type": "path"}})


if __name__ == "__main__":
    main()
