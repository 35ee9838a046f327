# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible with its plugins and those of the collection, loaded once for the processes of ansible_process.py."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile

from ansible import constants
from ansible.cli.adhoc import AdHocCLI
from ansible.cli.playbook import PlaybookCLI

from tests.lib.preloaded_ansible import load_ansible

COMMANDS = {"ansible": AdHocCLI, "ansible-playbook": PlaybookCLI}
#: Below Ansible's folder for temporary files: what runs compile of templates, and the modules that Ansible packs.
COMPILED, PACKED = "compiled", "ansiballz_cache"


def read_settings(environment):
    """Sets variables of the environment, without a choice of how a run is shown, and what Ansible has read of them when it was loaded."""
    os.environ.pop("ANSIBLE_STDOUT_CALLBACK", None)
    os.environ.update(environment)
    for setting in ("DEFAULT_STDOUT_CALLBACK", "DEFAULT_HOST_LIST"):
        constants.set_constant(setting, constants.config.get_config_value(setting, variables=vars(constants)))


def run(arguments):
    """Runs a command, which ends the process. Modules that were packed by an earlier one are not packed again."""
    shared = pathlib.Path(constants.DEFAULT_LOCAL_TMP) / PACKED
    shared.mkdir(exist_ok=True)
    # Each process has a folder of its own: two that pack the same module at the same time would write the same file.
    with tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP) as own:
        constants.DEFAULT_LOCAL_TMP = own
        shutil.copytree(shared, pathlib.Path(own) / PACKED, copy_function=os.link)
        try:
            COMMANDS[arguments[0]].cli_executor(arguments)
        finally:
            for path in (pathlib.Path(own) / PACKED).iterdir():
                if path.suffix != ".lock":
                    with contextlib.suppress(FileExistsError):
                        os.link(path, shared / path.name)


load_ansible(pathlib.Path(constants.DEFAULT_LOCAL_TMP) / COMPILED)
