# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role proxy says of variables that do not fit together: the rules of its preflight, worked out by Ansible."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.xitrum.host.plugins.filter.input_problems import input_problems
from ansible_collections.xitrum.host.plugins.module_utils.proxy import definition as proxy

from .test_templates import BASE, ROOT, trust_as_template

ROLE = ROOT / "roles/proxy"
TASK = next(task for task in yaml.safe_load((ROLE / "tasks/preflight.yml").read_text()) if "__proxy_rules" in task.get("vars", {}))
VARS = yaml.safe_load((ROLE / "vars/main.yml").read_text())
OWN = {name: VARS[name] for name in ("__proxy_absent", "__proxy_durations", "__proxy_bare", "__proxy_unfit", "__proxy_behind")}
GOOD = {**BASE, "proxy_tls_certificate": "", "proxy_tls_key": "", "proxy_software": "haproxy",
        "proxy_load_balancers": [], "proxy_load_balancer_protocol": "http"}


def trusted(value):
    """A value of a role's file, whose texts are templates."""
    if isinstance(value, dict):
        return {name: trusted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def problems(**more):
    variables = {**{name: value for name, value in GOOD.items() if name not in OWN}, **more, **trusted({**OWN, **TASK["vars"]})}
    templar = Templar(DataLoader(), variables=variables)
    # Filters of a collection are found by Ansible's own programs alone.
    templar.environment.filters["xitrum.host.input_problems"] = input_problems
    return templar.template(trust_as_template("{{ __proxy_problems }}"))


@pytest.mark.parametrize("value", [5, 0, True, False, {"proxy1": 1}, [["proxy1"]], [1]])
def test_unavailable_proxies_of_a_wrong_type_are_named(value):
    groups = {"xitrum_proxy": ["proxy1", "proxy2"]}
    with pytest.raises(ValueError, match=f"xitrum_unavailable_proxies: found {re.escape(repr(value))}, expected names of the group xitrum_proxy"):
        proxy.available(groups, value)
    assert proxy.available(groups, None) == proxy.available(groups, "") == ["proxy1", "proxy2"]
    assert proxy.available(groups, " proxy1 , ") == proxy.available(groups, ["proxy1"]) == ["proxy2"]


def test_what_fits_together_is_no_problem():
    assert problems() == []
    here = str(ROLE / "vars/main.yml")
    assert problems(proxy_tls_certificate=here, proxy_tls_key=here, proxy_redirect_https=True, proxy_software="nginx") == []


@pytest.mark.parametrize(("more", "words"), [
    ({"proxy_tls_certificate": str(ROLE / "vars/main.yml")}, "set both files, or neither"),
    ({"proxy_redirect_https": True}, "redirect to HTTPS only where there is HTTPS"),
    ({"proxy_tls_certificate": "/nowhere/a.pem", "proxy_tls_key": "/nowhere/b.pem"}, "no file /nowhere/a.pem and no file /nowhere/b.pem on the controller"),
    ({"proxy_timeout_queue": "10", "proxy_check_interval": 2},
     "xitrum_proxy_timeout_queue is '10': expected a number with its unit, ms, s, m, h or d, for example 10s; "
     "xitrum_proxy_check_interval is '2'"),
    ({"proxy_check_interval": "2s\n  option x"}, "xitrum_proxy_check_interval is '2s\\n  option x': expected a number"),
    ({"proxy_health_path": "/\n  http-request deny"}, "xitrum_health_path is '/\\n  http-request deny': expected / followed by letters"),
    ({"proxy_cookie": "xitrum\n"}, "xitrum_proxy_cookie is 'xitrum\\n': expected letters"),
    ({"proxy_listen": ["0.0.0.0", "::1;"]}, "xitrum_proxy_listen is '::1;': expected an IP address or a host name"),
    ({"proxy_software": "apache", "proxy_load_balancers": ["192.0.2.1"], "proxy_load_balancer_protocol": "proxy"}, "Let the load balancer speak http"),
    ({"proxy_stats_port": 0, "proxy_software": "nginx"}, "xitrum_proxy_stats_port is 0"),
    ({"proxy_stats_port": -1, "proxy_software": "apache"}, "xitrum_proxy_stats_port is -1"),
    ({"proxy_cookie": "a b"}, "xitrum_proxy_cookie is 'a b'"),
])
def test_each_rule_says_what_was_found_and_what_to_do(more, words):
    said = problems(**more)
    assert len(said) == 1
    assert words in said[0]


def test_all_that_is_wrong_is_said_at_once():
    assert len(problems(proxy_redirect_https=True, proxy_cookie="a b", proxy_timeout_queue="10")) == 3
