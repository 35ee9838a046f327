# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, files and settings that users have, from what a host prints to what a run reports, changes and returns.

Other tests have each rule by itself. These keep to functions, playbooks and roles whose names do not change, so that
they can be run on an older commit too.
"""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.module_utils.application import instances
from ansible_collections.xitrum.host.plugins.module_utils.application import releases as release
from ansible_collections.xitrum.host.plugins.module_utils.core import sockets
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan, Row
from ansible_collections.xitrum.host.plugins.module_utils.report import findings
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import component as source_tree

from ..fake_host import FakeHost
from ..preflight_errors import render_errors

ROOT = pathlib.Path(__file__).resolve().parents[3]
JDK = {"home": "/usr/lib/jvm/j17", "version": 17}
JAVA = "/usr/lib/jvm/j17/bin/java"
OLD, NEW = "old-key-0123456789abcdef", "new-key-0123456789abcdef"


# ----------------------------------------------------------------------------------------------- an instance that runs

def read_and_plan(listening="*:8000 *:*", backlog=1024, somaxconn=4096, interface="", runs="", template=""):
    """The plan for a host with one instance, of which ss prints `listening`; `backlog` and `somaxconn` are numbers of
    connections, `runs` and `template` texts of its xitrum.conf."""
    desired = {
        "name": "", "root": "/opt/demo", "log_dir": "/var/log/demo", "user": "815815", "release": "aaaaaaaaaaaa",
        "main_class": "quickstart.Boot", "heap": "512m", "java_options": [], "nofile": 20000, "backlog": 1024,
        "service_digest": "", "interface": interface, "supervisor": "systemd", "verify": False,
        "health_path": "", "health_status": 200,
        "instances": [{"index": 0, "port": 8000, "files": {"config/xitrum.conf": runs}}],
    }
    name = instances.compute_folder_name(desired["release"], instances.render_instance_files(desired, desired["instances"][0], JDK))
    folder = f"/opt/demo/instances/0/{name}"
    files = {
        JAVA: "", f"{folder}/config/xitrum.conf": runs,
        "/opt/demo/releases/aaaaaaaaaaaa/config/xitrum.conf": "xitrum {}\n",
        "/proc/sys/net/core/somaxconn": f"{somaxconn}\n",
        "/proc/1/limits": "Max open files            20000                20000                files\n",
        "/proc/7/limits": "Max open files            20000                20000                files\n",
        "/proc/7/stat": "7 (java) S 1 " + " ".join(["0"] * 17) + " 5000 0\n",
        "/proc/7/status": "Uid:\t815815\t815815\t815815\t815815\nGid:\t815815\t815815\t815815\t815815\n",
    }
    more = " v6only:0" if listening.endswith(" *:*") else ""
    printed = f'LISTEN 0 {backlog} {listening} users:(("java",pid=7,fd=9)) uid:815815 ino:1 sk:1{more} <->\n'
    links = {"/proc/7/cwd": folder, "/proc/7/exe": JAVA, "/opt/demo/instances/0/current": name}
    host = FakeHost(files, {" ".join(sockets.SS): printed, "sh -c ulimit -HSn 20000": ""}, links)
    desired["instances"][0]["files"]["config/xitrum.conf"] = template or runs
    return instances.plan(desired, instances.read(host, desired, {"jdk": JDK}))


def row_of(plan, item):
    return next(row for row in plan.rows if row.item == item)


@pytest.mark.parametrize(("interface", "listening"), [
    ("", "0.0.0.0:8000 0.0.0.0:*"), ("0.0.0.0", "*:8000 *:*"), ("::", "*:8000 *:*"), ("::", "0.0.0.0:8000 0.0.0.0:*"),
    ("192.0.2.1", "[::ffff:192.0.2.1]:8000 *:*"), ("localhost", "127.0.0.1:8000 0.0.0.0:*"),
])
def test_an_instance_that_listens_on_its_address_is_not_restarted(interface, listening):
    """As on a host without IPv6, where a JVM that listens everywhere has a socket of IPv4."""
    plan = read_and_plan(listening, interface=interface)
    due = [reason for reason in plan.facts["instances"][0]["restart_reasons"] if reason.startswith("address")]
    assert (row_of(plan, "instance-0 address").status, due) == ("ok", [])


def test_the_desired_backlog_stays_when_somaxconn_is_lowered():
    row = row_of(read_and_plan(backlog=128, somaxconn=128), "instance-0 backlog")
    assert row.desired == ">= 1024" and row.status != "ok"


def test_another_key_is_an_error_before_instances_with_two_keys_answer():
    texts = [f'xitrum {{\n  session.secureKey = "{key}"\n}}\n' for key in (OLD, NEW)]
    fleet = {}
    for name in ("app1", "app2"):
        report = read_and_plan(runs=texts[0], template=texts[1]).report()
        assert report["instances"][0]["running"] and report["restart"]
        fleet[name] = {
            "xitrum_host_state": {"jdk": {"errors": [], "version": 17}, "instances": {**report, "errors": []}},
            "application_package_read": {"errors": [], "examples": [], "folder": "/build", "java": 8},
            "xitrum_secure_key": NEW, "groups": {"xitrum": ["app1", "app2"], "xitrum_proxy": []},
        }
    text = " ".join(render_errors(fleet, list(fleet)).split())
    assert "xitrum_secure_key differs from what runs" in text and "xitrum_rollout_strategy=all_at_once" in text
    assert OLD not in text and NEW not in text


def test_after_a_rollback_no_line_to_type_brings_the_release_back():
    files = {f"/opt/demo/releases/{name}/x": "" for name in ("aa", "bb")}
    host = FakeHost(files, {}, {"/opt/demo/current": "/opt/demo/releases/bb"})
    desired = {"root": "/opt/demo", "release": "aa", "keep": 5}
    report = release.plan(desired, release.read(host, desired)).report()
    found = findings.list_findings({"app1": {"release": report}}, ["app1"], "-i fleet")
    lines = [item["fix"] for item in found if item["item"] == "release"]
    assert len(lines) == 1 and "xitrum.host.site" not in lines[0], lines


# ------------------------------------------------------------------------------------------ the configuration of a tree

@pytest.mark.parametrize(("text", "ends"), [
    # An include ends where its object ends.
    ('xitrum {\n  port { http = 8000, include "more.conf" }\n}\n',
     'include "more.conf", http = ${PORT} }\n}\nxitrum.port.https = null\n'),
    ('{ include "more.conf" }\n',
     '{ include "more.conf", xitrum.port.http = ${PORT}, xitrum.port.https = null }\n'),
    # A key may begin with the word.
    ("xitrum { port { http = 8000 }\n  include-all = 1 }\n",
     "xitrum { port { http = ${PORT} }\n  include-all = 1 }\n"),
    # What another line takes away or brings is set after it.
    ("xitrum { port { http = 8000 } }\nxitrum.port = null\n",
     "xitrum.port = null\nxitrum.port.http = ${PORT}\n"),
    ("base { https = 4430 }\nxitrum.port = ${base} { http = 1 }\n",
     "xitrum.port = ${base} { http = ${PORT} }\nxitrum.port.https = null\n"),
])
def test_the_requested_port_is_in_force_after_an_edit(text, ends):
    files = {
        "build.sbt": 'libraryDependencies += "tv.cntt" %% "xitrum" % "3.31.0"\n', "config/xitrum.conf": text,
        "project/plugins.sbt": 'addSbtPlugin("tv.cntt" % "xitrum-package" % "2.0.0")\n',
        "config/logback.xml": "<configuration/>\n", "script/runner": "#!/bin/bash\n",
    }
    git = "git -C /src/shop"
    host = FakeHost({f"/src/shop/{path}": content for path, content in files.items()}, {
        f"{git} rev-parse --show-toplevel": "/src/shop\n", f"{git} rev-parse --show-prefix": "\n",
        f"{git} status --porcelain --no-renames -z --untracked-files=all -- .": "",
        f"{git} ls-files -z --cached --others --exclude-standard -- .": "".join(f"{path}\0" for path in files),
    })
    desired = {name: option.get("default") for name, option in source_tree.SPEC.items()}
    desired.update(path="/src/shop", settings={"xitrum.port.http": "${PORT}"}, disabled_settings=["xitrum.port.https"])
    plan = source_tree.plan(desired, source_tree.read(host, desired))
    assert list(plan.errors) == []
    source_tree.apply(host, plan)
    assert host.files["/src/shop/config/xitrum.conf"].endswith(ends)


# ------------------------------------------------------------------------------------------------- playbooks and roles

def play(path, *options, **environment):
    """Runs a playbook with the collection's settings: the exit code, and what was printed."""
    ran = subprocess.run(
        [pathlib.Path(sys.executable).with_name("ansible-playbook"), path, *options], cwd=ROOT, text=True, check=False,
        capture_output=True, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **environment})
    return ran.returncode, ran.stdout + ran.stderr


LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}


@pytest.mark.parametrize(("status", "code"), [pytest.param("UP", 0, marks=pytest.mark.long), ("DOWN", 2)])
def test_a_run_whose_proxy_has_no_healthy_server_at_the_end_fails(tmp_path, status, code):
    server = {"backend": "xitrum", "name": "app1-0", "address": "192.0.2.3", "port": 8000, "admin": "ready",
              "status": status, "check": "L4TOUT"}
    row = Row("proxy", "xitrum/app1-0", "UP", "192.0.2.3:8000", status, "ok" if status == "UP" else "drift", "")
    facts = {"servers": [server], "title": "HAProxy", "service": "haproxy", "set_up": True, "running": True}
    report = Plan(rows=[row], facts=facts).report()
    state = {"machine": {"errors": []}, "proxy": {**report, "drift": False}}
    # A proxy is read at the end of each run.
    read = tmp_path / "read.yml"
    keep = {"name": "Keep the state of the proxy", "ansible.builtin.set_fact": {"xitrum_host_state": state}}
    read.write_text(yaml.safe_dump([keep]))
    hosts = {name: {"hosts": {"proxy1": LOCAL}} for name in ("xitrum_proxy", "xitrum_run_changes")}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    path = os.path.relpath(read, ROOT / "playbooks/tasks")
    found, printed = play("playbooks/plays/report.yml", "-i", tmp_path / "hosts.yml", "-e", f"__read_tasks={path}")
    assert found == code, printed
    assert ("proxy1: HAProxy has no healthy server" in printed) == (code != 0)


@pytest.mark.parametrize(("listens", "code"), [pytest.param("127.0.0.2", 0, marks=pytest.mark.long), ("127.0.0.1", 2)])
def test_a_run_whose_public_port_is_not_reached_from_elsewhere_fails(tmp_path, listens, code):
    """The port answers on its own host in both cases, and at the address of the inventory in one of them."""
    with socket.create_server((listens, 0)) as server:
        port = server.getsockname()[1]
        public = [{"port": port, "public": port, "sources": [], "addresses": [], "note": ""}]
        firewall = {"public": public, "address6": "", "rows": [], "drift": False}
        state = {"machine": {"errors": []}, "firewall": firewall}
        app1 = {**LOCAL, "xitrum_address": "127.0.0.2", "xitrum_reach_from": "localhost", "xitrum_host_state": state}
        hosts = {"xitrum": {"hosts": {"app1": app1}}, "xitrum_run_changes": {"hosts": {"other": LOCAL}}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
        found, printed = play("playbooks/plays/report.yml", "-i", tmp_path / "hosts.yml")
    assert found == code, printed
    message = (f"app1: port {port} cannot be reached: it answers on its own host, "
               f"and the controller cannot reach 127.0.0.2:{port}")
    assert (message in " ".join(printed.split())) == (code != 0), printed


PYTHON = """#!{python}
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
if path.name in ("AnsiballZ_pip.py", "AnsiballZ_host_record.py"):
    with open({log!r}, "a") as log:
        log.write("\\n".join([path.read_text(), *sys.argv, *map(str, os.environ.items()), ""]))
    print('{{"changed": true}}')
else:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


def test_no_password_of_a_package_index_is_in_a_command_line_or_a_log(tmp_path):
    """Neither pip nor the record of the host is run: a stand-in of the host's Python keeps what it got for them."""
    python, log = tmp_path / "python", tmp_path / "log"
    python.write_text(PYTHON.format(python=sys.executable, log=str(log)))
    python.chmod(0o755)
    role = {"ansible.builtin.include_role": {"name": "xitrum.host.supervisor", "tasks_from": "supervisord.yml"}}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [role]}]))
    arguments = "--index-url https://bob:s3cr3t-w0rd@pypi.example/simple --no-deps"
    variables = {**LOCAL, "ansible_python_interpreter": str(python), "ansible_pipelining": False,
                 "supervisor_supervisord_version": "4.3.0", "supervisor_supervisord_hashes": [f"sha256:{'0' * 64}"],
                 "supervisor_supervisord_pip_arguments": arguments}
    code, printed = play(tmp_path / "play.yml", "-v", "-i", "localhost,", "-e", json.dumps(variables),
                         ANSIBLE_REMOTE_TEMP=str(tmp_path))
    kept = log.read_text()
    assert code == 0 and "AnsiballZ_pip.py" in kept and "--no-deps" in kept, printed
    assert "s3cr3t" not in kept and "s3cr3t" not in printed
