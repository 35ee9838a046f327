# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that a platform gives are in force with each Typesafe Config that a Xitrum project may have, of old projects too."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.configuration import environment as environment_settings
from ansible_collections.xitrum.host.plugins.module_utils.configuration.xitrum_conf import EXAMPLE_VALUES
from ansible_collections.xitrum.host.plugins.module_utils.platforms.desired import KEY_VARIABLES

from tests.platform.conftest import CONFIG, ENVIRONMENT, ROOT
from tests.platform.test_hocon import FOLDER, VERSION

#: The one of Xitrum 3.11, and the one of today.
VERSIONS = ("1.2.1", VERSION)
PATHS = ("xitrum.session.secureKey", "xitrum.metrics.apiKey")
EXAMPLES = [EXAMPLE_VALUES["secureKey"], EXAMPLE_VALUES["apiKey"]]


@pytest.fixture(scope="module", params=VERSIONS)
def effective(request, tmp_path_factory):
    """A function: the values in force with this version, for a text and an environment."""
    version, folder = request.param, tmp_path_factory.mktemp("config")
    jar = pathlib.Path.home() / f".m2/repository/com/typesafe/config/{version}/config-{version}.jar"
    if not jar.exists():
        # Without what its own tests need, which not every mirror has.
        get = ["mvn", "--batch-mode", "--quiet", "dependency:get", "-Dtransitive=false"]
        subprocess.run([*get, f"-Dartifact=com.typesafe:config:{version}"], check=True)
    subprocess.run(["javac", "-cp", str(jar), "-d", str(folder), str(FOLDER / "Effective.java")], check=True)

    def run(text, environment, options=()):
        (folder / "xitrum.conf").write_text(text, encoding="utf-8")
        java = ["java", "-XX:TieredStopAtLevel=1", *options, "-cp", f"{folder}{os.pathsep}{jar}"]
        done = subprocess.run([*java, "Effective", str(folder / "xitrum.conf"), *PATHS],
                              env={**ENVIRONMENT, **environment}, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("options", [[], ["-Dconfig.override_with_env_vars=true"]], ids=["heroku", "openshift"])
def test_the_keys_of_the_platform_are_in_force_with_every_version(effective, options):
    text = (ROOT / "tests/demo_app/skeleton" / CONFIG).read_text(encoding="utf-8")
    prepared = environment_settings.put_variables(text, KEY_VARIABLES)
    keys = {KEY_VARIABLES[path]: f"of-the-platform-{number}" for number, path in enumerate(PATHS)}
    assert effective(prepared, keys, options) == list(keys.values())
    # Without them the file's own values stay, so that the application starts on the user's machine as before.
    assert effective(prepared, {}, options) == EXAMPLES
