#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: instance_service
short_description: Start, restart, stop and remove instances through their supervisor, and wait until they are healthy
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Points the link C(current) of each instance to the desired folder, starts the instance, and waits until its health
    page answers as expected. All instances of one call start together.
  - An instance is healthy if the page answers as expected. In addition, O(supervisor) must run the processes that hold
    the sockets of its ports, or their parents. They must run as the user that the instance's folder was created for.
    This check exists because any user can take a port while an instance restarts. The message names such a process and
    its user.
  - An instance that already runs in the desired folder is not changed, unless O(state=restarted).
  - If an instance does not become healthy, the message includes the end of its log.
  - If another supervisor runs an instance, the module stops the instance and removes it from that supervisor before
    O(supervisor) starts it.
  - The module records the rollout step of the instances in C(/var/lib/xitrum.host/NAME.step). It writes each state
    before the state begins, so that the next run knows what a killed run left behind.
options:
  name:
    description: The name of the application. The supervisor uses it to identify the instances.
    type: str
    required: true
  state:
    description:
      - V(started) starts instances that do not run, and waits until all of them are healthy.
      - V(restarted) stops and starts the instances.
      - V(stopped) stops the instances.
      - V(absent) stops the instances, and removes their folders and service definitions. Log files are kept. Without
        O(instances), it removes all instances, whichever supervisor runs them.
      - V(returned) switches instances back to O(instances[].folder), the folder that they had before. Instances that
        already run in it are not changed.
      - V(switched) points C(current) of instances that do not run to O(instances[].folder), with which they start next.
      - V(drained), V(enabled) and V(finished) only record the step. Use V(drained) before the proxies disable
        instances. Use V(enabled) before the proxies enable them or a redirect points to them. Use V(finished) when the
        step has ended. They never report C(changed), since the record is not part of the host's configuration. The
        other states record the states C(stopped), C(switched), C(started) and C(healthy) of a step.
      - The module fails when an option does not apply to the state.
    type: str
    default: started
    choices: [started, restarted, stopped, absent, returned, switched, drained, enabled, finished]
  user:
    description:
      - The name of the account that the instances run as. Accounts to which root gave C(tmp) in an instance's folders
        count too.
      - A process of any other account is not an instance. Without any account, only root's processes count.
      - Only with states that start, stop or remove instances, such as O(state=started).
    type: str
  remove_root:
    description:
      - With O(state=absent) and no O(instances), whether to remove O(root) too. If the folder existed before the
        application, only files of this collection are removed from it.
      - System folders, and folders without a record of this application, are not changed.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(false).
    type: bool
  instances:
    description:
      - The instances. With O(state=absent), an empty list stands for all instances on the host.
      - Required with O(state=drained), O(state=enabled) and O(state=finished).
    type: list
    elements: dict
    suboptions:
      index:
        description: The number of the instance.
        type: int
        required: true
      port:
        description: Its HTTP port, for the health check. It is not recorded.
        type: int
      folder:
        description:
          - The name of its folder, as returned in RV(xitrum.host.instances#module:instances). If it is empty,
            C(current) is not changed.
          - With a state that only records the step, the folder that the step switches to.
        type: str
  address:
    description:
      - The address at which the host itself queries the instances.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(127.0.0.1).
    type: str
  path:
    description:
      - The path of the health page.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(/).
    type: str
  status:
    description:
      - The HTTP status with which a healthy instance answers.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(200).
    type: int
  text:
    description:
      - A text that the first MiB of a healthy instance's page contains. If it is empty, only the status is compared.
      - Only with states that start, stop or remove instances, such as O(state=started).
    type: str
  timeout:
    description:
      - Seconds within which the complete page must arrive.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(10).
    type: int
  start_timeout:
    description:
      - Seconds within which an instance must become healthy after its start.
      - An instance that returns to its previous folder gets at least 120 seconds, also with O(state=returned).
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(120).
    type: int
  stop_timeout:
    description:
      - Seconds within which an instance must stop.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(30).
    type: int
  watch:
    description:
      - Seconds for which the instances must then stay healthy, in the same process. They are queried once a second. The
        module fails if one does not stay healthy.
      - With O(state=started), instances that already run are queried as well.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(0).
    type: int
  drain:
    description:
      - With O(state=stopped) and O(state=absent), the maximum seconds to wait before the stop until no connection to
        O(instances[].port) is left. The module does not prevent new connections. Connections that are left after that
        are closed, and counted in RV(cut).
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(0).
    type: int
  keep_definition:
    description:
      - Whether O(state=absent) keeps the instance's service definition of O(supervisor) for a later start. The
        supervisor no longer starts the instance.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(false).
    type: bool
  operator:
    description:
      - With O(state=stopped), whether an operator stops the instances. The supervisor then does not start them at boot,
        and C(/var/lib/xitrum.host/NAME.stopped) records who has the lock of the host, and when. The other states do not
        start them, since M(xitrum.host.host_state_info) does not list them as instances to start.
      - With O(state=started), whether an operator starts them again. One that does not become healthy is stopped again.
        The record ends when an instance is healthy.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(false).
    type: bool
  return_after:
    description:
      - Seconds after which the module returns although it still waits, with RV(waiting). To go on, call it again with
        the same options and O(resume). The action plugin does so, and prints what is waited for.
      - With 0, the module returns when it has waited.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(0).
    type: int
  resume:
    description:
      - RV(waiting) of the call before, to go on with its wait. The instances are not started or stopped again.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is empty.
    type: dict
  log_dir:
    description: The folder for log files. Instance I logs to its subfolder I. Only for states that start, stop or
      remove instances, such as O(state=started), and required for them.
    type: path
  slot:
    description:
      - Which of its two blue/green slots a host without proxies uses. The module writes it to C(ROOT/slot).
      - The live redirect shows the slot too, and takes precedence.
      - Only with O(state=drained), O(state=enabled) or O(state=finished).
    type: int
    choices: [0, 1]
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.supervisor.part
  - xitrum.host.application
"""

EXAMPLES = r"""
- name: Restart instance 0 with the new release
  xitrum.host.instance_service:
    name: myapp
    root: /opt/myapp
    log_dir: /var/log/myapp
    user: myapp
    state: restarted
    instances:
      - index: 0
        port: 8000
        folder: 3f2a9c1b7d04-1a2b3c4d5e

- name: Record that instance 0 is about to be drained
  xitrum.host.instance_service:
    name: myapp
    root: /opt/myapp
    state: drained
    instances:
      - index: 0
        folder: 3f2a9c1b7d04-1a2b3c4d5e
"""

RETURN = r"""
seconds:
  description: The seconds until each started instance was healthy, by its number.
  returned: when instances were started
  type: dict
  sample: {"0": 6.2}
cut:
  description: The number of connections that were left when the instances were stopped. 0 without O(drain).
  returned: when instances are stopped or started, and not in check mode
  type: int
notes:
  description: Why RV(cut) may be too high, for example because C(ss) failed. Empty if the number is exact.
  returned: when instances are stopped or started, and not in check mode
  type: list
  elements: str
waiting:
  description: What the module still waits for - C(phase), C(seconds) until now, and C(limit), the maximum of seconds.
  returned: when the module has returned because of O(return_after)
  type: dict
  sample: {"phase": "started", "seconds": 5.1, "limit": 120, "launched": [0], "in_step": [0], "took": {},
           "late": false, "faults": {"0": "http://127.0.0.1:8000/ answers 0, expected 200"}}
record:
  description: The instances that are in a step, by their number - C(state), C(folder), and C(healthy), the folder to
    return to.
  returned: with O(state=drained), O(state=enabled) or O(state=finished)
  type: dict
  sample: {"0": {"state": "drained", "folder": "3f2a9c1b7d04-1a2b3c4d5e", "healthy": "c843051638d2-0a1b2c3d4e"}}
"""

from ..module_utils.application import starts, step_record
from ..module_utils.core import parts

PARTS: parts.Parts = {
    **dict.fromkeys(starts.SPEC["state"]["choices"], starts),
    **dict.fromkeys(step_record.SPEC["state"]["choices"], step_record),
}


def main() -> None:
    """Read, plan and apply the part that the state asks for."""
    parts.run("state", PARTS, starts.SPEC["state"]["default"])


if __name__ == "__main__":
    main()
