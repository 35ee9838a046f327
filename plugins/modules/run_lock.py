#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: run_lock
short_description: Lock an application on a host for one run, and keep a log of runs
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The lock is C(/var/lib/xitrum.host/NAME.lock). It names whose run holds it, on which controller and since when.
  - A run gives it back however it ends, also when it fails or is interrupted. Where it could not do so (it was killed
    with SIGKILL, or the host was lost), the controller that it ran on notices that and takes the lock over at once.
    For a run of another controller the lock holds for O(seconds), by a clock of the host that nobody sets.
  - The modules of a run verify before each change that the host's lock is still this run's. Where another run took it
    over, they change nothing more and fail. Breaking the lock waits until a module that is changing something has done
    so.
  - When the lock is taken, a line is added to C(runs.log) in O(log_dir), with the outcome C(began).
    When it is given back, another one is added - when, who, from and to which release, the outcome, how long it took.
    Of a run that did not write that line the next run does, with the outcome C(died).
    A log that cannot be written is a warning.
  - It never reports C(changed), since nothing of what it does is the host's configuration.
options:
  name:
    description: The application's name.
    type: str
    required: true
  user:
    description: The group that may read the log of runs.
    type: str
    default: root
  state:
    description:
      - V(held) takes the lock, or fails and reports who has it. A run that has it keeps it, and its age counts from
        now.
      - V(renewed) lets its age count from now, and fails where it is gone or another run's.
      - V(released) writes the line and gives the lock back; where it is another run's, nothing is done.
      - V(abandoned) is V(released) for a run that ended before its last task, so that the next run knows. Used when a
        run ends.
    type: str
    required: true
    choices: [held, renewed, released, abandoned]
  holder:
    description: Whose run this is. Set by the action plugin, where it is not given.
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
      - How the run ended.
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
    description: The age in seconds from which a lock no longer holds, counted from its last renewal.
    type: int
    default: 3600
  break_lock:
    description:
      - The C(id) of the holder that the lock is taken from, or V(any) for whoever holds it.
      - V(any) takes a damaged one, too.
    type: str
    default: ""
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.batch.action
  - xitrum.host.application
  - xitrum.host.application.logs
"""

EXAMPLES = r"""
- name: Take the lock of the host
  xitrum.host.run_lock:
    name: myapp
    root: /opt/myapp
    log_dir: /var/log/myapp
    state: held

- name: Release the lock of the host
  xitrum.host.run_lock:
    name: myapp
    root: /opt/myapp
    log_dir: /var/log/myapp
    state: released
    outcome: done
"""

RETURN = r"""
interrupted:
  description: Whether an earlier run ended before its last task, so that it may have left something half done.
  returned: success
  type: bool
run:
  description:
    - What the environment variable C(XITRUM_HOST_RUN) of the tasks after this one is set to, so that their modules
      verify the lock.
    - Empty in check mode, and when the lock was given back.
  returned: success
  type: str
held_by:
  description: The holder of the lock, C(id), C(user), C(host) and C(since), where it is another run.
  returned: when another run holds the lock
  type: dict
"""

from ..module_utils.application import run_lock
from ..module_utils.core import runner


def main() -> None:
    """Reads the lock, and takes it, renews it or gives it back."""
    runner.run(run_lock)


if __name__ == "__main__":
    main()
