# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a module loads when it starts. Python compiles all of them on each host in each task."""

import subprocess
import sys

import pytest

from tests.docs.role_variables import ROOT

PACKAGE = "ansible_collections.xitrum.host.plugins"


def list_loaded(module):
    """The files of module_utils that are loaded with a module, as `package.file`."""
    script = f"import sys, {PACKAGE}.modules.{module}\nprint(*(name for name in sys.modules if name.startswith('{PACKAGE}.module_utils.')))\n"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return {name.removeprefix(f"{PACKAGE}.module_utils.") for name in done.stdout.split()}


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
