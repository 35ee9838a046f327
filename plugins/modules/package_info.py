#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Only the documentation: the action plugin of this name reads the package, on the controller.
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
  - Runs in Ansible on the controller, whichever host the task is for, and connects to no host. Use C(run_once).
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
  run_once: true
  register: package

- name: Read a package from a build server
  xitrum.host.package_info:
    source: https://builds.example.com/xitrum-42.tar.gz
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    headers:
      Authorization: "Bearer {{ build_token }}"
  run_once: true
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
