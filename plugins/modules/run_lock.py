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
  - The lock is the file C(/var/lib/xitrum.host/NAME.lock). It contains the user and the controller of the run that
    holds it, and the time since when.
  - A run releases the lock when it ends, also when it fails or is interrupted. A run that was killed with SIGKILL, or
    that lost the connection to the host, leaves the lock. The next run on the same controller detects that and acquires
    the lock at once. For a run on another controller, the lock is valid for O(seconds), measured with a clock of the
    host that cannot be set.
  - Before each change, the modules of a run verify that this run still holds the lock of the host. If another run took
    it over, they fail and change nothing more. Breaking the lock waits until a module that is changing the host has
    finished.
  - When the module takes the lock, it adds a line to C(runs.log) in O(log_dir), with the outcome C(began). When it
    releases the lock, it adds another line. A line has the time, the user, both releases, the outcome, the duration,
    the ID of the run, and its playbook. The ID is the same on all hosts. If a run did not write that line, the next run
    writes it with the outcome C(died). If the log cannot be written, the module warns.
  - It never reports C(changed), since it does not change the configuration of the host.
options:
  name:
    description: The name of the application.
    type: str
    required: true
  user:
    description: The group that can read the log of runs.
    type: str
    default: root
  state:
    description:
      - V(held) takes the lock, or fails and reports who holds it. A run that already holds it keeps it, and its age
        restarts at 0.
      - V(renewed) restarts the age of the lock at 0, and fails if the lock does not exist or another run holds it.
      - V(released) writes the line to the log and releases the lock. If another run holds the lock, it does nothing.
      - V(abandoned) is V(released) for a run that ended before its last task, so that the next run knows about it. The
        collection uses it when a run ends.
    type: str
    required: true
    choices: [held, renewed, released, abandoned]
  holder:
    description: The holder of the lock. If you do not set it, the action plugin does.
    type: dict
    required: true
    suboptions:
      id:
        description: The ID of the run, from the boot of the controller, the process of ansible-playbook, and the start
          of that process.
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
      playbook:
        description: The playbook of the run, for the log.
        type: str
        default: ""
  release:
    description: The desired release of the run, for the log line of a failed run.
    type: str
    default: ""
  outcome:
    description:
      - The outcome of the run.
      - V(failed) removes O(release) from the record of healthy releases, unless the host ran it before this run.
    type: str
    default: done
  healthy:
    description:
      - Whether all instances of the host run O(release) and are healthy at the end of the run.
      - With V(true), the module adds O(release) to C(ROOT/healthy), from which a rollback reads the release to return
        to.
    type: bool
    default: false
  seconds:
    description: The seconds after its last renewal at which a lock expires.
    type: int
    default: 3600
  break_lock:
    description:
      - The C(id) of the holder whose lock to break, or V(any) for any holder.
      - V(any) also breaks a damaged lock.
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
  description: Whether an earlier run ended before its last task, so that it may have left unfinished changes.
  returned: success
  type: bool
run:
  description:
    - The value of the environment variable C(XITRUM_HOST_RUN) for the tasks after this one, so that their modules
      verify the lock.
    - Empty in check mode, and when the lock was released.
  returned: success
  type: str
current:
  description: The release that the host is switched to. Empty in check mode, and if there is none.
  returned: success
  type: str
held_by:
  description: The other run that holds the lock - C(id), C(user), C(host) and C(since).
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
