#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: instances
short_description: Create a folder for each instance of a release, without editing the package
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Makes C(ROOT/instances/N/ID-DIGEST) for each instance, from release ID and from what the instance has of its own -
    its C(xitrum.conf), its environment, its C(tmp), a link to its log folder.
  - Nothing is switched, stopped or started; M(xitrum.host.instance_service) does that.
  - Reports for each instance whether the process that runs is in the desired state, and why it has to be restarted
    where it is not.
options:
  user:
    description: The user that runs the instances. Its group has the same name.
    type: str
    required: true
  release:
    description: The name of a release that is on the host.
    type: str
    required: true
  main_class:
    description: The class that C(script/runner) runs.
    type: str
    default: quickstart.Boot
  jdk_home:
    description: The folder of the JDK that runs the instances.
    type: path
    required: true
  jdk_version:
    description: The major version of that JDK.
    type: int
    required: true
  heap:
    description: The largest heap of one instance, in the form of C(-Xmx).
    type: str
    default: 512m
  java_options:
    description: Further options of the JVM.
    type: list
    elements: str
    default: []
  nofile:
    description: The number of files that one instance may have open.
    type: int
    default: 1024000
  backlog:
    description: The backlog that the application asks for when it listens (Xitrum 3.30 and older ask for 1024, newer
      ones for somaxconn).
    type: int
    default: 1024
  package_settings:
    description:
      - The settings of sessions with which the package starts, as RV(xitrum.host.package_info#module:session_settings)
        has them.
      - They are used where the release is not on the host yet.
    type: dict
  service_digest:
    description: The digest of the service definition, that a process has in its environment as C(XITRUM_SERVICE). Empty
      where it is not compared.
    type: str
    default: ""
  interface:
    description:
      - The address that the instances listen on, or a name that the host resolves to one. It is compared with the
        sockets by
        what it means. An address on which no program of the host can listen is an error.
      - Empty, C(0.0.0.0), C(::) and C(*) are every address of the families that the host has.
    type: str
    default: ""
  name:
    description: The application's name, which the supervisor knows the instances by. Without it the supervisor is not
      queried.
    type: str
    default: ""
  verify:
    description:
      - Asks each running JVM for its flags, with C(jcmd), and compares the heap and the options that set flags with
        them.
      - Where a flag has another value than its option names, a second JVM of the same JDK is started with the same
        options
        and ends at once. What it has is what a restart would give, and so in sync.
    type: bool
    default: false
  health_path:
    description:
      - The page that shows whether an instance is healthy. A running instance that answers another status than
        O(health_status) for it, below 500, is an error.
      - Empty asks nothing.
    type: str
    default: ""
  health_status:
    description: The HTTP status of O(health_path) when all is well.
    type: int
    default: 200
  health_text:
    description:
      - A text that O(health_path) has when all is well. It is compared with O(verify) only, at the end of a run and in
        a check.
      - Empty compares the status alone.
    type: str
    default: ""
  health_timeout:
    description: Seconds within which an instance has to answer the whole page where O(health_text) is compared.
    type: int
    default: 10
  health_required:
    description:
      - Whether a running instance that answers another status than O(health_status) is an error. A rollback may go
        away from the release that answers it.
      - O(health_path) is queried in any case, to find out whether the instance is healthy.
    type: bool
    default: true
  instances:
    description: The instances.
    type: list
    elements: dict
    required: true
    suboptions:
      index:
        description: The instance's number, from 0.
        type: int
        required: true
      port:
        description: Its HTTP port.
        type: int
        required: true
      files:
        description: Its own files, path below its folder to text. They replace those of the package.
        type: dict
        required: true
extends_documentation_fragment:
  - xitrum.host.desired
  - xitrum.host.desired.slot
  - xitrum.host.batch
  - xitrum.host.supervisor
  - xitrum.host.application
  - xitrum.host.application.logs
"""

EXAMPLES = r"""
- name: Create the folder of an instance on port 8000
  xitrum.host.instances:
    root: /opt/myapp
    log_dir: /var/log/myapp
    user: myapp
    release: 3f2a9c1b7d04
    jdk_home: /usr/lib/jvm/java-17-openjdk-amd64
    jdk_version: 17
    instances:
      - index: 0
        port: 8000
        files:
          config/xitrum.conf: |
            include file("/opt/myapp/releases/3f2a9c1b7d04/config/xitrum.conf")
            xitrum { port { http = 8000, https = null } }
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
instances:
  description:
    - For each instance its C(index), C(port), desired C(folder), C(current) and C(previous) folder, the one to go
      C(back) to, whether it is C(running),
      its C(pid) and C(release), whether it is C(healthy) (null where that is not known), and C(due), the reasons to
      start it again.
    - C(changes) are the settings that all instances must have the same at the same time, such as C(xitrum_secure_key),
      with which
      the process differs. Values are in no result.
  returned: always
  type: list
  elements: dict
interrupted:
  description: Whether an instance is in a step that a run has not ended (M(xitrum.host.instance_service)).
  returned: always
  type: bool
recovery:
  description:
    - What a run does about instances that another run left in the middle, before its own first step - an action to
      instances.
    - C(start) starts, C(enable) puts back into the proxies and waits, C(enable_now) puts back and does not wait, since
      a restart
      is due. C(replace) restarts first, without the proxies. C(gone) are on record and not on the host.
  returned: always
  type: dict
  sample: {"replace": [{"index": 0, "port": 8000, "folder": "3f2a9c1b7d04-1a2b3c4d5e"}]}
orphaned:
  description: The numbers of instances that are on the host and not in O(instances).
  returned: always
  type: list
  elements: int
locked:
  description: Whether the lock of M(xitrum.host.run_lock) is there.
  returned: always
  type: bool
"""

from ..module_utils.application import instances
from ..module_utils.core import runner

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "bool", "default": False}, "slot": {"type": "int"}}


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(instances, CONTROLLER)


if __name__ == "__main__":
    main()
