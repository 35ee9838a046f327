# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads what runs of Ansible need into a process that is forked for each run."""

from __future__ import annotations

import gc
import importlib
import os
import pathlib
import pkgutil
import sys
import traceback

from ansible import cli, release
from ansible.plugins import loader

#: Packages of Ansible whose modules plays of the collection need.
PACKAGES = ("ansible.plugins.action", "ansible.plugins.connection", "ansible.plugins.strategy", "ansible.plugins.filter", "ansible.plugins.test")
#: Those that need libraries of their own.
LEFT_OUT = ("psrp", "winrm")
#: Kinds of plugins whose options are in their documentation, but for those that read settings or begin to keep something once loaded.
DOCUMENTED = ("action", "become", "cache", "connection", "inventory", "shell", "strategy")
#: The releases of ansible-core whose internals tests know.
KNOWN = ("2.19", "2.21")
RELEASE = ".".join(release.__version__.split(".")[:2])


def load_ansible(folder, *paths):
    """Loads plugins of Ansible and of `xitrum.host`, and its playbooks. Collections are where Ansible's settings report, or below `paths`.

    What runs compile is kept in `folder`.
    """
    loader.init_plugin_loader(list(paths))
    # A run of its own would warn that this was done before.
    cli.init_plugin_loader = lambda *_arguments: None
    for package in PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if module.name not in LEFT_OUT:
                importlib.import_module(f"{package}.{module.name}")
    plugins = pathlib.Path(importlib.import_module("ansible_collections.xitrum.host.plugins").__path__[0])
    for kind in ("action", "filter", "lookup"):
        for path in sorted((plugins / kind).glob("*.py")):
            importlib.import_module(f"ansible_collections.xitrum.host.plugins.{kind}.{path.stem}")
    # With what they document: each run would parse that of each plugin.
    for kind in DOCUMENTED:
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    if RELEASE in KNOWN:
        # It imports what another release may not have.
        from tests.lib import kept_playbooks

        kept_playbooks.keep(plugins.parent, folder)
    gc.collect()
    gc.freeze()


def end_process_with(run, *arguments):
    """Calls a function that exits as a command of Ansible, and ends this process, which is a fork, with its exit code. Does not return."""
    code = 1
    try:
        run(*arguments)
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
