# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each component has to have, and that its plan is pure and never changes: for whoever adds one."""

from __future__ import annotations

import ast
import copy
import dataclasses
import importlib
import inspect

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import component as contract
from ansible_collections.xitrum.host.plugins.module_utils.core import parts
from ansible_collections.xitrum.host.plugins.module_utils.core import plan as core_plan
from ansible_collections.xitrum.host.plugins.module_utils.core.component import Applied, Execution
from ansible_collections.xitrum.host.plugins.module_utils.host_state import base, registry
from ansible_collections.xitrum.host.plugins.modules import host_base

from tests.docs.role_variables import ROOT

from ..all_components import COMPONENTS
from ..fake_host import FakeHost
from ..kernel import test_component as kernel_cases

PREFIX = "ansible_collections.xitrum.host.plugins.module_utils"


def run_by_modules():
    """The components that modules hand to the runner: module, and part of it where it has several, to component."""
    found = {}
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        module = importlib.import_module(f"ansible_collections.xitrum.host.plugins.modules.{path.stem}")
        for value, part in getattr(module, "PARTS", {}).items():
            if not isinstance(part, parts.Reader):
                found[f"{path.stem} {value}"] = part
        tree = ast.parse(path.read_text(encoding="utf-8"))
        places = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                package = PREFIX + (node.module or "").removeprefix("module_utils")
                places.update({alias.asname or alias.name: f"{package}.{alias.name}" for alias in node.names})
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "runner.run":
                found[path.stem] = importlib.import_module(places[ast.unparse(node.args[0])])
    return found


RUN = run_by_modules()
APPLIED = {component.__name__.removeprefix(f"{PREFIX}."): component for component in [*RUN.values(), *(load() for load in host_base.APPLIED.values())]}
ALL = {**APPLIED, **{one.__name__.removeprefix(f"{PREFIX}."): one for one in COMPONENTS}}


def parameters(function):
    """The names and defaults of a function's parameters, without that of a method's own object."""
    return [(name, one.default) for name, one in inspect.signature(function).parameters.items() if name != "self"]


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_component_has_the_members_of_the_contract(name):
    component = ALL[name]
    assert isinstance(component.NAME, str) and component.NAME and isinstance(component.SPEC, dict)
    for member in ("read", "plan"):
        assert parameters(getattr(component, member)) == parameters(getattr(contract.Component, member)), member


@pytest.mark.parametrize("name", sorted(APPLIED))
def test_a_component_that_changes_a_host_is_applied_in_one_way(name):
    component = APPLIED[name]
    assert parameters(component.apply) == parameters(contract.AppliedComponent.apply)
    assert isinstance(component.EXECUTION, Execution)


def test_what_has_an_apply_is_run_by_a_module():
    assert {name for name, component in ALL.items() if hasattr(component, "apply")} == set(APPLIED)


def test_names_are_unique():
    for components in (COMPONENTS, list({id(one): one for one in APPLIED.values()}.values())):
        names = [component.NAME for component in components]
        assert len(names) == len(set(names))
    assert set(base.COMPONENTS) <= set(registry.COMPONENTS)


@pytest.mark.parametrize("components", [base.COMPONENTS, registry.COMPONENTS, host_base.COMPONENTS], ids=["base", "registry", "host_base"])
def test_a_component_is_loaded_by_its_name(components):
    assert [load().NAME for load in components.values()] == list(components)


def test_the_modules_that_change_a_host_use_the_runner():
    """The others read, or have an end of their own, with the reason."""
    own_end = {
        "host_base": "several components one after the other, by the same runner",
        "report": "documentation alone: its action plugin connects to no host",
        "run_plan": "documentation alone: its action plugin connects to no host",
    }
    readers = {path.stem for path in (ROOT / "plugins/modules").glob("*_info.py")}
    run = {name.partition(" ")[0] for name in RUN}
    assert {path.stem for path in (ROOT / "plugins/modules").glob("*.py")} - run - set(own_end) == readers


# ------------------------------------------------------------------------------------------------- plans do not change

DESIRED = {
    "name": "demo", "root": "/opt/demo", "log_dir": "/var/log/demo", "user": "demo", "release": "aa", "main_class": "demo.Boot",
    "heap": "512m", "architecture": "x86_64", "home": "/usr/lib/jvm/j17", "instances": [], "software": "nginx", "config": "",
    "config_path": "/etc/nginx/nginx.conf", "packages": ["nginx"], "service": "nginx", "servers": ["app1-0"], "state": "ready",
    "instance": 0, "path": "/etc/sysctl.d/90-xitrum.conf", "holder": {"id": "1", "user": "ann", "host": "laptop"},
    "supervisor": "systemd", "remote": "origin", "branch": "main", "prefix": "heroku", "commit_message": "x", "paths": [],
}
#: What is read before.
SEEN = {
    "machine": {"distribution": "debian", "release": "12", "family": "debian", "architecture": "x86_64"},
    "jdk": {"home": "/usr/lib/jvm/j17", "version": 17},
}


def desired_of(component):
    """Options of a component: its defaults, and what has none of the table above as far as its type and choices allow."""
    given = {}
    more = component.EXECUTION.options if hasattr(component, "EXECUTION") else {}
    for name, option in {**component.SPEC, **more}.items():
        value = DESIRED.get(name)
        fits = value is not None and value in option.get("choices", [value]) and option["type"] in ("path", "raw", TYPES.get(type(value)))
        fallback = option.get("choices", [None])[0] if option.get("required") else option.get("default")
        given[name] = value if fits and (option.get("required") or "default" not in option) else fallback
        if given[name] is None and option.get("required"):
            given[name] = {"int": 0, "str": "x", "path": "/x", "list": [], "dict": {}, "bool": False}[option["type"]]
    return given


TYPES = {str: "str", int: "int", list: "list", dict: "dict", bool: "bool"}
#: It reads from a running proxy, which FakeHost is not.
ELSEWHERE = {"proxy.servers"}
#: It makes connections of its own.
NETWORK = {"load.burst"}


def comparable(value):
    """The same value with exceptions as texts: two of them are never equal."""
    if isinstance(value, dict):
        return {key: comparable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(map(comparable, value)) if type(value) in (list, tuple, set) else value
    return repr(value) if isinstance(value, Exception) else value


def read_of(component):
    """A host without anything, the options, and what the component reads there."""
    host, desired = FakeHost(), desired_of(component)
    return host, desired, component.read(host, desired, SEEN)


@pytest.mark.parametrize("name", sorted(set(ALL) - ELSEWHERE))
def test_planning_changes_neither_what_is_desired_nor_what_was_read(name):
    component = ALL[name]
    host, desired, state = read_of(component)
    given, found, done = copy.deepcopy(desired), copy.deepcopy(state), list(host.done)
    plan = component.plan(desired, state)
    assert comparable((desired, state, host.done)) == comparable((given, found, done))
    assert plan.desired == desired and plan.state is state
    assert component.plan(given, found) == plan, "the same is planned of the same"


def test_a_plan_and_its_rows_cannot_be_changed():
    plan = core_plan.Plan(rows=[core_plan.Row("kernel", "x")])
    for one, name in ((plan, "rows"), (plan, "facts"), (plan.rows[0], "status")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(one, name, None)
    assert all(isinstance(getattr(plan, name), tuple) for name in ("rows", "actions", "errors"))


@pytest.mark.parametrize("name", sorted(kernel_cases.CASES))
def test_applying_does_not_change_the_plan_of_the_kernel(name):
    """The component whose result differs most from its plan: what the kernel refuses is in what `apply` returns."""
    case = kernel_cases.CASES[name]
    host = kernel_cases.host_of(case)
    plan = kernel_cases.plan_of(host, case)
    before = copy.deepcopy(plan)
    if not plan.errors:
        assert isinstance(kernel_cases.kernel.apply(host, plan), Applied)
    assert plan == before and comparable((plan.desired, plan.state)) == comparable((before.desired, before.state))


@pytest.mark.parametrize("name", sorted(set(APPLIED) - ELSEWHERE - NETWORK))
def test_applying_does_not_change_the_plan(name):
    component = APPLIED[name]
    host, desired, state = read_of(component)
    plan = component.plan(desired, state)
    before = copy.deepcopy(plan)
    if not plan.errors:
        try:
            assert isinstance(component.apply(host, plan), Applied)
        except (OSError, RuntimeError, LookupError):
            # A host that has no commands: what it was done with the plan before counts.
            assert host.done
    assert plan == before and comparable((plan.desired, plan.state)) == comparable((before.desired, before.state))
