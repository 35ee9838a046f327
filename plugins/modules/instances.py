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
  - Creates C(ROOT/instances/N/ID-DIGEST) for each instance, from release ID and from the files of the instance. These
    are its C(xitrum.conf), its environment, its C(tmp), and a link to its log folder.
  - Does not switch, stop or start instances; M(xitrum.host.instance_service) does that.
  - Reports for each instance whether the running process is in the desired state, and if not, why it needs a restart.
options:
  user:
    description: The user that runs the instances. Its group has the same name.
    type: str
    required: true
  release:
    description: The name of a release on the host.
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
    description: The maximum heap of one instance, in the format of C(-Xmx).
    type: str
    default: 512m
  java_options:
    description: Additional options of the JVM.
    type: list
    elements: str
    default: []
  nofile:
    description: The maximum number of open files of one instance.
    type: int
    default: 1024000
  backlog:
    description: The backlog that the application requests when it listens. Xitrum 3.30 and older request 1024, newer
      versions C(net.core.somaxconn).
    type: int
    default: 1024
  package_settings:
    description:
      - The session settings of the package, as returned in RV(xitrum.host.package_info#module:session_settings).
      - The module uses them if the release is not on the host yet.
    type: dict
  service_digest:
    description: The digest of the service definition, which a process has in its environment as C(XITRUM_SERVICE). If
      it is empty, it is not compared.
    type: str
    default: ""
  interface:
    description:
      - The address that the instances listen on, or a name that the host resolves to one. It is compared with the
        sockets by value, not as text. An address on which no program of the host can listen is an error.
      - An empty text, C(0.0.0.0), C(::) and C(*) stand for all addresses of the address families of the host.
    type: str
    default: ""
  name:
    description: The name of the application, by which the supervisor identifies the instances. Without it, the
      supervisor is not queried.
    type: str
    default: ""
  verify:
    description:
      - Whether to read the flags of each running JVM with C(jcmd), and compare them with O(heap) and with the options
        that set flags.
      - If a flag differs from its option, the module starts a second JVM of the same JDK with the same options, which
        exits at once. A value that this JVM has too is in sync, since a restart would give the same value.
    type: bool
    default: false
  health_path:
    description:
      - The path of the health page. It is an error if a running instance answers with a status below 500 that is not
        O(health_status).
      - If it is empty, no health page is requested.
    type: str
    default: ""
  health_status:
    description: The HTTP status with which O(health_path) of a healthy instance answers.
    type: int
    default: 200
  health_text:
    description:
      - A text that O(health_path) of a healthy instance contains. It is compared only with O(verify), that is, at the
        end of a run and in a check.
      - If it is empty, only the status is compared.
    type: str
    default: ""
  health_timeout:
    description: Seconds within which the complete page must arrive when O(health_text) is compared.
    type: int
    default: 10
  health_required:
    description:
      - Whether a running instance that answers with a status other than O(health_status) is an error. With V(false), a
        rollback can replace a release that answers with another status.
      - The module requests O(health_path) in any case, to find out whether the instance is healthy.
    type: bool
    default: true
  instances:
    description: The instances.
    type: list
    elements: dict
    required: true
    suboptions:
      index:
        description: The number of the instance, from 0.
        type: int
        required: true
      port:
        description: Its HTTP port.
        type: int
        required: true
      files:
        description: The files of the instance, a dictionary of paths below its folder to texts. They replace files of
          the package.
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
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
instances:
  description:
    - For each instance its C(index), C(port), C(pid) and C(release), whether it is C(running), and whether it is
      C(healthy) (null if it was not tested). C(folder) is the desired folder. C(current) and C(previous) are the
      folders of now and before, and C(back) is the one to go back to. C(restart_reasons) are empty if it needs no
      restart.
    - C(changes) are the settings of the process that differ and that must be equal on all instances at the same time,
      such as C(xitrum_secure_key). The result never contains their values.
  returned: always
  type: list
  elements: dict
interrupted:
  description: Whether an instance is in a step that a run has not ended (M(xitrum.host.instance_service)).
  returned: always
  type: bool
recovery:
  description:
    - How a run recovers instances that another run left unfinished, before its own first step. A dictionary of actions
      to lists of instances.
    - C(start) starts instances. C(enable) enables them in the proxies and waits; C(enable_now) does not wait, since a
      restart is due. C(replace) restarts them first, without the proxies. C(gone) lists instances that are on record
      but not on the host.
  returned: always
  type: dict
  sample: {"replace": [{"index": 0, "port": 8000, "folder": "3f2a9c1b7d04-1a2b3c4d5e"}]}
orphaned:
  description: The numbers of instances that are on the host but not in O(instances).
  returned: always
  type: list
  elements: int
locked:
  description: Whether the lock of M(xitrum.host.run_lock) exists.
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
