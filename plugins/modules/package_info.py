#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: package_info
short_description: Read a package of the application on the controller, before any host is touched
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Finds the package that the packaging task of sbt made, names it by its content, and reports everything that would
    keep it from starting.
  - An archive is unpacked, and a URL fetched, once into O(cache). Nothing else is written.
  - Meant to run on the controller, with C(delegate_to) and C(run_once).
  - What is wrong with the package is returned in RV(errors) and does not fail the module, so that a caller can show
    all errors of all hosts at once.
  - The folders C(log) and C(tmp) at the top of a package are left out, since the application writes them. Empty folders
    do not travel.
  - What macOS and its archivers add (C(._*), C(.DS_Store), C(__MACOSX), C(PaxHeaders.N)) is left out as well, and is no
    part of the release's name.
options:
  source:
    description:
      - The package. A folder such as C(target/xitrum), a tar.gz of it, or an C(http) or C(https) URL of a tar.gz.
      - An archive may have the package at its top or in a folder, with other files next to it. Two packages in it are
        an error.
      - A relative path is relative to the folder in which Ansible was started.
    type: str
    required: true
  sha256:
    description:
      - The SHA-256 of the archive, 64 hexadecimal digits. Required for a URL, possible for a file.
    type: str
  cache:
    description: The controller's folder for what is downloaded and unpacked, and for what is known about jars. It can
      be removed at any time.
    type: path
    default: ~/.cache/xitrum.host
  main_class:
    description: The class that C(script/runner) is given. Empty takes the only one in the application's own jars.
    type: str
    default: ""
  build:
    description:
      - How the command ended that built the package. A failed one is returned in RV(errors), with the packaging task
        that the project's own sbt has, and no package is read.
    type: dict
    suboptions:
      command:
        description: The command, for a message.
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
        description: What it printed.
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
    - Everything that is wrong with the package, one sentence each, with what to do. Empty where it can be deployed.
    - When the package cannot be had at all, that one sentence is here and the other values are empty.
  returned: always
  type: list
  elements: str
  sample:
    - "there is no package at /build/target/xitrum: build it with sbt/sbt xitrumPackage in /build, or correct
      xitrum_package"
folder:
  description: The package's folder on the controller.
  returned: always
  type: str
  sample: /build/target/xitrum
release:
  description: The release's name, 12 hexadecimal digits of its content. The same files give the same name, wherever
    they were built or packed.
  returned: always
  type: str
  sample: 3f2a9c1b7d04
manifest:
  description: The files and links of the package, in the order of their paths.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The path below RV(folder).
      type: str
    mode:
      description: V(0755) for a file that its owner may execute, else V(0644). Not there for a link.
      type: str
    sha256:
      description: The SHA-256 of the content. Not there for a link.
      type: str
    size:
      description: The size in bytes. Not there for a link.
      type: int
    link:
      description: What a symbolic link points to. Not there for a file.
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
  description: The size of all files together.
  returned: always
  type: int
  sample: 83886080
java:
  description:
    - The Java version that the package needs, 0 where no class reports it.
    - All classes of RV(main_class_jar) count, and of each other jar what most of its classes ask for, since libraries
      have optional classes for a newer Java. Classes below C(META-INF) and C(module-info) do not count.
  returned: always
  type: int
  sample: 8
java_jar:
  description: The jar in which RV(java) was found.
  returned: always
  type: str
  sample: lib/quickstart.jar
java_class:
  description: A class in RV(java_jar) that asks for RV(java).
  returned: always
  type: str
  sample: quickstart.Boot
java_highest:
  description: The highest Java version that any class in C(lib/*.jar) asks for, the optional ones included.
  returned: always
  type: int
  sample: 11
main_class:
  description:
    - The class that starts the application, O(main_class) where that is given.
    - Else the only main class in the application's own jars; empty where there is none, or several, which RV(errors)
      lists.
  returned: always
  type: str
  sample: shop.Boot
main_class_jar:
  description: The jar that has RV(main_class), empty where none has it.
  returned: always
  type: str
  sample: lib/quickstart.jar
scala:
  description: The version of the Scala library in the package, empty where there is none.
  returned: always
  type: str
  sample: 2.13.18
session_settings:
  description:
    - The settings that all instances need the same for their sessions, each with a digest of the value with which
      Xitrum starts - that of C(config/application.conf) and of what it includes.
    - In addition, C(overrides), the names of those that C(config/application.conf) sets whatever C(config/xitrum.conf)
      has, and C(unread), the statements of values from elsewhere, where there are some.
  returned: always
  type: dict
  sample: {xitrum_secure_key: 0263829989b6}
examples:
  description:
    - The keys of C(config/xitrum.conf) that still have the value of Xitrum's project template, which is public.
    - V(keyFile) is the example TLS key, and counts only where HTTPS is on.
  returned: always
  type: list
  elements: str
  sample: [secureKey, apiKey, keyFile]
"""

import os
from typing import Any, Dict

from ..module_utils.application import cluster
from ..module_utils.configuration import shared as shared_settings
from ..module_utils.configuration import xitrum_conf as package_config
from ..module_utils.core import local_files as package_files
from ..module_utils.core import urls
from ..module_utils.core.quiet import QuietModule
from ..module_utils.package import contents as package
from ..module_utils.package import java as package_java
from ..module_utils.package import main_class as package_main
from ..module_utils.package import source as package_source
from ..module_utils.source_tree import build as package_build

NOTHING = {"folder": "", "release": "", "manifest": [], "files": 0, "bytes": 0, "examples": [],
           "session_settings": {}, "main_class": "", **package_java.summary({})}


def inspect_package(folder: str, main_class: str, cache: str) -> Dict[str, Any]:
    """Everything about the package in a folder."""
    manifest, errors = package.manifest(folder) if package_files.is_package(folder) else ([], [])
    errors += package.layout_errors(folder, manifest)
    errors += package_config.config_errors(folder) if manifest else []
    settings = package_config.settings_of_package(folder)
    errors += cluster.package_errors(settings, f"{folder}/config/application.conf") if settings else []
    jars = package.jars(manifest)
    chosen, main_errors = (
        (main_class, [])
        if main_class or not jars
        else package_main.choose_main_class(package_main.find_main_classes(folder), folder)
    )
    scans, jar_errors = package_java.examine(folder, jars, chosen, cache)
    java = package_java.summary(scans)
    main_errors += package_java.main_class_errors(folder, jars, chosen, java["main_class_jar"]) if chosen else []
    return {
        "folder": folder,
        "release": package.release_id(manifest) if manifest else "",
        "manifest": manifest,
        "files": len(manifest),
        "bytes": package.total_bytes(manifest),
        "examples": package_config.examples(folder),
        "session_settings": shared_settings.read_package_settings(lambda path: package_config.read_text(folder, path))
        or {},
        "main_class": chosen,
        **java,
        "errors": errors + jar_errors + main_errors,
    }


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
    # A header's value is hidden wherever it occurs in the result. A short one, such as "1", is no secret and would
    # blot out file names and versions.
    module.no_log_values = {value for value in module.no_log_values if len(value) > 7}
    module.no_log_values.update(urls.credentials_of(module.params["source"]))
    desired = module.params
    cache = os.path.abspath(desired["cache"])
    failed = package_build.build_errors(**desired["build"]) if desired["build"] else []
    if failed:
        # What lies there is of an earlier build.
        module.exit_json(changed=False, **{**NOTHING, "errors": failed})
    try:
        folder = package_source.obtain(
            desired["source"], desired["sha256"], desired["headers"], cache, desired["timeout"],
            desired["validate_certs"], package_build.render_hint)
        result = inspect_package(folder, desired["main_class"], cache)
    except package_source.SourceError as error:
        result = {**NOTHING, "errors": [str(error)]}
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
