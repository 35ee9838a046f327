# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a module is made of. Ansible parses all of them on the controller in each run, those of imports in functions too. Python
compiles on each host, in each task, those that the module loads when it starts."""

import subprocess
import sys

import pytest

from tests.docs.architecture import PLUGINS, list_imported
from tests.docs.role_variables import ROOT

PACKAGE = "ansible_collections.xitrum.host.plugins"


def list_loaded(module):
    """The files of module_utils that are loaded with a module, as `package.file`."""
    script = f"import sys, {PACKAGE}.modules.{module}\nprint(*(name for name in sys.modules if name.startswith('{PACKAGE}.module_utils.')))\n"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return {name.removeprefix(f"{PACKAGE}.module_utils.") for name in done.stdout.split()}


def list_sent(module):
    """The files of module_utils that Ansible sends with a module, as `package.file`."""
    left, found = [PLUGINS / f"modules/{module}.py"], set()
    while left:
        for parts in list_imported(left.pop(), PLUGINS):
            # The last part is empty. What is before it is a file, or a name in one.
            for names in (parts[:-1], parts[:-2]):
                path = PLUGINS.joinpath(*names).with_suffix(".py")
                if names and path.is_file() and path not in found:
                    found.add(path)
                    left.append(path)
    return {".".join(path.relative_to(PLUGINS / "module_utils").with_suffix("").parts) for path in found}


@pytest.mark.parametrize("module, needed, others", [
    ("release", "application.releases", {"application.instances", "application.overview", "redirects.component", "supervisor.table", "package.main_class"}),
    ("run_lock", "application.run_lock", {"application.releases", "core.folders", "core.sockets"}),
    # Each component is loaded if it is desired.
    ("host_base", "host_state.base", {"core.sockets", "core.targets", "kernel.component", "limits.nofile", "redirects.component"}),
])
def test_a_module_loads_only_what_it_needs(module, needed, others):
    loaded = list_loaded(module)
    assert needed in loaded
    assert loaded & others == set()


@pytest.mark.parametrize("module, needed, others", [
    ("release", "core.jobs", {"application.instances", "application.overview", "redirects.component", "supervisor.table", "package.main_class"}),
    ("run_lock", "core.jobs", {"application.releases", "core.folders", "core.sockets"}),
    ("host_base", "kernel.component", {"core.targets", "application.instances", "proxy.component"}),
])
def test_a_module_is_sent_with_only_what_it_needs(module, needed, others):
    sent = list_sent(module)
    assert needed in sent and sent >= list_loaded(module) - {name.partition(".")[0] for name in sent}
    assert sent & others == set()
