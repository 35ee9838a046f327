# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of the table has an identifier of its own, and variables that break it are reported with it."""

from __future__ import annotations

import ast
import inspect
import re

import pytest
from ansible.errors import AnsibleError
from ansible_collections.xitrum.host.plugins.action import host_state_info, source_tree
from ansible_collections.xitrum.host.plugins.module_utils.configuration.xitrum_conf import EXAMPLE_VALUES
from ansible_collections.xitrum.host.plugins.module_utils.desired.inputs import Inputs
from ansible_collections.xitrum.host.plugins.module_utils.package.source import SourceError
from ansible_collections.xitrum.host.plugins.module_utils.preflight import catalog, messages, rules, values
from ansible_collections.xitrum.host.plugins.plugin_utils import preflight_reports

from tests.docs import rules as page

from ..proxy.test_rules import GOOD as PROXY
from .test_command_rules import CASES as OF_COMMANDS
from .test_messages import an_instance, of_deploy, shared_fleet, variables
from .test_platforms import HEROKU, OPENSHIFT, TREE

#: An address in a public network, to which Akka's remoting must not listen.
OPEN = "akka.remote.artery.canonical.hostname"

#: Values that are set, by the rule that they break.
SET = {
    "proxy.backends": {"xitrum_proxy_backends": [{"name": "stats", "path_prefix": "/a", "servers": ["127.0.0.1:1"]}]},
    "reach.host": {"xitrum_reach_from": "ap1", "groups": {"all": ["app1"]}},
    "supervisor.pip-arguments": {"supervisor_supervisord_pip_arguments": "--index-url 'x"},
    "supervisor.supervisord-hashes-invalid": {
        "xitrum_supervisor": "supervisord", "supervisor_supervisord_version": "4.3.0", "supervisor_supervisord_hashes": ["md5:1"]},
    "supervisor.supervisord-hashes-missing": {"xitrum_supervisor": "supervisord", "supervisor_supervisord_version": "4.3.0"},
    "supervisor.writable-paths": {"supervisor_writable_paths": ["/etc"]},
    "variable.empty": {"xitrum_build_command": " "},
    "variable.minimum": {"xitrum_keep_releases": 0},
    "variable.text": {"xitrum_base_url": "no url"},
    "xitrum.before-release": {"xitrum_before_release": 7},
    "xitrum.cluster-config": {"xitrum_config": f'{OPEN} = "203.0.113.1"'},
    "xitrum.cluster-options": {"xitrum_java_options": [f"-D{OPEN}=203.0.113.1"]},
    "xitrum.cluster-port": {"xitrum_cluster_port": 0},
    "xitrum.connections": {"xitrum_max_connections": 0},
    "xitrum.folder": {"xitrum_root": "/etc"},
    "xitrum.folders-apart": {"xitrum_root": "/srv/shop", "xitrum_log_dir": "/srv/shop/log"},
    "xitrum.health-status": {"xitrum_health_status": 99},
    "xitrum.heap": {"xitrum_heap": "lots"},
    "xitrum.instances": {"xitrum_instances": 1001},
    "xitrum.java-options": {"xitrum_java_options": ["Xmx1g"]},
    "xitrum.name": {"xitrum_name": "my shop"},
    "xitrum.not-root": {"xitrum_user": "root"},
    "xitrum.java-options-conflict": {"xitrum_java_options": ["-Dxitrum.session.secureKey=x"]},
    "xitrum.ports": {"xitrum_http_port": 70000},
    "xitrum.ports-apart": {"xitrum_http_port": 4430, "xitrum_tls_certificate": "a", "xitrum_tls_key": "b"},
    "xitrum.rollout-batch": {"xitrum_rollout_batch": "150%"},
    "xitrum.rollout-seconds": {"xitrum_canary_seconds": -1},
    "xitrum.secure-key": {"xitrum_secure_key": "short"},
    "xitrum.tls-pair": {"xitrum_tls_key": "b"},
}

#: Values of a proxy that do not fit together, by the rule that they break.
OF_PROXY = {
    "proxy.cookie": {"proxy_cookie": "a b"},
    "proxy.durations": {"proxy_timeout_queue": "10"},
    "proxy.health-path": {"proxy_health_path": "x"},
    "proxy.listen-address": {"proxy_listen": ["a b"]},
    "proxy.load-balancer-protocol": {
        "proxy_software": "apache", "proxy_load_balancers": ["192.0.2.1"], "proxy_load_balancer_protocol": "proxy"},
    "proxy.no-servers": {"proxy_servers": []},
    "proxy.server-address": {"proxy_servers": [{"name": "a-0", "address": "a b"}]},
    "proxy.server-name": {"proxy_servers": [{"name": "a b", "address": "192.0.2.1"}]},
    "proxy.stats-port": {"proxy_software": "nginx", "proxy_stats_port": 0},
    "proxy.tls-files": {"proxy_tls_certificate": "/nowhere/a", "proxy_tls_key": "/nowhere/b"},
    "proxy.tls-pair": {"proxy_redirect_https": True},
    "proxy.instances": {
        "inventory_hostname": "proxy1", "groups": {"xitrum": ["app1"], "xitrum_proxy": ["proxy1"]}, "proxy_servers": None,
        "hostvars": {"app1": {"inventory_hostname": "app1", "xitrum_address": "a b"}}},
}

HOST = {
    "inventory_hostname": "app1", "groups": {"xitrum": ["app1"]}, "xitrum_supervisor": "systemd", "xitrum_port_forward": True,
    "xitrum_instances": 1, "xitrum_http_port": 8000, "xitrum_https_port": 4430, "xitrum_cluster_port": 2551, "xitrum_cluster_seeds": 2,
    "xitrum_slots": False, "xitrum_cluster": False, "xitrum_heap": "512m", "tuning_conntrack": False,
}

#: Values of a host that do not fit together: the component that depends on them, and the values, by the rule.
OF_HOST = {
    "capacity.connections": ("kernel", {"xitrum_max_connections": 1 << 29}),
    "xitrum.cluster": ("instances", {"xitrum_cluster": True, "hostvars": {"app1": {
        "inventory_hostname": "app1", "xitrum_cluster_address": "203.0.113.1"}}}),
    "xitrum.slots": ("instances", {"xitrum_slots": True, "xitrum_instances": 2}),
}


class WithoutValue(dict):
    """Variables of which the heap refers to a variable that nobody sets."""

    def __getitem__(self, name):
        if name == "xitrum_heap":
            raise AnsibleError("'size' is undefined")
        return super().__getitem__(name)


def of_set(variables):
    return rules.validate(variables)


def of_proxy(variables):
    given = {**PROXY, "proxy_servers": [{"name": "a-0", "address": "192.0.2.1"}], **variables}
    given = {name: value for name, value in given.items() if (name, value) != ("proxy_servers", None)}
    inputs = Inputs({"xitrum_http_port": 8000, "xitrum_instances": 1, **given})
    return host_state_info.find_errors(["proxy"], inputs, None)


def of_host(names, variables):
    return host_state_info.find_errors(names, Inputs({**HOST, **variables}), None)


def of_openshift(**variables):
    return source_tree.find_errors("openshift", [], {**OPENSHIFT, **variables})


def command(playbook, _add=()):
    return f"ansible-playbook {playbook}.yml"


def of_run(of_host, lost=()):
    """The errors of one host that was read, of a deploy."""
    return [*messages.find_host_errors(of_host, True, lost), *messages.find_port_errors(of_host), *messages.find_deploy_errors(of_host, ["proxy1"], command)]


def of_package(**package):
    return [*messages.find_host_errors(of_host := variables(package=package), True), *messages.find_example_errors(of_host),
            *messages.find_override_errors(of_host), *preflight_reports.find_controller_errors({"app1": of_host})]


def of_fleet(find, fleet):
    """The errors of the only host of a fleet that has some."""
    (found,) = filter(None, find(fleet, list(fleet)).values())
    return found


def of_sessions():
    fleet = {host: of_deploy({**an_instance(), "changes": ["xitrum_secure_key"], "restart_reasons": ["a"]}) for host in ("app1", "app2")}
    return messages.find_session_reports(fleet, ["app1", "app2"])[0]["app1"]


def of_removed_port():
    of_host = of_deploy(an_instance(0, 8000, 8001, interface=""), orphaned=[1], proxies=[])
    of_host["xitrum_host_state"]["instances"]["configured"] = {"1": {"http": 8001, "https": 0}}
    return list(messages.find_port_errors(of_host))


def of_addresses(host):
    groups = {"xitrum": ["app1"], "xitrum_proxy": ["proxy1"]}
    fleet = {name: {"groups": groups, "inventory_hostname": name} for name in ("app1", "proxy1")}
    return messages.find_address_errors({**fleet, "app1": {**fleet["app1"], "xitrum_address": "127.0.0.1"}}, host)


SESSIONS = {"overrides": ["xitrum_secure_key"], "xitrum_secure_key": "other"}
SHOP = {"xitrum_name": "shop"}
HOSTS = ["app1", "app2"]


def rules_of_components():
    """The rules that modules, module_utils and the read of a package name: of `BlockingError(..., rule=RULE)`, SourceError alike, and
    `make_rule_errors(RULE, ...)`."""
    found = {inspect.signature(SourceError).parameters["rule"].default}
    plugins = page.PAGE.parents[2] / "plugins"
    for path in [*sorted(plugins.glob("module*/**/*.py")), plugins / "plugin_utils/package_inspection.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name == "make_rule_errors" and isinstance(node.args[0], ast.Constant):
                found.add(ast.literal_eval(node.args[0]))
            elif name in ("BlockingError", "SourceError"):
                found |= {ast.literal_eval(given.value) for given in node.keywords if given.arg == "rule" and isinstance(given.value, ast.Constant)}
    return found


OF_COMPONENTS = rules_of_components()

#: What the controller finds wrong with the package, with hosts that were read, and between hosts: see messages.py.
OF_RUN = {
    "decommissioned.names": (lambda: of_fleet(lambda fleet, _hosts: messages.find_decommissioned_errors(fleet, {"app2": SHOP}), {"app1": {}}),),
    "deploy.address": (of_run, of_deploy(an_instance(interface="10.0.0.5"))),
    "deploy.cluster": (of_run, of_deploy(an_instance(cluster=True))),
    "deploy.jdk": (of_run, of_deploy(an_instance(), steps=["packages"])),
    "deploy.new-instance": (of_run, of_deploy({**an_instance(), "configured": {}})),
    "deploy.orphaned-instance": (of_run, of_deploy(an_instance(), orphaned=[1])),
    "deploy.port": (of_run, of_deploy(an_instance(port=9000))),
    "host.reached": (messages.find_host_errors, {}, False),
    "host.read": (messages.find_host_errors, {"xitrum_host_state": {"failed": True, "msg": "no space"}}, True),
    **{rule: (messages.find_host_errors, variables({"machine": {"errors": ["wrong"], "broken_rules": {"wrong": rule}}}), True)
       for rule in sorted(OF_COMPONENTS) if rule.startswith("host.")},
    "package.before-release": (lambda: [preflight_reports.find_command_error(
        {"xitrum_before_release": "M", "application_package_read": {"folder": "/nowhere"}})],),
    **{rule: (lambda rule=rule: of_package(errors=["wrong"], rules=[rule]),)
       for rule in sorted(OF_COMPONENTS) if rule.startswith("package.")},
    "package.java": (lambda: of_package(java=21),),
    "package.session-settings": (lambda: messages.find_override_errors(variables(package={"session_settings": SESSIONS}, xitrum_secure_key="own")),),
    "proxy.reached": (messages.find_host_errors, {"inventory_hostname": "proxy1", "groups": {"xitrum_proxy": ["proxy1"]}}, False),
    "proxy.same-settings": (of_fleet, messages.find_proxy_difference_errors, shared_fleet(SHOP, {})),
    "proxy.unavailable-in-inventory": (of_fleet, messages.find_unavailable_errors, {"proxy1": {"xitrum_unavailable_proxies": "proxy1"}}),
    "proxy.unavailable-names": (of_fleet, messages.find_unavailable_errors, {"proxy1": {"xitrum_unavailable_proxies": 5}}),
    "rollout.port": (lambda: list(messages.find_port_errors(of_deploy(an_instance(0, 8000, 8001), an_instance(1, 8001, 8002)))),),
    "rollout.port-of-orphaned": (of_removed_port,),
    "rollout.sessions": (of_sessions,),
    "secrets.example": (lambda: messages.find_example_errors(variables(xitrum_secure_key=EXAMPLE_VALUES["secureKey"])),),
    "secrets.example-of-package": (lambda: of_package(examples=["secureKey"]),),
    "xitrum.same-settings": (lambda: messages.find_difference_errors({
        host: variables(groups={"xitrum": HOSTS}, xitrum_secure_key=f"the key of {host}") for host in HOSTS}, HOSTS)["app1"],),
    "xitrum.trusted-proxies": (of_addresses, "app1"),
}

CASES = {
    **OF_RUN,
    **{rule: (of_set, variables) for rule, variables in SET.items()},
    **{rule: (of_proxy, variables) for rule, variables in OF_PROXY.items()},
    **{rule: (of_host, [name], variables) for rule, (name, variables) in OF_HOST.items()},
    "heroku.java-for-sbt": (source_tree.find_tree_errors, "heroku", {**HEROKU, "heroku_java_version": "17"}, {**TREE, "java": 8, "sbt": "0.13.1"}),
    "openshift.image": (lambda: of_openshift(openshift_image=""),),
    "openshift.memory": (lambda: of_openshift(openshift_memory_mib=1),),
    "openshift.name": (lambda: of_openshift(openshift_name="My Shop"),),
    "openshift.name-missing": (source_tree.find_tree_errors, "openshift", OPENSHIFT, {**TREE, "name": ""}),
    "platform.java-options": (lambda: of_openshift(openshift_java_options=["a b"]),),
    "platform.value": (lambda: of_openshift(openshift_heap="lots"),),
    "variable.unknown": (lambda: source_tree.find_errors("heroku", ["xitrum_heapp"], HEROKU),),
    "variable.unusable": (host_state_info.find_errors, ["jdk"], Inputs(HOST), WithoutValue(xitrum_heap="", xitrum_name="shop")),
    "variable.words": (lambda: source_tree.find_errors("heroku", ["_raw_params"], HEROKU),),
}


#: The rules of run_plan itself, and those of a rollback: `action/test_run_plan.py` has a case for each. Those of operations are in
#: `application/test_operations.py` and `playbooks/test_operations.py`.
OF_PLAN = {"inventory.limit", "inventory.no-hosts", "inventory.pattern",
           *(rule for rule in OF_COMPONENTS if rule.startswith(("rollback.", "operation.")))}

#: Those of modules whose components no run reads first: `jdk/test_console.py` and `source_tree/test_component.py` have the cases.
OF_MODULES = {rule for rule in OF_COMPONENTS if rule.startswith(("console.", "tree."))} - set(OF_COMMANDS)


def test_identifiers_are_unique_sorted_and_of_one_form():
    identifiers = [rule.identifier for rule in catalog.RULES]
    assert identifiers == sorted(set(identifiers))
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*", identifier) for identifier in identifiers)
    assert all(rule.demands and rule.fix and not (rule.demands + rule.fix).endswith(".") for rule in catalog.RULES)


def test_every_error_of_preflight_names_a_rule_of_the_table():
    """No place in the code makes an error of another rule. What is computed is the rule that a component's error names."""
    listed, computed = set(), set()
    for path in sorted((page.PAGE.parents[2] / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Error", "make_errors"):
                rule = node.args[0]
                (listed if isinstance(rule, ast.Constant) else computed).add(rule.value if isinstance(rule, ast.Constant) else ast.unparse(rule))
    assert len(listed) > 60
    assert listed <= set(catalog.BY_IDENTIFIER), listed - set(catalog.BY_IDENTIFIER)
    assert "report.get('broken_rules', {}).get(sentence, UNNAMED)" in computed
    assert OF_COMPONENTS <= set(catalog.BY_IDENTIFIER), OF_COMPONENTS - set(catalog.BY_IDENTIFIER)


def test_an_error_whose_component_names_no_rule_is_reported_as_well():
    """Tests refuse one, see `conftest.py`; a user still gets the sentence."""
    (error,) = messages.find_host_errors(variables({"machine": {"errors": ["wrong"]}}), True)
    assert error == catalog.Error(messages.UNNAMED, "wrong")


def test_every_rule_has_a_case():
    assert sorted([*CASES, *OF_COMMANDS, *OF_PLAN, *OF_MODULES]) == sorted(catalog.BY_IDENTIFIER)


@pytest.mark.parametrize("rule", CASES)
def test_variables_that_break_a_rule_are_reported_with_its_identifier(rule):
    find, *arguments = CASES[rule]
    errors = list(find(*arguments))
    assert [error.rule for error in errors] == [rule], errors
    assert errors[0].message


def test_an_error_of_no_rule_is_refused():
    with pytest.raises(KeyError, match="no.rule"):
        catalog.Error("no.rule", "text")


def test_all_errors_of_values_and_of_what_must_fit_together_are_reported_at_once():
    given = {"xitrum_rollout_batch": "150%", "xitrum_canary_seconds": -1, "xitrum_lock_seconds": 0, "xitrum_cluster_port": 0}
    inputs = Inputs({**HOST, **given, "xitrum_slots": True, "xitrum_instances": 2})
    errors = host_state_info.find_errors(["jdk", "release", "instances"], inputs, given)
    assert [error.rule for error in errors] == [
        "xitrum.rollout-batch", "xitrum.rollout-seconds", "xitrum.rollout-seconds", "xitrum.cluster-port", "xitrum.slots"]


def test_a_check_that_fails_on_a_reported_value_adds_nothing():
    def check(_given):
        raise ValueError("a consequence")

    (error,) = rules.validate({"xitrum_heap": "lots"}, [values.check_heap, check])
    assert error.rule == "xitrum.heap"
    with pytest.raises(ValueError, match="a consequence"):
        rules.validate({}, [values.check_heap, check])


def test_what_two_checks_find_is_reported_once_with_the_reason():
    def check(given):
        return [catalog.Error("proxy.durations", f"{error.message}: HAProxy reads milliseconds") for error in values.check_texts(given)]

    (error,) = rules.validate({"xitrum_proxy_timeout_queue": "10"}, [values.check_texts, check, values.check_texts])
    assert error.rule == "proxy.durations"


def test_the_page_of_rules_is_current():
    assert page.PAGE.read_text(encoding="utf-8") == page.render_page(), "run: python -m tests.docs"
