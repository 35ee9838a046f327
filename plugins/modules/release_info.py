#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: The releases that a host has
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Tells the whole releases, the one that the host is switched to and the one before it, and which of the public
    examples of Xitrum's project template each has in its configuration.
options:
  root:
    description: The folder of releases and instances on the host.
    type: path
    required: true
  name:
    description:
      - The application's name, by which RV(in_step) is read from the record of its steps, and RV(interrupted) from its
        lock.
      - Without it RV(in_step) is empty, and RV(interrupted) false.
    type: str
    default: ""
  log_dir:
    description: The folder with the log of runs, by which RV(last_run) is read. Without it that is empty.
    type: path
    default: ""
  slots:
    description: Whether the host has two slots, so that RV(slot) is read from its live redirects and its processes.
    type: bool
    default: false
extends_documentation_fragment:
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: The releases are read
  xitrum.host.release_info:
    root: /opt/myapp
  register: found
"""

RETURN = r"""
releases:
  description: Their names, the one that was installed first at the beginning.
  returned: always
  type: list
  elements: str
  sample: [3f2a9c1b7d04, c843051638d2]
current:
  description: The release that all instances of the host are switched to; empty where there is none.
  returned: always
  type: str
  sample: c843051638d2
previous:
  description: The last other release that was healthy; empty where there is none.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
healthy:
  description:
    - The releases with which a run ended healthy on this host, the latest last.
    - Null on a host without a record, which the next run begins.
  returned: always
  type: list
  elements: str
  sample: [3f2a9c1b7d04, c843051638d2]
switched:
  description: The releases that the instances of the host are switched to. Several after a rollout that stopped.
  returned: always
  type: list
  elements: str
  sample: [c843051638d2]
running:
  description: The releases that the processes of the instances run; none where nothing runs.
  returned: always
  type: list
  elements: str
  sample: [c843051638d2]
in_step:
  description: The releases that a run was bringing to an instance when it ended without a word, as
    M(xitrum.host.step_record) has them.
  returned: always
  type: list
  elements: str
  sample: []
interrupted:
  description:
    - Whether a run has the lock of the application O(name) on this host, was killed with it, or ended before its last
      task.
    - Its instances may be out of use at the proxies then.
  returned: always
  type: bool
  sample: false
last_run:
  description:
    - The last run in the log of the host - C(when), C(who), C(from) and C(to) which release, C(outcome) and C(seconds).
    - C(died) and C(stopped) are the outcomes of a run that did not end. Empty where there is no log.
  returned: always
  type: dict
  sample:
    "when": "2026-10-05T12:00:00Z"
    "who": "ann@laptop"
    "from": "3f2a9c1b7d04"
    "to": "c843051638d2"
    "outcome": "done"
    "seconds": 95
examples:
  description: For each release the keys of its C(config/xitrum.conf) that have a public example - C(secureKey),
    C(apiKey), C(keyFile).
  returned: always
  type: dict
  sample: {"3f2a9c1b7d04": ["apiKey"], "c843051638d2": []}
main_classes:
  description: For each release the main classes in the application's own jars.
  returned: always
  type: dict
  sample: {"3f2a9c1b7d04": ["shop.Boot"], "c843051638d2": ["shop.Boot"]}
slot:
  description:
    - Which of its two slots a host without proxies uses - the number of the instance that the live redirect leads to.
    - Without such a redirect it is the one that runs, and then the one that the last run wrote down.
    - Without O(slots), the one that the last run wrote down.
  returned: always
  type: int
instances:
  description: The instances that are on the host with their C(index), and the HTTP C(port) that they were configured
    with (0 where it is not known).
  returned: always
  type: list
  elements: dict
  sample: [{"index": 0, "port": 8000}]
"""

from ..module_utils.application import releases as release
from ..module_utils.application import run_lock, slot_read, step_record
from ..module_utils.configuration import xitrum_conf as package_config
from ..module_utils.core import lock_record
from ..module_utils.core.host import Host
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.package import main_class as package_main


def main() -> None:
    """Reads links and folders."""
    texts = {"name": {"type": "str", "default": ""}, "log_dir": {"type": "path", "default": ""}}
    specs = {"root": release.SPEC["root"], **texts, "slots": {"type": "bool", "default": False}}
    module = Utf8Module(argument_spec=specs, supports_check_mode=True)
    host, root = Host(), module.params["root"]
    try:
        name = module.params["name"]
        record = step_record.read_record(host, name) if name else {}
        found = {**release.overview(host, root, record), "instances": slot_read.read_instances(host, root)}
        found["last_run"] = run_lock.read_last_run(host, module.params["log_dir"]) if module.params["log_dir"] else {}
        found["interrupted"] = bool(name) and lock_record.is_interrupted(host, name)
        if module.params["slots"]:
            found["slot"] = slot_read.read_slot(host, root)
        examples = {name: package_config.examples(release.folder(root, name)) for name in found["releases"]}
        main_classes = {
            name: sorted(package_main.find_main_classes(release.folder(root, name))) for name in found["releases"]
        }
        module.exit_json(changed=False, examples=examples, main_classes=main_classes, **found)
    except (OSError, RuntimeError) as error:
        module.fail_json(msg=f"the releases in {root} could not be read: {error}")


if __name__ == "__main__":
    main()
