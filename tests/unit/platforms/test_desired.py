# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each platform needs of a tree follows from the variables of its role and from what the tree is."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.platforms import desired as platforms
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import component

TREE = {"java": 0, "sbt": "1.10.0", "name": "shop", "name_from": "build.sbt", "project": "."}
COMMON = {"main_class": "shop.Boot", "keep_files": [], "java_options": []}
HEROKU = {**COMMON, "java_version": "0", "heap": "300m", "push_remote": ""}
OPENSHIFT = {**COMMON, "java_version": "17", "heap": "512m", "name": "", "secret": "", "layouts": ["kubernetes"], "expose": "route",
             "manifest_dir": "deploy", "port": 8000, "trusted_proxies": []}


def no_template(*_what):
    raise AssertionError("no template is needed")


def heroku(tree=None, **values):
    prefixed = {f"heroku_{name}": value for name, value in {**HEROKU, **values}.items()}
    return platforms.build_heroku(prefixed, {**TREE, **(tree or {})}, no_template)


def openshift(tree=None, **values):
    """The desired tree, and what each template has: name to its variables."""
    rendered = {}

    def render(template, variables):
        rendered[template] = variables["app"]
        return f"of {template}"

    prefixed = {f"openshift_{name}": value for name, value in {**OPENSHIFT, **values}.items()}
    return platforms.build_openshift(prefixed, {**TREE, **(tree or {})}, render), rendered


def entry(desired, kind):
    return next(item["values"] for item in desired.options["entries"] if item["kind"] == kind)


@pytest.mark.parametrize("version, of_tree, java", [("0", 0, "17"), ("0", 8, "1.8"), ("11.0", 0, "11"), (21, 8, "21")])
def test_heroku_gets_the_java_that_is_chosen_or_that_the_build_needs(version, of_tree, java):
    desired = heroku({"java": of_tree}, java_version=version)
    assert entry(desired, "properties") == {"java.runtime.version": java}
    assert ("JDK_JAVA_OPTIONS=" in entry(desired, "procfile")["web"]) == (java != "1.8")


def test_a_line_of_a_procfile_quotes_the_options():
    web = entry(heroku(java_options=["-Da=$b"]), "procfile")["web"]
    assert "-Xmx300m" in web and "-Da=$b" in web and "_JAVA_OPTIONS='" in web
    assert web.endswith("' @BUILD_PACKAGE@/@RUNNER@ @MAIN_CLASS@")


@pytest.mark.parametrize("remote, name", [("", "heroku"), ("staging", "staging"), ("https://git.example.com/shop.git", "heroku")])
def test_a_command_of_heroku_takes_the_name_of_a_remote(remote, name):
    desired = heroku(push_remote=remote)
    assert desired.logs_command == ["heroku", "logs", "--tail", "--remote", name] and desired.settings["remote"] == name


@pytest.mark.parametrize("layouts, expose, paths", [
    (["kubernetes"], "route", ["@APP@/Containerfile", "deploy/configmap.yaml", "deploy/deployment.yaml", "deploy/service.yaml", "deploy/route.yaml"]),
    (["kubernetes"], "ingress", ["@APP@/Containerfile", "deploy/configmap.yaml", "deploy/deployment.yaml", "deploy/service.yaml", "deploy/ingress.yaml"]),
    ("kubernetes", "none", ["@APP@/Containerfile", "deploy/configmap.yaml", "deploy/deployment.yaml", "deploy/service.yaml"]),
    ("diy", "route", list(platforms.DIY_FILES.values())),
])
def test_the_files_of_a_layout_are_written_and_those_of_others_are_absent(layouts, expose, paths):
    desired, rendered = openshift(layouts=layouts, expose=expose)
    assert [item["path"] for item in desired.options["files"]] == paths
    assert not set(paths) & set(desired.options["absent"])
    assert len(paths) + len(desired.options["absent"]) == 12
    assert len(rendered) == len([path for path in paths if not path.endswith(".gitkeep")]), "what is absent is not rendered"
    modes = {item["path"]: item["mode"] for item in desired.options["files"]}
    assert {path for path, mode in modes.items() if mode == "0755"} == {path for path in paths if "action_hooks" in path}
    assert bool(desired.options["settings"]) == (layouts == "diy")


def test_the_cluster_gets_the_port_and_the_proxies_that_it_trusts():
    _desired, rendered = openshift(trusted_proxies=["10.0.0.0/8", "10.1.0.1"], layouts=["kubernetes", "diy"], java_options=["-Da=b"])
    app = rendered["configmap.yaml.j2"]
    options = app["pod_environment"]["_JAVA_OPTIONS"].split()
    assert [option for option in options if option.startswith("-Dxitrum") or option.startswith("-Dconfig")] == [
        "-Dxitrum.port.http=8000", "-Dconfig.override_with_env_vars=true", "-Dxitrum.interface=0.0.0.0", "-Dxitrum.reverseProxy.baseUrl=",
        "-Dxitrum.reverseProxy.proxyProtocol=false", "-Dxitrum.reverseProxy.ips.0=10.0.0.0/8", "-Dxitrum.reverseProxy.ips.1=10.1.0.1"]
    assert "-Da=b" in options and "-Dxitrum" not in app["environment"]["_JAVA_OPTIONS"]


def test_the_name_and_the_secret_are_the_trees_unless_they_are_chosen():
    assert openshift()[0].settings == {"name": "shop", "chosen": False, "secret": "shop", "layouts": ["kubernetes"]}
    desired, rendered = openshift(name="store", secret="keys")
    assert desired.settings == {"name": "store", "chosen": True, "secret": "keys", "layouts": ["kubernetes"]}
    assert desired.logs_command == ["oc", "logs", "--follow", "deployment/store"]
    assert {app["name"] for app in rendered.values()} == {"store"} and {app["mark"] for app in rendered.values()} == {platforms.OPENSHIFT_MARK}
    assert component.MARK in platforms.OPENSHIFT_MARK, "a later run knows its own files by it"


@pytest.mark.parametrize("desired", [heroku(), openshift()[0]])
def test_the_options_are_those_of_the_module(desired):
    assert set(desired.options) <= set(component.SPEC)
