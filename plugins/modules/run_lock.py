#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: run_lock
short_description: Lets one run at a time change an application on a host, and keeps a log of runs
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The lock is C(/var/lib/xitrum.host/NAME.lock). It names whose run holds it, on which controller and since when.
  - A run that was killed cannot give it back. The controller that it ran on notices that and takes the lock over at once. For a run of another
    controller the lock holds for O(seconds).
  - When the lock is given back, a line is added to C(runs.log) in O(log_dir) - when, who, from and to which release, the outcome, how long it took.
    Of a run that ended without a word the next one writes the line, with the outcome C(unknown).
  - It never says C(changed), since nothing of what it does is the host's configuration.
options:
  name:
    description: The application's name.
    type: str
    required: true
  root:
    description: The folder of releases and instances on the host.
    type: path
    required: true
  log_dir:
    description: The folder of log files.
    type: path
    required: true
  user:
    description: The group that may read the log of runs.
    type: str
    default: root
  state:
    description:
      - V(held) takes the lock, or fails and says who has it. A run that has it keeps it, and its age counts from now.
      - V(released) writes the line and gives the lock back; where it is another run's, nothing is done.
    type: str
    required: true
    choices: [held, released]
  holder:
    description: Whose run this is. Set by the action plugin.
    type: dict
    required: true
    suboptions:
      id:
        description: The boot of the controller, the process of ansible-playbook, and its start.
        type: str
        required: true
      user:
        description: The user on the controller.
        type: str
        required: true
      host:
        description: The name of the controller.
        type: str
        required: true
  release:
    description: The release that the run was to bring, for the line of one that failed.
    type: str
    default: ""
  outcome:
    description:
      - How the run ended, in a word.
      - V(failed) takes O(release) off the record of healthy releases, unless the host ran it before this run.
    type: str
    default: done
  healthy:
    description:
      - Whether all instances of the host run O(release) and are healthy at the end of the run.
      - With V(true), O(release) is added to C(ROOT/healthy), by which a rollback finds the release to go back to.
    type: bool
    default: false
  seconds:
    description: The age from which a lock no longer holds.
    type: int
    default: 3600
  take_over:
    description: The C(id) of the holder that the lock is taken from, or V(any) for whoever holds it.
    type: str
    default: ""
attributes:
  action:
    description: Has a part on the controller.
    support: full
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: This run is the only one
  xitrum.host.run_lock:
    name: myapp
    root: /opt/myapp
    log_dir: /var/log/myapp
    state: held

- name: The next run may begin
  xitrum.host.run_lock:
    name: myapp
    root: /opt/myapp
    log_dir: /var/log/myapp
    state: released
    outcome: done
"""

RETURN = r"""
interrupted:
  description: Whether the lock was there and its holder gone, so that an earlier run may have left something half done.
  returned: success
  type: bool
held_by:
  description: The holder of the lock, C(id), C(user), C(host) and C(since), where it is another run.
  returned: when another run holds the lock
  type: dict
"""

import time

from ansible_collections.xitrum.host.plugins.module_utils import run_lock
from ansible_collections.xitrum.host.plugins.module_utils.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.quiet import Utf8Module


def main():
    """Reads the lock, and takes it or gives it back."""
    module = Utf8Module(argument_spec=run_lock.SPEC, supports_check_mode=True)
    host, wanted, now, interrupted = Host(), module.params, time.time(), False
    try:
        state = run_lock.read(host, wanted)
        refusal = run_lock.refusal(wanted, state["lock"], now) if wanted["state"] == "held" else ""
        if refusal:
            module.fail_json(msg=refusal, held_by=state["lock"])
        if wanted["state"] == "held" and not module.check_mode:
            interrupted = run_lock.take(host, wanted, state, now)
        elif not module.check_mode:
            run_lock.give_back(host, wanted, state, now)
    except (OSError, RuntimeError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, interrupted=interrupted)


if __name__ == "__main__":
    main()
