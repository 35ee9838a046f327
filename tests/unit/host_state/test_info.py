# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader of all components: what it takes, what it keeps to itself, and what it may not see."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import quiet
from ansible_collections.xitrum.host.plugins.module_utils.host_state import base, registry

from tests.docs.role_variables import ROOT

from ..fake_host import FakeHost, Unreadable


def given(**desired):
    return {**dict.fromkeys(registry.COMPONENTS), **desired}


def test_options_get_their_types_and_defaults():
    desired, _secrets, wrong = base.check_desired(registry.COMPONENTS, given(jdk={"version": "17"}))
    assert wrong == []
    assert desired["jdk"]["version"] == 17 and desired["release"] is None


def test_what_is_wrong_is_reported_with_its_component():
    _desired, _secrets, wrong = base.check_desired(registry.COMPONENTS, given(jdk={"verzion": 17}, release={"root": "/opt/demo"}))
    assert any(message.startswith("jdk: ") and "verzion" in message for message in wrong)
    assert any(message.startswith("release: ") and "release" in message for message in wrong)


def test_secrets_are_known_as_such():
    instance = {"index": 0, "port": 8000, "files": {"config/xitrum.conf": "secureKey = abc"}}
    _desired, secrets, wrong = base.check_desired(registry.COMPONENTS, given(instances={
        "root": "/opt/demo", "log_dir": "/var/log/demo", "user": "demo", "release": "aa", "instances": [instance]}))
    assert wrong == []
    assert "secureKey = abc" in secrets


def test_only_what_is_desired_is_read():
    desired, _secrets, _wrong = base.check_desired(registry.COMPONENTS, given(service={"name": "demo"}))
    assert list(base.read_all(FakeHost(), desired, registry.COMPONENTS)) == ["service"]


def test_what_the_user_may_not_read_is_a_row_that_reports_it():
    desired, _secrets, _wrong = base.check_desired(registry.COMPONENTS, given(service={"name": "demo", "files": [{"path": "/etc/x", "content": ""}]}))
    result = base.read_all(FakeHost({"/etc/x": Unreadable()}), desired, registry.COMPONENTS)["service"]
    assert not result["drift"]
    assert [(row["status"], row["why"]) for row in result["rows"]] == [("not_readable", "/etc/x: permission denied")]


def test_a_module_with_configurations_in_its_arguments_logs_nothing(monkeypatch):
    monkeypatch.setattr(quiet.AnsibleModule, "_log_invocation", lambda _self: pytest.fail("the invocation was logged"))
    assert quiet.QuietModule._log_invocation(object()) is None


@pytest.mark.parametrize("name, others", [("runtime", {"proxy.component", "redirects.component", "logs.component"}),
                                          ("proxy_health", {"application.instances", "supervisor.component", "jdk.component"})])
def test_only_the_files_of_what_is_desired_are_loaded(name, others):
    """Python compiles them on the host in each run."""
    package = registry.__name__.rpartition(".host_state.")[0]
    script = (
        f"import importlib, sys\n"
        f"base, registry = (importlib.import_module('{package}.host_state.' + name) for name in ('base', 'registry'))\n"
        f"base.check_desired(registry.COMPONENTS, {{**dict.fromkeys(registry.COMPONENTS), {name!r}: {{}}}})\n"
        f"registry.collect_secrets(dict.fromkeys(registry.COMPONENTS))\n"
        f"print(*(file for file in sys.modules if file.startswith('{package}.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    loaded = {file.removeprefix(f"{package}.") for file in done.stdout.split()}
    assert registry.COMPONENTS[name]().__name__.removeprefix(f"{package}.") in loaded
    assert loaded & others == set()
