# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the roles heroku and openshift are validated at once, and the report has what is left to do."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.action import source_tree as action
from ansible_collections.xitrum.host.plugins.module_utils.preflight import platforms as platform_settings

from tests.docs.role_variables import ROOT

HEROKU = {"heroku_path": "shop", "heroku_heap": "300m", "heroku_java_version": "0", "heroku_java_options": [], "heroku_logs_seconds": 0}
OPENSHIFT = {"openshift_path": "shop", "openshift_heap": "512m", "openshift_java_version": 17, "openshift_java_options": [], "openshift_name": "",
             "openshift_secret": "", "openshift_layouts": ["kubernetes"], "openshift_image": "a:1", "openshift_memory_mib": 1024}
ROW = {"key": "xitrum.session.secureKey", "variable": "CONFIG_FORCE_xitrum_session_secureKey", "other_source": False, "example": True}
TREE = {"java": 0, "sbt": "1.10.0", "name": "shop", "name_from": "build.sbt", "project": ".", "variables": [ROW]}


def messages(errors):
    """What users see of errors."""
    return [error.message for error in errors]


def tree_errors(role, values, tree):
    """What users see of the errors that only the tree shows."""
    return messages(action.find_tree_errors(role, values, tree))


def heroku(names=(), **values):
    return messages(action.find_errors("heroku", list(names), {**HEROKU, **{f"heroku_{name}": value for name, value in values.items()}}))


def openshift(**values):
    return messages(action.find_errors("openshift", [], {**OPENSHIFT, **{f"openshift_{name}": value for name, value in values.items()}}))


def test_right_values_have_no_errors():
    assert heroku() == heroku(java_version="17.0", logs_seconds="60", java_options=["-Da=b"]) == []
    assert openshift() == openshift(layouts="diy", image="") == openshift(layouts="diy,kubernetes", name="shop-2") == []


def test_every_error_is_reported_once():
    assert heroku(["heroku_main_clas", "xitrum_heapp"], path="", heap="foo", java_version=-3, java_options="-Da=b", logs_seconds="x") == [
        "the variable heroku_main_clas is set, and no role knows it: did you mean heroku_main_class?",
        "the variable xitrum_heapp is set, and no role knows it: did you mean xitrum_heap?",
        "heroku_path is not set: expected the folder of the application's source tree. Set it with -e heroku_path=FOLDER",
        "heroku_java_version is -3: expected a whole number from 8 to 99",
        "heroku_heap is 'foo': expected a size as -Xmx takes it, such as 512m or 2g",
        "heroku_java_options is a text: expected a list. On the command line: -e '{\"heroku_java_options\": [\"ITEM\", \"ITEM\"]}'",
        "heroku_logs_seconds is 'x': expected a whole number",
    ]
    assert openshift(heap="foo", image="", secret="My Secret", memory_mib=1) == [
        "openshift_heap is 'foo': expected a size as -Xmx takes it, such as 512m or 2g",
        "openshift_secret is 'My Secret': expected small letters, digits and -, at most 63, a letter first and no - last",
        "openshift_image is empty: expected the image that the Deployment runs, as the cluster pulls it, with a tag. Set it, "
        "or write the DIY cartridge's hooks alone with -e openshift_layouts=diy",
    ]


@pytest.mark.parametrize("part, value, message", [
    ("heap", 5.5, "heroku_heap is 5.5: expected a size"), ("java_version", 7, "heroku_java_version is 7: expected a whole number from 8 to 99"),
    ("java_version", "17.5", "heroku_java_version is '17.5': expected a whole number"),
    ("java_version", "seventeen", "heroku_java_version is 'seventeen': expected a whole number"),
    ("allow_uncommitted", "perhaps", "heroku_allow_uncommitted is 'perhaps': expected true or false"),
    ("java_options", ["a b"], "the JVM option 'a b' must begin with - and have no white space: the JVM splits _JAVA_OPTIONS there"),
    ("push_remote", ["a", {}], ""),
    ("keep_files", {}, "heroku_keep_files is {}: expected a list"),
])
def test_a_wrong_value_of_heroku(part, value, message):
    assert [error for error in heroku(**{part: value}) if error.startswith(message)] or not message


def test_a_secret_value_is_not_in_its_error():
    assert heroku(java_options={"-Dkey": "s3cret"}) == ["heroku_java_options has a value that does not fit: expected a list"]


@pytest.mark.parametrize("values, message", [
    ({"heap": "2g"}, "openshift_memory_mib is 1024 (MiB): expected 2688 or more, which a heap of 2g needs, or the cluster kills the pod. "
                     "Raise it, or lower openshift_heap"),
    ({"layouts": ["dyi"]}, "openshift_layouts is ['dyi']: expected one of diy, kubernetes"),
    ({"expose": "door"}, "openshift_expose is 'door': expected one of route, ingress, none"),
    ({"name": "Shop"}, "openshift_name is 'Shop': expected small letters, digits and -, at most 63, a letter first and no - last"),
    ({"port": 70000}, "openshift_port is 70000: expected a whole number from 1 to 65535"),
    ({"java_version": 0}, "openshift_java_version is 0: expected a whole number from 8 to 99"),
])
def test_a_wrong_value_of_openshift(values, message):
    assert openshift(**values) == [message]


def test_what_only_the_tree_shows():
    old = {**TREE, "java": 8, "sbt": "0.13.2"}
    assert tree_errors("heroku", {**HEROKU, "heroku_java_version": "17"}, old) == [
        "heroku_java_version is 17, and sbt 0.13.2 (project/build.properties) runs on Java 8 alone: expected 8, or sbt 0.13.17 or newer"]
    assert tree_errors("heroku", HEROKU, old) == []
    assert tree_errors("heroku", {**HEROKU, "heroku_java_version": 8}, old) == []
    assert "need" in tree_errors("heroku", {**HEROKU, "heroku_java_options": ["--add-opens=a"]}, old)[0]
    assert tree_errors("openshift", OPENSHIFT, TREE) == []
    nameless = tree_errors("openshift", OPENSHIFT, {**TREE, "name": ""})
    assert nameless[0].startswith("openshift_name is not set, and neither build.sbt nor ")


def test_every_range_is_of_a_variable():
    names = {name for role in ("heroku", "openshift")
             for name in yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]}
    assert not [part for part in platform_settings._RANGES if not {f"heroku_{part}", f"openshift_{part}"} & names]


def notes(role, tree=None, names=(), **settings):
    defaults = {"heroku": {"java_version": 17, "remote": "heroku"}, "openshift": {"name": "shop", "chosen": True, "secret": "keys", "layouts": ["diy"]}}
    return action.write_notes(role, {**TREE, **(tree or {})}, list(names), {**defaults[role], **settings})


COMMAND = 'heroku config:set --remote heroku CONFIG_FORCE_xitrum_session_secureKey="$(openssl rand -hex 32)"'


def test_the_command_for_the_keys_on_heroku():
    assert notes("heroku") == ["config/xitrum.conf has the public examples for session.secureKey; who knows the secure key can forge sessions. "
                               f"Set keys of your own once, before the first push:\n  {COMMAND}"]
    assert "--remote 'a b' " in notes("heroku", remote="a b")[0]
    own = {**ROW, "variable": "MINE", "other_source": True, "example": False}
    assert notes("heroku", {"variables": [own], "project": "web"}) == [
        "web/config/xitrum.conf takes session.secureKey from MINE. Set keys of your own once, before the first push:\n"
        '  heroku config:set --remote heroku MINE="$(openssl rand -hex 32)"']
    assert notes("heroku", {"variables": [{**ROW, "variable": ""}]}) == [
        "config/xitrum.conf has the public example for session.secureKey, and no environment variable overrides it. Set a key of your own there."]
    assert notes("heroku", {"variables": [{**ROW, "example": False}]}) == []


def test_the_java_that_was_chosen_and_an_unknown_variable_are_in_the_report():
    notes_found = notes("heroku", {"java": 8, "sbt": "0.13.2", "variables": []}, ["heroku_zzz", "heroku_path", "jdk_other"], java_version=0)
    assert notes_found[0].startswith("Java 8 was chosen, since sbt 0.13.2 does not run on a newer one.")
    assert notes_found[1:] == ["the variable heroku_zzz is set, and no role knows it: correct or remove it"]


def test_the_report_of_openshift():
    assert notes("openshift", {"variables": []}, chosen=False, layouts=["kubernetes"]) == [
        "The application's name is shop, from build.sbt. To choose another one, set openshift_name.",
        "The pods take the secure key and the key of the metrics page from the Secret keys. Create it once, before the first pod:\n"
        '  oc create secret generic keys --from-literal=secure-key="$(openssl rand -hex 32)" --from-literal=metrics-api-key="$(openssl rand -hex 32)"']
    assert [sentence.partition("\n")[2] for sentence in notes("openshift")] == [
        '  rhc env set --app shop CONFIG_FORCE_xitrum_session_secureKey="$(openssl rand -hex 32)"']
    own = notes("openshift", {"variables": [{**ROW, "variable": "MINE", "other_source": True}]}, layouts=["kubernetes"])
    assert own[-1] == ("config/xitrum.conf takes session.secureKey from MINE. Typesafe Config before 1.3.4 does not let the Secret override that: "
                       "remove that line, and run the playbook again.")
