# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public example secrets in a package's configuration."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import package_config

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
])
def test_examples_in_force(text, keys):
    assert package_config.example_values(text) == keys


@pytest.mark.parametrize("text, names", [
    ("port {\n http = 8000\n https = 4430\n}\nhttps {\n keyFile = config/key.pem\n}", ["config/key.pem"]),
    ('port { https = ${PORT} }\nhttps { keyFile: "config/key.pem", x = 1 }', ["config/key.pem"]),
    ("port {\n #https = 4430\n}\nhttps {\n keyFile = config/key.pem\n}", []),
    ("port {\n https = null\n}\nhttps {\n keyFile = config/key.pem\n}", []),
    ("port { https = 4430 }\nhttps {\n #keyFile = config/key.pem\n}", []),
])
def test_key_files_where_https_is_on(text, names):
    assert package_config.key_files(text) == names


def write(folder, text, **files):
    (folder / "config").mkdir(parents=True)
    (folder / "config/xitrum.conf").write_text(text)
    for name, content in files.items():
        (folder / "config" / f"{name}.pem").write_bytes(content)
    return str(folder)


HTTPS = "port {{ https = 4430 }}\nhttps {{ keyFile = config/{}.pem }}"


def test_the_example_key_by_its_name(tmp_path):
    assert package_config.examples(write(tmp_path, HTTPS.format("ssl_example_privkey"))) == ["keyFile"]


def test_the_example_key_by_its_content(tmp_path, monkeypatch):
    folder = write(tmp_path, HTTPS.format("mine"), mine=b"public")
    assert package_config.examples(folder) == []
    monkeypatch.setattr(package_config, "EXAMPLE_KEY_FILES", (package_config.sha256_of(f"{folder}/config/mine.pem"),))
    assert package_config.examples(folder) == ["keyFile"]


def test_a_key_that_is_not_there_and_no_configuration(tmp_path):
    assert package_config.examples(write(tmp_path / "a", HTTPS.format("gone"))) == []
    assert package_config.examples(str(tmp_path / "b")) == []
