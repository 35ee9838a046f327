#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: instance_service
short_description: Starts, restarts, stops and removes instances through their supervisor, and waits until they are
  healthy
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Points C(current) of each instance at the folder that is wanted, starts it, and waits until a page answers as it
    should. All instances of one call start together.
  - An instance is healthy where the page answers as it should, and each process that holds the sockets of its ports is
    the one that O(supervisor) has for the instance, or one below it, and runs as the user that the instance's folder
    was made for. Any user can take a port while an instance restarts; the message names such a process and its user.
  - An instance that runs in the wanted folder is left alone, unless O(state=restarted).
  - The end of the instance's log is part of the message when it does not get healthy.
  - An instance that another supervisor has is stopped there and taken away from it before O(supervisor) starts it.
options:
  name:
    description: The application's name, which the supervisor knows the instances by.
    type: str
    required: true
  user:
    description:
      - The account that the instances run as, by name. Beside it count the accounts that root gave C(tmp) in an
        instance's folders to.
      - What another account runs there is no instance. Without any account only root's processes count.
    type: str
    default: ""
  state:
    description:
      - V(started) starts what does not run, and waits until all of them are healthy.
      - V(restarted) stops and starts.
      - V(stopped) stops.
      - V(absent) stops, and removes the instance's folders and its service definition; its log files stay. Without
        O(instances) it removes those of all instances, whichever supervisor they have.
      - V(returned) switches those that are not switched to O(instances[].folder), what they had before, back to it.
        Those that run in it already are left alone.
    type: str
    default: started
    choices: [started, restarted, stopped, absent, returned]
  remove_root:
    description:
      - With O(state=absent) and no O(instances), whether O(root) is removed too. A folder that was not made for the
        application keeps what is not ours.
      - A folder of the system, and one that has nothing of ours, is left alone.
    type: bool
    default: false
  instances:
    description: The instances. With O(state=absent) an empty list means all that are on the host.
    type: list
    elements: dict
    default: []
    suboptions:
      index:
        description: The instance's number.
        type: int
        required: true
      port:
        description: Its HTTP port, to ask whether it is healthy.
        type: int
        default: 0
      folder:
        description: The name of its folder, as RV(xitrum.host.instances#module:instances). Empty leaves C(current) as
          it is.
        type: str
        default: ""
  address:
    description: The address at which the instances are asked, from the host itself.
    type: str
    default: 127.0.0.1
  path:
    description: The page that is asked.
    type: str
    default: /
  status:
    description: The HTTP status of a healthy instance.
    type: int
    default: 200
  text:
    description: A text that the page of a healthy instance has in its first MiB. Empty compares the status alone.
    type: str
    default: ""
  timeout:
    description: Seconds within which the whole page has to be there.
    type: int
    default: 10
  start_timeout:
    description:
      - Seconds from the start until an instance is healthy.
      - One that goes back to what it ran gets 120 seconds at least, also with O(state=returned).
    type: int
    default: 120
  stop_timeout:
    description: Seconds that an instance gets to end.
    type: int
    default: 30
  watch:
    description:
      - Seconds over which the instances must stay healthy after all, asked once a second, in the same process. It is an
        error where one does not.
      - With O(state=started) those that run already are asked as well.
    type: int
    default: 0
  drain:
    description:
      - With O(state=stopped) and O(state=absent), seconds to wait before, until no connection to O(instances[].port) is
        left. Nothing is done to keep new ones away. What is left then is cut, and counted in RV(cut).
    type: int
    default: 0
  keep_definition:
    description:
      - Whether O(state=absent) leaves the instance's service definition for O(supervisor), which no longer starts it,
        for its next start.
    type: bool
    default: false
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.supervisor
  - xitrum.host.application
  - xitrum.host.application.logs
"""

EXAMPLES = r"""
- name: Instance 0 runs the new release
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
"""

RETURN = r"""
seconds:
  description: For each instance that was started, the seconds until it was healthy.
  returned: when instances were started
  type: dict
  sample: {"0": 6.2}
cut:
  description: How many connections were left when the instances were stopped. 0 without O(drain).
  returned: when not in check mode
  type: int
notes:
  description: Why RV(cut) may be too many, such as C(ss) that failed; empty where it is certain.
  returned: when not in check mode
  type: list
  elements: str
"""

from ..module_utils.application import starts
from ..module_utils.core import runner


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(starts)


if __name__ == "__main__":
    main()
