#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: package_info
short_description: Read and validate a package of the application on the controller
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Finds the package that the packaging task of sbt built, and derives the release name from its content. Reports
    everything that would prevent the package from starting. Use it before any host is changed.
  - Downloads a URL and unpacks an archive once, into O(cache). Writes nothing else.
  - Run it on the controller, with C(delegate_to) and C(run_once).
  - Returns errors of the package in RV(errors) instead of failing, so that a caller can show all errors of all hosts at
    once.
  - Skips the folders C(log) and C(tmp) at the top of a package, since the application writes to them. Skips empty
    folders too.
  - Skips what macOS and its archivers add (C(._*), C(.DS_Store), C(__MACOSX), C(PaxHeaders.N)), also for the release
    name.
options:
  source:
    description:
      - The package. A folder such as C(target/xitrum), a tar.gz of it, or an C(http) or C(https) URL of a tar.gz.
      - An archive can contain the package at its top or in a folder, with other files next to it. Two packages in one
        archive are an error.
      - A relative path starts at the folder in which you run Ansible.
    type: str
    required: true
  sha256:
    description:
      - The SHA-256 of the archive, 64 hexadecimal digits. Required for a URL, optional for a file.
    type: str
  cache:
    description: The folder on the controller for downloads, unpacked archives, and results about jars. You can remove
      it at any time.
    type: path
    default: ~/.cache/xitrum.host
  main_class:
    description: The main class that C(script/runner) runs. If it is empty, the module uses the only main class in the
      application's own jars.
    type: str
    default: ""
  build:
    description:
      - The result of the command that built the package. If the command failed, RV(errors) reports it with the
        packaging task of the project's sbt, and no package is read.
    type: dict
    suboptions:
      command:
        description: The command, for messages.
        type: str
        required: true
      directory:
        description: The folder in which it ran.
        type: path
        required: true
      code:
        description: Its exit code.
        type: int
        required: true
      output:
        description: Its output.
        type: str
        default: ""
extends_documentation_fragment:
  - xitrum.host.batch.info
  - xitrum.host.download
"""

EXAMPLES = r"""
- name: Read the package on the controller
  xitrum.host.package_info:
    source: target/xitrum
  delegate_to: localhost
  run_once: true
  become: false
  register: package

- name: Read a package from a build server
  xitrum.host.package_info:
    source: https://builds.example.com/xitrum-42.tar.gz
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    headers:
      Authorization: "Bearer {{ build_token }}"
  delegate_to: localhost
  run_once: true
  become: false
  register: package
"""

RETURN = r"""
errors:
  description:
    - All errors of the package, one sentence each, with how to fix it. Empty if the package can be deployed.
    - If the package cannot be read at all, this is the only error, and the other values are empty.
  returned: always
  type: list
  elements: str
  sample:
    - "there is no package at /build/target/xitrum: build it with sbt/sbt xitrumPackage in /build, or correct
      xitrum_package"
rules:
  description: The rules that the package breaks, one for each of RV(errors) and in the same order.
  returned: always
  type: list
  elements: str
  sample: [package.missing]
folder:
  description: The package's folder on the controller.
  returned: always
  type: str
  sample: /build/target/xitrum
release:
  description: The name of the release, 12 hexadecimal digits of a digest of its content. The same files give the same
    name, wherever they were built or packed.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
manifest:
  description: The files and links of the package, sorted by path.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The path below RV(folder).
      type: str
    mode:
      description: V(0755) for a file that its owner can execute, otherwise V(0644). Not set for a link.
      type: str
    sha256:
      description: The SHA-256 of the content. Not set for a link.
      type: str
    size:
      description: The size in bytes. Not set for a link.
      type: int
    link:
      description: The target of a symbolic link. Not set for a file.
      type: str
  sample: [
    {path: script/runner, mode: "0755", sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, size:
    640},
  ]
files:
  description: The number of entries in RV(manifest).
  returned: always
  type: int
  sample: 112
bytes:
  description: The total size of all files, in bytes.
  returned: always
  type: int
  sample: 83886080
java:
  description:
    - The Java version that the package needs, 0 if no class states it.
    - All classes of RV(main_class_jar) count. For each other jar, the version that most of its classes need counts,
      since libraries have optional classes for a newer Java. Classes below C(META-INF) and C(module-info) do not count.
  returned: always
  type: int
  sample: 8
java_jar:
  description: The jar that needs RV(java).
  returned: always
  type: str
  sample: lib/quickstart.jar
java_class:
  description: A class in RV(java_jar) that needs RV(java).
  returned: always
  type: str
  sample: quickstart.Boot
java_highest:
  description: The highest Java version that any class in C(lib/*.jar) needs, including optional classes.
  returned: always
  type: int
  sample: 11
main_class:
  description:
    - The class that starts the application, O(main_class) if that is set.
    - Otherwise the only main class in the application's own jars. Empty if there is none, or if there are several,
      which RV(errors) lists.
  returned: always
  type: str
  sample: shop.Boot
main_class_jar:
  description: The jar that contains RV(main_class), empty if no jar contains it.
  returned: always
  type: str
  sample: lib/quickstart.jar
scala:
  description: The version of the Scala library in the package, empty if there is none.
  returned: always
  type: str
  sample: 2.13.18
session_settings:
  description:
    - The session settings that must be equal on all instances, each with a digest of the value with which Xitrum
      starts. They come from C(config/application.conf) and the files that it includes.
    - In addition, C(overrides) lists the settings that C(config/application.conf) sets regardless of
      C(config/xitrum.conf). C(unread) lists statements that take values from elsewhere, if there are any.
  returned: always
  type: dict
  sample: {xitrum_secure_key: 0263829989b6}
examples:
  description:
    - The keys of C(config/xitrum.conf) that still have the public value of Xitrum's project template.
    - V(keyFile) is the example TLS key. It counts only if HTTPS is enabled.
  returned: always
  type: list
  elements: str
  sample: [secureKey, apiKey, keyFile]
"""

import os
from typing import Any, Dict, List

from ..module_utils.application import cluster
from ..module_utils.configuration import shared as shared_settings
from ..module_utils.configuration import xitrum_conf as package_config
from ..module_utils.core import local_files as package_files
from ..module_utils.core import urls
from ..module_utils.core.plan import BlockingError, make_rule_errors
from ..module_utils.core.quiet import QuietModule
from ..module_utils.package import contents as package
from ..module_utils.package import java as package_java
from ..module_utils.package import main_class as package_main
from ..module_utils.package import source as package_source
from ..module_utils.source_tree import build as package_build

NOTHING = {"folder": "", "release": "", "manifest": [], "files": 0, "bytes": 0, "examples": [],
           "session_settings": {}, "main_class": "", **package_java.summarize_scans({})}


def inspect_package(folder: str, main_class: str, cache: str) -> Dict[str, Any]:
    """Everything about the package in a folder."""
    manifest, unfit = package.build_manifest(folder) if package_files.is_package(folder) else ([], [])
    errors = make_rule_errors("package.files", unfit)
    errors += make_rule_errors("package.layout", package.find_layout_errors(folder, manifest))
    errors += make_rule_errors("package.config", package_config.find_config_errors(folder) if manifest else [])
    settings = package_config.read_package_settings(folder)
    unsafe = cluster.find_package_errors(settings, f"{folder}/config/application.conf") if settings else []
    errors += make_rule_errors("package.cluster-config", unsafe)
    jars = package.filter_jars(manifest)
    chosen, main_errors = (
        (main_class, [])
        if main_class or not jars
        else package_main.choose_main_class(package_main.find_main_classes(folder), folder)
    )
    scans, jar_errors = package_java.examine(folder, jars, chosen, cache)
    java = package_java.summarize_scans(scans)
    main_errors += package_java.find_main_class_errors(folder, jars, chosen, java["main_class_jar"]) if chosen else []
    return {
        "folder": folder,
        "release": package.compute_release_id(manifest) if manifest else "",
        "manifest": manifest,
        "files": len(manifest),
        "bytes": package.sum_bytes(manifest),
        "examples": package_config.find_examples(folder),
        "session_settings": shared_settings.read_package_settings(lambda path: package_config.read_text(folder, path))
        or {},
        "main_class": chosen,
        **java,
        **make_error_facts(
            [
                *errors,
                *make_rule_errors("package.jars", jar_errors),
                *make_rule_errors("package.main-class", main_errors),
            ]
        ),
    }


def make_error_facts(errors: List[str]) -> Dict[str, Any]:
    """The errors, and the rule that each of them breaks, as the module returns them. They are two lists: Ansible hides
    secrets in the values of a dictionary, and not in its keys."""
    return {"errors": [str(error) for error in errors],
            "rules": [error.rule for error in errors if isinstance(error, BlockingError)]}


def main() -> None:
    module = QuietModule(
        argument_spec={
            "source": {"type": "str", "required": True},
            "sha256": {"type": "str"},
            "headers": {"type": "dict", "no_log": True},
            "timeout": {"type": "int", "default": 30},
            "validate_certs": {"type": "bool", "default": True},
            "cache": {"type": "path", "default": "~/.cache/xitrum.host"},
            "main_class": {"type": "str", "default": ""},
            "build": {
                "type": "dict",
                "options": {
                    "command": {"type": "str", "required": True}, "directory": {"type": "path", "required": True},
                    "code": {"type": "int", "required": True}, "output": {"type": "str", "default": ""},
                },
            },
        },
        supports_check_mode=True,
    )
    # A header's value is hidden wherever it occurs in the result. A short one, such as "1", is not a secret and would
    # blot out file names and versions.
    module.no_log_values = {value for value in module.no_log_values if len(value) > 7}
    module.no_log_values.update(urls.find_credentials(module.params["source"]))
    desired = module.params
    cache = os.path.abspath(desired["cache"])
    failed = package_build.build_errors(**desired["build"]) if desired["build"] else []
    if failed:
        # What lies there is of an earlier build.
        module.exit_json(changed=False, **NOTHING, **make_error_facts(make_rule_errors("package.build", failed)))
    try:
        folder = package_source.obtain(
            desired["source"], desired["sha256"], desired["headers"], cache, desired["timeout"],
            desired["validate_certs"], package_build.render_hint)
        result = inspect_package(folder, desired["main_class"], cache)
    except package_source.SourceError as error:
        result = {**NOTHING, **make_error_facts(make_rule_errors(error.rule, [str(error)]))}
    except OSError as error:
        module.fail_json(
            msg=(
                f"the cache {cache} cannot be used ({error}): give cache a folder that this user can write and that "
                "has room"
            )
        )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
