# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the second table of docs/reference/changes.md is what the code does.

Desired states are computed from the variables before and after a change: what its instances start with decides which of them restart, and
the configuration of its proxy decides whether that is reloaded. What is refused has a rule, whose own tests have the case.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.preflight import catalog
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.docs.role_variables import ROOT

from ..preflight.test_catalog import CASES

PAGE = ROOT / "docs/reference/changes.md"
APPS, PROXIES = ("app1", "app2"), ("proxy1",)
ADDRESSES = {"app1": "10.0.0.11", "app2": "10.0.0.12", "renamed": "10.0.0.12", "proxy1": "10.0.0.1", "proxy2": "10.0.0.2"}


def fleet(apps=APPS, proxies=PROXIES, **variables):
    """A fleet before or after a change."""
    groups = {"xitrum": list(apps), "xitrum_proxy": list(proxies), "all": [*apps, *proxies]}
    return {"groups": groups, "variables": variables, "host_variables": {host: {"xitrum_address": ADDRESSES[host]} for host in [*apps, *proxies]}}


ALONE = {"apps": ["app1"], "proxies": []}
SLOTS = {**ALONE, "xitrum_slots": True}

#: By the first words of a row: the fleets before and after each change of it, whether instances restart, and whether a proxy is reloaded.
EFFECTS = {
    "a release, a variable": (
        [(fleet(), fleet(application_package_read={"release": "r2", "bytes": 1, "main_class": "a.B", "folder": "/build", "examples": []})),
         (fleet(), fleet(xitrum_config="a = 1")), (fleet(), fleet(xitrum_heap="1g"))], True, False),
    "more instances": ([(fleet(), fleet(xitrum_instances=2)), (fleet(apps=["app1"]), fleet())], False, True),
    "fewer instances": ([(fleet(xitrum_instances=2), fleet()), (fleet(), fleet(apps=["app1"]))], False, True),
    "a first proxy": ([(fleet(proxies=[]), fleet())], True, True),
    "one more proxy": ([(fleet(), fleet(proxies=["proxy1", "proxy2"])), (fleet(proxies=["proxy1", "proxy2"]), fleet())], True, False),
    "`xitrum_http_port`": ([(fleet(), fleet(xitrum_http_port=8100))], True, True),
    "`xitrum_https_port`": ([(fleet(**TLS), fleet(**TLS, xitrum_https_port=4500)) for TLS in [
        {"xitrum_tls_certificate": "a.pem", "xitrum_tls_key": "b.pem"}]], True, False),
    "`xitrum_log_dir`": ([(fleet(), fleet(xitrum_log_dir="/srv/log"))], True, False),
    "`xitrum_slots`": ([(fleet(**ALONE), fleet(**SLOTS)), (fleet(**SLOTS), fleet(**ALONE))], False, False),
    "`xitrum_cluster`": ([(fleet(), fleet(xitrum_cluster=True)), (fleet(xitrum_cluster=True), fleet())], True, True),
    "`xitrum_interface`": ([(fleet(), fleet(xitrum_interface="10.0.0.11"))], True, True),
    "`xitrum_supervisor`": ([(fleet(), fleet(xitrum_supervisor=kind)) for kind in SUPERVISORS if kind != "systemd"], True, False),
    "a host's name": ([(fleet(), fleet(apps=["app1", "renamed"]))], False, True),
    "a setting or certificate": (
        [(fleet(), fleet(xitrum_proxy_timeout_queue="20s")),
         (fleet(), fleet(xitrum_proxy_tls_certificate="a.pem", xitrum_proxy_tls_key="b.pem"))], False, True),
    "`xitrum_proxy_http_port`": ([(fleet(), fleet(xitrum_proxy_http_port=8080))], False, True),
}

#: Rows of what is refused, and the rules.
REFUSED = {
    "`xitrum_secure_key`": ["rollout.sessions"],
    "`xitrum_user`": ["host.moved"],
    "`xitrum_name`": ["host.renamed", "host.other-application"],
    "`xitrum_proxy_software`": ["host.proxy-port-held"],
    "the application of a proxy": ["host.proxy-application"],
}


def rows():
    """The rows of the second table, as their cells."""
    table = PAGE.read_text(encoding="utf-8").partition("## What may change between two runs")[2]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")]
    return found[2:] if set(found[1][0]) <= set("- ") else found[1:]


def row_of(words):
    (found,) = [row for row in rows() if row[0].startswith(words)]
    return found


@functools.lru_cache(maxsize=None)
def states():
    """The desired states of all fleets, as text to what each host is to be."""
    fleets = {json.dumps(one, sort_keys=True): one for changes, *_rest in EFFECTS.values() for change in changes for one in change}
    result = subprocess.run([sys.executable, "-m", "tests.unit.desired_states"], input=json.dumps(list(fleets.values())), cwd=ROOT,
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    return dict(zip(fleets, json.loads(result.stdout), strict=True))


def state_of(one):
    return states()[json.dumps(one, sort_keys=True)]


def restarted(before, after):
    """Whether an instance starts with something else, among those that both fleets have. A host is known by its address."""
    return any(
        start != new["start"][index]
        for host, old in before.items() for other, new in after.items()
        if ADDRESSES[host] == ADDRESSES[other]
        for index, start in old["start"].items() if index in new["start"]
    )


def reloaded(before, after):
    """Whether a proxy of the new fleet gets another configuration than the old one had."""
    return any(host["proxy"] and host["proxy"] != before.get(name, {}).get("proxy") for name, host in after.items() if name != "proxy2")


def test_every_row_is_verified():
    assert [row[0] for row in rows() if not row[0].startswith((*EFFECTS, *REFUSED))] == []
    assert len(rows()) == len(EFFECTS) + len(REFUSED)


@pytest.mark.parametrize("words", EFFECTS)
def test_a_row_has_the_effect_that_it_states(words):
    changes, restarts, reloads = EFFECTS[words]
    for before, after in map(lambda change: map(state_of, change), changes):
        assert (restarted(before, after), reloaded(before, after)) == (restarts, reloads), words


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused_has_a_rule(words):
    cells = row_of(words)
    assert cells[1].startswith("refused")
    assert set(REFUSED[words]) <= set(catalog.BY_IDENTIFIER) & set(CASES)


def test_the_variables_of_the_table_exist():
    names = set(re.findall(r"\bxitrum_[a-z_]+", " ".join(cell for row in rows() for cell in row)))
    text = (ROOT / "docs/reference/variables.md").read_text(encoding="utf-8")
    known = set(re.findall(r"`(xitrum_[a-z_]+)`", text))
    assert len(names) > 15 and names <= known, names - known
