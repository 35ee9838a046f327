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
  - Points C(current) of each instance at the folder that is desired, starts it, and waits until a page answers as it
    should. All instances of one call start together.
  - An instance is healthy where the page answers as it should. Each process that holds the sockets of its ports must
    be the one that O(supervisor) has for the instance, or one below it, and run as the user that the instance's
    folder was made for. Any user can take a port while an instance restarts. The message names such a process and its
    user.
  - An instance that runs in the desired folder is left alone, unless O(state=restarted).
  - The end of the instance's log is part of the message when it does not get healthy.
  - An instance that another supervisor has is stopped there and taken away from it before O(supervisor) starts it.
  - The step of a rollout that instances are in is recorded in C(/var/lib/xitrum.host/NAME.step). A run writes each
    state there before it begins it, so that the next run knows what a run that was killed has left.
options:
  name:
    description: The application's name, which the supervisor knows the instances by.
    type: str
    required: true
  state:
    description:
      - V(started) starts what does not run, and waits until all of them are healthy.
      - V(restarted) stops and starts.
      - V(stopped) stops.
      - V(absent) stops, and removes the instance's folders and its service definition; its log files stay. Without
        O(instances) it removes those of all instances, whichever supervisor they have.
      - V(returned) switches those that are not switched to O(instances[].folder), what they had before, back to it.
        Those that run in it already are left alone.
      - V(drained), V(enabled) and V(finished) only record the step. V(drained) is for before proxies disable
        instances, V(enabled) for before they get them back, or a redirect leads to them, and V(finished) for when the
        instances are in no step any more. They never report C(changed), since what is recorded is no configuration of
        the host. The states C(stopped), C(switched), C(started) and C(healthy) of a step are for the other
        states to record.
      - An option that has no meaning for the state is refused.
    type: str
    default: started
    choices: [started, restarted, stopped, absent, returned, drained, enabled, finished]
  user:
    description:
      - The account that the instances run as, by name. The accounts count too that root gave C(tmp) in an
        instance's folders to.
      - What another account runs there is no instance. Without any account only root's processes count.
      - Only with states that start, stop or remove instances, such as O(state=started).
    type: str
  remove_root:
    description:
      - With O(state=absent) and no O(instances), whether O(root) is removed too. A folder that was not made for the
        application keeps what is not ours.
      - A folder of the system, and one that has nothing of ours, is left alone.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(false).
    type: bool
  instances:
    description:
      - The instances. With O(state=absent) an empty list means all that are on the host.
      - Required with O(state=drained), O(state=enabled) and O(state=finished).
    type: list
    elements: dict
    suboptions:
      index:
        description: The instance's number.
        type: int
        required: true
      port:
        description: Its HTTP port, to ask whether it is healthy. It is not recorded.
        type: int
      folder:
        description:
          - The name of its folder, as RV(xitrum.host.instances#module:instances). Empty leaves C(current) as it is.
          - In the record of a step, the folder that the step switches it to.
        type: str
  address:
    description:
      - The address at which the instances are queried, from the host itself.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(127.0.0.1).
    type: str
  path:
    description:
      - The page that is queried.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(/).
    type: str
  status:
    description:
      - The HTTP status of a healthy instance.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(200).
    type: int
  text:
    description:
      - A text that the page of a healthy instance has in its first MiB. Empty compares the status alone.
      - Only with states that start, stop or remove instances, such as O(state=started).
    type: str
  timeout:
    description:
      - Seconds within which the whole page has to be there.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(10).
    type: int
  start_timeout:
    description:
      - Seconds from the start until an instance is healthy.
      - One that goes back to what it ran gets 120 seconds at least, also with O(state=returned).
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(120).
    type: int
  stop_timeout:
    description:
      - Seconds that an instance gets to end.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(30).
    type: int
  watch:
    description:
      - Seconds over which the instances must stay healthy after all, queried once a second, in the same process. It is
        an error where one does not.
      - With O(state=started) those that run already are queried as well.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(0).
    type: int
  drain:
    description:
      - With O(state=stopped) and O(state=absent), seconds to wait before, until no connection to O(instances[].port) is
        left. Nothing is done to keep new ones away. What is left then is cut, and counted in RV(cut).
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(0).
    type: int
  keep_definition:
    description:
      - Whether O(state=absent) leaves the instance's service definition for O(supervisor), which no longer starts it,
        for its next start.
      - Only with states that start, stop or remove instances, such as O(state=started). The default is V(false).
    type: bool
  log_dir:
    description: The folder of log files. Instance I has the folder I in it. Only, and required, with states that start,
      stop or remove instances, such as O(state=started).
    type: path
  slot:
    description:
      - Which of its two slots a host without proxies uses, written to C(ROOT/slot).
      - The live redirect reports it too, and is believed first.
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
  description: For each instance that was started, the seconds until it was healthy.
  returned: when instances were started
  type: dict
  sample: {"0": 6.2}
cut:
  description: How many connections were left when the instances were stopped. 0 without O(drain).
  returned: when instances are stopped or started, and not in check mode
  type: int
notes:
  description: Why RV(cut) may be too many, such as C(ss) that failed; empty where it is certain.
  returned: when instances are stopped or started, and not in check mode
  type: list
  elements: str
record:
  description: The instances that are in a step, by their number - C(state), C(folder), and C(healthy), the folder to go
    back to.
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
