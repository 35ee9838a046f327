# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public example secrets in a package's configuration."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.configuration import xitrum_conf as package_config

SECURE, API = package_config.EXAMPLE_VALUES["secureKey"], package_config.EXAMPLE_VALUES["apiKey"]


@pytest.mark.parametrize("text, keys", [
    (f'session {{\n  secureKey = "{SECURE}"\n}}\nmetrics {{ apiKey = "{API}" }}', ["apiKey", "secureKey"]),
    (f"secureKey = {SECURE}", ["secureKey"]),
    (f'session.secureKey : "{SECURE}"', ["secureKey"]),
    (f'"secureKey": "{SECURE}",', ["secureKey"]),
    (f'cookieName = "a//b" # note\nsecureKey = "{SECURE}" // ours', ["secureKey"]),
    (f'#secureKey = "{SECURE}"\n  // apiKey = "{API}"', []),
    (f'cookieMaxAge = 3600 # secureKey = "{SECURE}"', []),
    (f'secureKey = "{SECURE}x"', []),
    (f'mysecureKey = "{SECURE}"', []),
    (f'secureKey = "mine" # not {SECURE}', []),
    ("", []),
    # A comment in the middle of a line, a slash in a value, a key in two parts, one text out of two.
    (f'a = b // {{ \n session {{ secureKey = {SECURE} }}', ["secureKey"]),
    (f'session = {{ "secureKey" = "{SECURE[:9]}"{SECURE[9:]} }}', ["secureKey"]),
    (f'metrics {{ apiKey = """{API}""" }}', ["apiKey"]),
    (f'metrics {{ apiKey\n=\n# note\n"{API}" }}', ["apiKey"]),
    # A later setting wins, in whatever way it is written.
    (f'session {{ secureKey = "{SECURE}" }}\nsession.secureKey = mine', []),
    (f'session.secureKey = mine\nsession {{ secureKey = "{SECURE}" }}', ["secureKey"]),
    (f'metrics {{ apiKey = "{API}" }}\nmetrics = null', []),
    (f'metrics {{ apiKey = "{API}" }}\nmetrics {{ jmx = true }}', ["apiKey"]),
    (f'note = "secureKey = {SECURE}"', []),
    (f'note = """\nsecureKey = {SECURE}\n"""', []),
    # The environment may decide otherwise, or not.
    (f'secureKey = "{SECURE}"\nsecureKey = ${{?SECRET}}', ["secureKey"]),
    (f'secureKey = "{SECURE}"\nsecureKey = ${{SECRET}}', []),
    (f'example = "{SECURE}"\nsession {{ secureKey = ${{example}} }}', ["secureKey"]),
    (f'base {{ secureKey = "{SECURE}" }}\nbase.secureKey = mine\nsession = ${{base}}', []),
    # What is not set adds nothing to a text next to it.
    (f'secureKey = ${{?SECRET}}"{SECURE}"', ["secureKey"]), (f'secureKey = "{SECURE}" ${{?SECRET}}', ["secureKey"]),
    (f'secureKey = ${{?ONE}}${{?TWO}}{SECURE}', ["secureKey"]), (f'secureKey = ${{SECRET}}"{SECURE}"', []), (f'secureKey = ${{?SECRET}}"{SECURE}x"', []),
    (f'half = {SECURE[:9]}\nsession.secureKey = ${{half}}"{SECURE[9:]}"', ["secureKey"]),
    (f'secureKey = "{SECURE[:9]}"\nsecureKey = ${{secureKey}}{SECURE[9:]}', ["secureKey"]),
    (f'secureKey = {"".join(f"${{?A{number}}}" for number in range(64))}"{SECURE}"', ["secureKey"]),
])
def test_examples_in_force(text, keys):
    assert package_config.find_example_values(text) == keys


@pytest.mark.parametrize("text, names", [
    ("port {\n http = 8000\n https = 4430\n}\nhttps {\n keyFile = config/key.pem\n}", ["config/key.pem"]),
    ('port { https = ${PORT} }\nhttps { keyFile: "config/key.pem", x = 1 }', ["config/key.pem"]),
    ("port {\n #https = 4430\n}\nhttps {\n keyFile = config/key.pem\n}", []),
    ("port {\n https = null\n}\nhttps {\n keyFile = config/key.pem\n}", []),
    ("port { https = 4430 }\nhttps {\n #keyFile = config/key.pem\n}", []),
    ("port { https = 4430 }\nport.https = null\nhttps { keyFile = config/key.pem }", []),
    ('port { https = 4430 }\nport { http = 80 }\nhttps { keyFile = old.pem, keyFile = "config/a b.pem" }', ["config/a b.pem"]),
    ("port { // https = 1\n}\nhttps { keyFile = config/key.pem }", []),
    ("port { https = ${?TLS} }\nhttps { keyFile = config/key.pem }", ["config/key.pem"]),
])
def test_key_files_where_https_is_on(text, names):
    assert package_config.find_key_files(text) == names


def write(folder, text, **files):
    (folder / "config").mkdir(parents=True)
    (folder / "config/xitrum.conf").write_text(text)
    for name, content in files.items():
        (folder / "config" / f"{name}.pem").write_bytes(content)
    return str(folder)


HTTPS = "port {{ https = 4430 }}\nhttps {{ keyFile = config/{}.pem }}"


def test_the_example_key_by_its_name(tmp_path):
    assert package_config.find_examples(write(tmp_path, HTTPS.format("ssl_example_privkey"))) == ["keyFile"]


def test_the_example_key_by_its_content(tmp_path, monkeypatch):
    folder = write(tmp_path, HTTPS.format("mine"), mine=b"public")
    assert package_config.find_examples(folder) == []
    monkeypatch.setattr(package_config, "EXAMPLE_KEY_FILES", (package_config.compute_sha256(f"{folder}/config/mine.pem"),))
    assert package_config.find_examples(folder) == ["keyFile"]


def test_a_key_that_is_not_there_and_no_configuration(tmp_path):
    assert package_config.find_examples(write(tmp_path / "a", HTTPS.format("gone"))) == []
    assert package_config.find_examples(str(tmp_path / "b")) == []


def test_an_included_file_counts_where_it_is_included(tmp_path):
    text = f'xitrum {{\n session {{ secureKey = "{SECURE}" }}\n include "own" # ours\n}}\n'
    folder = write(tmp_path, text + 'xitrum { include file("config/metrics.conf") }\n')
    assert package_config.find_examples(folder) == ["secureKey"]
    (tmp_path / "config/own.conf").write_text("session.secureKey = mine\n")
    (tmp_path / "config/metrics.conf").write_text(f"metrics.apiKey = {API}\n")
    assert package_config.find_examples(folder) == ["apiKey"]


def test_no_file_outside_of_the_package_is_read(tmp_path):
    (tmp_path / "secret.conf").write_text(f"secureKey = {SECURE}\n")
    outside = ('file("../secret.conf")', f'file("{tmp_path}/secret.conf")', f'url("file:{tmp_path}/secret.conf")')
    folder = write(tmp_path / "package", "".join(f"include {name}\n" for name in outside))
    assert package_config.find_examples(folder) == [] == package_config.find_config_errors(folder)


def test_a_file_that_includes_itself_ends(tmp_path):
    folder = write(tmp_path, 'include "xitrum"\n' * 20 + f'secureKey = {SECURE}\nsession = ${{session}}\na = ${{b}}\nb = ${{a}}\n')
    assert package_config.find_examples(folder) == ["secureKey"]
    assert package_config.find_config_errors(folder) == []


def test_a_file_that_does_not_parse_is_an_error_with_its_line(tmp_path):
    folder = write(tmp_path, "xitrum {\n  port {\n    http = 8000\n}\n")
    (tmp_path / "config/application.conf").write_text('include "akka"\ninclude "xitrum"\n')
    (tmp_path / "config/akka.conf").write_text("akka {\n}\n}\n")
    assert package_config.find_config_errors(folder) == [
        f"{folder}/config/{message}. Xitrum does not start with it: correct the file and build the package again"
        for message in ("xitrum.conf, line 1: { is not closed", "akka.conf, line 3: } closes nothing")]
    assert package_config.find_examples(folder) == []
