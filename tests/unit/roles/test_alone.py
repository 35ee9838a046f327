# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The play with which the page of each role shows how to use it alone, run as it stands there: the real role, with every module stubbed."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import pytest
import yaml

from tests.docs.role_variables import ROOT, list_roles
from tests.unit.stubbed_plays import PACKAGE, play, state_of

SECTION = re.compile(r"^## Use it alone\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```yaml\n(?P<play>.*?)^```$", re.MULTILINE | re.DOTALL)
#: Every module has a stub.
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))

STATE = state_of(0)
PROXY = {"rows": [], "errors": [], "notes": [], "drift": True, "actions": ["write"]}
REMOVAL = {"applications": [], "errors": [], "kept": [], "proxies": False, "redirects": False, "firewall": False, "nofile": [],
           "kernel": ["/etc/sysctl.d/90-xitrum.conf"], "alternatives": [], "jdks": [], "leftovers": True, "lines": ["kernel parameters"]}
TREE = {"notes": ["the port comes from the platform"], "paths": ["config/xitrum.conf"], "errors": [], "rows": [], "project": ".", "sbt": "1.10.0",
        "task": "xitrumPackage", "name": "shop", "name_from": "build.sbt", "java": 0, "main_class": "shop.Boot",
        "variables": [{"key": "xitrum.session.secureKey", "variable": "CONFIG_FORCE_xitrum_session_secureKey", "other_source": False, "example": True}]}


class Case(NamedTuple):
    """What the hosts answer: module to its result, and which modules the role then calls, in their order, with options that they get."""

    answers: dict
    calls: list
    expected: dict
    options: tuple = ()
    prints: str = ""


def differing(name, **more):
    """The read of a host of which one component is out of sync."""
    return {"host_state_info": {**STATE, name: {**STATE[name], "drift": True, **more}}}


def proxy(software):
    """The case of a proxy's role."""
    return Case({"host_state_info": {**STATE, "proxy": PROXY}}, ["host_state_info", "proxy_config"], {"proxy_config": {"software": software}})


CASES = {
    "xitrum": Case({}, [], {}, prints="/opt/xitrum and /var/log/xitrum"),
    "tuning": Case(differing("kernel"), ["host_state_info", "host_base"], {"host_base": {
        "kernel": {"path": "/etc/sysctl.d/90-xitrum.conf", "state": "present"}, "nofile": {"nofile": 1024000}}}),
    "jdk": Case(differing("jdk", steps=["alternatives"]), ["host_state_info", "jdk alternatives"],
                {"host_state_info": {"jdk": {"version": 17}}, "jdk alternatives": {"home": "/jdk"}}),
    "port_forward": Case(differing("redirects"), ["host_state_info", "port_redirect"], {"port_redirect": {"stop_services": ["apache2"]}}),
    "application": Case({"package_info": PACKAGE, **differing("instances")}, ["package_info", "host_state_info", "host_record", "instances"],
                        {"instances": {"release": PACKAGE["release"], "root": "/opt/xitrum", "jdk_home": "/jdk"}}),
    "supervisor": Case({"package_info": PACKAGE, "host_state_info": {**differing("service")["host_state_info"], "instances": {
        **STATE["instances"], "start": [{"index": 0, "port": 8000, "folder": "new"}]}}},
        ["package_info", "host_state_info", "service_definition", "instance_service"],
        {"service_definition": {"supervisor": "systemd", "name": "xitrum"}, "instance_service": {"state": "started"}}),
    **{name: proxy(name) for name in ("haproxy", "nginx", "apache")},
    "proxy": proxy("haproxy"),
    "packages": Case({"host_state_info": STATE}, ["host_state_info", "host_record"], {"host_record": {"packages": ["curl"]}},
                     ("--check",), "Would install curl"),
    "remove": Case({"host_record read": REMOVAL}, ["host_record read", "sysctl_profile", "host_record leftovers_removed", "host_record read"],
                   {"host_record read": {"keep_data": True}, "sysctl_profile": {"state": "absent"}, "host_record leftovers_removed": {"keep_data": True}}),
    "report": Case({"host_state_info": STATE}, ["host_state_info"], {"host_state_info": {"nofile": {"nofile": 1024000}}}, prints="check.html"),
    "load_test": Case({"host_state_info": {"capacity": {"limits": {"largest": 1}}}, "connection_load burst": {"bursts": []},
                       "connection_load measured": {"load": {}}},
                      ["connection_load", "connection_load", "host_state_info", "connection_load burst", "connection_load measured"],
                      {"connection_load burst": {"connects": 500}},
                      ("--check",), "Nothing was measured"),
    "console": Case({"console": {"lines": ["thread main"]}}, ["console"], {"console": {"action": "threads", "root": "/opt/xitrum"}}, prints="Saved in"),
    "run": Case({"console": {"instance": 0, "release": "aa", "rc": 0, "seconds": 1.5}}, ["console"],
                {"console": {"action": "run", "main_class": "shop.Migrate", "arguments": ["--from", "2019"], "timeout": 3600, "instance": 0}},
                prints="shop.Migrate ended with exit code 0 after 1.5 s"),
    "source_tree": Case({"source_tree": TREE}, ["source_tree"], {"source_tree": {"settings": {"xitrum.port.http": "${PORT}"}}}, prints="the port comes"),
    "heroku": Case({"source_tree": TREE}, ["source_tree", "source_tree"], {"source_tree": {"prefix": "heroku"}},
                   prints="heroku config:set --remote heroku"),
    "openshift": Case({"source_tree": TREE}, ["source_tree", "source_tree"], {"source_tree": {"prefix": "openshift"}},
                      prints="The application's name is shop, from build.sbt"),
}


def shown(role):
    """The play on a role's page."""
    section = SECTION.search((ROOT / "roles" / role / "README.md").read_text(encoding="utf-8"))
    assert section, f"the page of {role} has no section 'Use it alone'"
    return BLOCK.search(section["text"])["play"]


def includes(given, expected):
    """Whether options have these values, those of dictionaries in their turn."""
    if isinstance(expected, dict):
        return isinstance(given, dict) and all(name in given and includes(given[name], value) for name, value in expected.items())
    return given == expected


def test_every_role_has_a_case():
    assert sorted(CASES) == sorted(role.name for role in list_roles())


@pytest.mark.parametrize("role", CASES)
def test_the_play_of_the_page_names_the_role_and_what_a_failure_ends(role):
    (one,) = yaml.safe_load(shown(role))
    assert f"xitrum.host.{role}" in json.dumps(one) and one["name"] and one["gather_facts"] is False
    # As plays of the collection that change hosts: docs/explanation/architecture.md has the reason.
    assert one.get("max_fail_percentage") in (None, 0)


@pytest.mark.parametrize("role", CASES)
def test_a_role_can_be_used_alone_as_its_page_states(tmp_path, monkeypatch, role):
    case = CASES[role]
    monkeypatch.setenv("PWD", str(tmp_path))
    removed = [({"module": "host_record read", "nth": 2}, {**REMOVAL, "lines": []})] if role == "remove" else []
    rules = removed + [({"module": module}, answer) for module, answer in case.answers.items()]
    run = play(tmp_path, shown(role), ["app1"], rules, ["proxy1"], modules=MODULES, options=case.options, application_package_read=None,
               xitrum_package="/srv/shop/target/xitrum")
    assert run.code == 0, run.text
    of_host = [call for call in run.calls if run.calls[0]["host"] == call["host"]]
    assert [call["action"] for call in of_host] == case.calls, run.text
    for call in of_host:
        assert includes(call["args"], case.expected.get(call["action"], {})), call
    assert case.prints in run.text
