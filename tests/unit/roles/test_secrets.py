# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that may hold a secret are shown nowhere: in no result, no diff, no journal, and no file that others read."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.xitrum.host.plugins.module_utils.core import commands, file_set
from ansible_collections.xitrum.host.plugins.module_utils.jdk import console as jdk_console
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS
from ansible_collections.xitrum.host.plugins.modules import console, instances, service_definition

from tests.docs.role_variables import ROOT

SECRET = "geheim-1234"
OPTION = f"-Ddb.password={SECRET}"
ROLES = sorted(path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))

#: Names of options that may hold a secret, and those that resemble it and hold a path, a name or a number.
MAY_HOLD = re.compile(r"key$|secret|headers$|_options$|arguments$|remote$|_config$|_command$|_extra_|_package$|_files$|_settings$")
HOLDS_NONE = {
    "xitrum_tls_key", "xitrum_proxy_tls_key", "proxy_tls_key", "openshift_secret", "openshift_tls_secret", "source_tree_logs_command",
    "heroku_keep_files", "openshift_keep_files", "source_tree_keep_files", "source_tree_disabled_settings"}


def options(role):
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    return {name: option for entry in specs.values() for name, option in entry.get("options", {}).items()}


@pytest.mark.parametrize("role", ROLES)
def test_an_option_of_a_role_that_may_hold_a_secret_is_not_logged(role):
    found = {name: option for name, option in options(role).items() if MAY_HOLD.search(name) and name not in HOLDS_NONE}
    assert [name for name, option in found.items() if not option.get("no_log")] == []
    assert role not in ("xitrum", "supervisor", "console", "proxy", "load_test") or found


def ran(capsys, module, check_mode=True, **arguments):
    """All that a module returns, its invocation and its diff among it."""
    with patch_module_args({**arguments, "_ansible_check_mode": check_mode, "_ansible_diff": True}), pytest.raises(SystemExit):
        module.main()
    return capsys.readouterr().out


def test_the_expression_of_a_console_is_not_in_its_result(capsys, tmp_path):
    assert jdk_console.SPEC["command"]["no_log"]
    assert SECRET not in ran(capsys, console, root=str(tmp_path), user="nobody", command=f'login("{SECRET}")')


def test_a_short_expression_does_not_blot_out_the_result(capsys, tmp_path):
    shown = ran(capsys, console, root=str(tmp_path), user="nobody", command="0", instance=10)
    assert "instance 10 does not run" in shown


@pytest.mark.parametrize("more", [{"action": "run", "main_class": "M"}, {"action": "threads"}, {"action": "run"}])
def test_the_arguments_of_a_class_are_in_no_result(capsys, tmp_path, more):
    """Also where the options of the module are wrong."""
    assert SECRET not in ran(capsys, console, root=str(tmp_path), user="nobody", arguments=["--login", SECRET], **more)


def test_an_option_of_the_jvm_with_a_password_is_not_shown(capsys, tmp_path):
    shown = ran(capsys, instances, root=f"{tmp_path}/app", log_dir=f"{tmp_path}/log", user="nobody", release="aaaaaaaaaaaa", jdk_home="/usr", jdk_version=17,
                java_options=[OPTION, "-XX:+UseG1GC"], instances=[{"index": 0, "port": 8000, "files": {"config/xitrum.conf": "x"}}])
    assert SECRET not in shown and "-XX:+UseG1GC" in shown and "_JAVA_OPTIONS" in shown


@pytest.mark.parametrize(("options", "secret"), [
    ([OPTION, "-Dtoken=abcdefgh", "-Da=b", "-Xmx1g"], {OPTION, "-Dtoken=abcdefgh"}),
    (["-Djdbc.url=jdbc:postgresql://ann:geheim@db/x"], {"-Djdbc.url=jdbc:postgresql://ann:geheim@db/x"}),
    (["-XX:+UseG1GC", "--add-opens=java.base/java.util=ALL-UNNAMED"], set()),
])
def test_which_options_of_the_jvm_hold_a_secret(options, secret):
    assert commands.find_secret_options(options) == secret


@pytest.mark.parametrize("kind", ["other", "application"])
def test_the_text_of_a_private_file_is_not_shown(capsys, tmp_path, kind):
    files = [{"path": f"{tmp_path}/0.conf", "content": f"# xitrum.host\nenvironment=PASSWORD={SECRET}\n", "mode": "0600"},
             {"path": f"{tmp_path}/1.conf", "content": "# xitrum.host\nvisible\n"}]
    shown = ran(capsys, service_definition, kind=kind, name="demo", files=files)
    assert SECRET not in shown and "visible" in shown and "0.conf" in shown
    assert service_definition.PARTS[kind].EXECUTION.quiet


@pytest.mark.parametrize(("mode", "private"), [("0600", True), ("0400", True), ("0640", False), ("0644", False), ("0755", False)])
def test_a_file_is_private_where_no_other_reads_it(mode, private):
    assert file_set.list_private_texts([{"content": "x", "mode": mode}]) == ({"x"} if private else set())


def test_the_options_of_supervisord_are_in_a_private_file():
    templates = ROOT / "roles/supervisor/templates"
    using = [path for path in templates.rglob("*.j2") if "supervisor_supervisord_options" in path.read_text()]
    names = [str(path.relative_to(templates).with_suffix("")) for path in using]
    files = [file for kind in SUPERVISORS.values() for file in kind.files if set(names) & set(file.template.split())]
    assert names == ["supervisord/program"] and [file.mode for file in files] == ["0600"]


@pytest.mark.parametrize(("hashes", "files"), [
    ([], {}),
    (["sha256:ab", "sha256:cd"], {"requirements.txt": "supervisor==4.3.0 --hash=sha256:ab --hash=sha256:cd\n"}),
])
def test_pip_is_given_the_hashes_in_a_file(hashes, files):
    values = yaml.safe_load((ROOT / "roles/supervisor/vars/main.yml").read_text())
    names = ("__supervisor_pip_files", "__supervisor_pip_hashed")
    found = Templar(DataLoader(), variables={
        **{name: trust_as_template(values[name]) for name in names}, "__supervisor_pip": {"files": {}}, "supervisor_supervisord_hashes": hashes,
        "supervisor_supervisord_version": "4.3.0"}).template(trust_as_template("{{ __supervisor_pip_files }}"))
    assert found == files


def test_pip_of_a_host_installs_nothing_without_hashes():
    tasks = yaml.safe_load((ROOT / "roles/supervisor/tasks/supervisord.yml").read_text())
    refused = next(task for task in tasks if "ansible.builtin.fail" in task)
    assert refused["when"] == "supervisor_supervisord_hashes | length == 0"
    (pip,) = (task["ansible.builtin.pip"] for task in tasks[-1]["block"] if "ansible.builtin.pip" in task)
    assert "name" not in pip and pip["requirements"].endswith("/requirements.txt")


def test_each_python_package_is_pinned_by_the_hashes_of_its_files():
    texts = {name: (ROOT / name).read_text() for name in ("requirements.txt", "requirements.lock", "tests/run/setup")}
    pins = re.findall(r"^([\w.-]+==[^\s;]+)[^\\\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", texts["requirements.lock"], re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[^ #\n]", texts["requirements.lock"], re.MULTILINE)) > 90
    desired = re.findall(r"^[\w.-]+==\S+$", texts["requirements.txt"], re.MULTILINE)
    assert len(desired) > 10 and set(desired) <= {name for name, _hashes in pins}
    assert "--require-hashes -r requirements.lock" in texts["tests/run/setup"]
