# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: jvm_environment
short_description: The environment with which the unedited runner starts on a JDK
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The stock C(script/runner) has flags that newer JDKs refuse, and a heap that is written into it. Both are put right
    by C(JDK_JAVA_OPTIONS), which comes before the runner's flags, and C(_JAVA_OPTIONS), which comes after them.
  - A JVM that is out of memory ends, and writes no heap dump, since a platform's container loses it.
positional: heap, options
options:
  _input:
    description: The JDK's major version.
    type: int
    required: true
  heap:
    description: The heap, as C(-Xmx) takes it, such as V(300m).
    type: str
    required: true
  options:
    description: More options of the JVM, each one word.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: The environment on JDK 17
  ansible.builtin.debug:
    msg: "{{ 17 | xitrum.host.jvm_environment('300m') }}"
"""

RETURN = r"""
_value:
  description: Variable to value. C(JDK_JAVA_OPTIONS) is not there for JDK 8.
  type: dict
  sample:
    _JAVA_OPTIONS: -Xms256m -Xmx300m -XX:+ExitOnOutOfMemoryError -XX:-HeapDumpOnOutOfMemoryError
"""

from ansible.errors import AnsibleFilterError

from ..module_utils.jdk import jvm


def jvm_environment(version, heap, options=()):
    """C(options_environment) of module_utils/jdk/jvm.py: its ValueError is an error of the filter."""
    try:
        return jvm.options_environment(int(version), heap, list(options))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"jvm_environment": jvm_environment}
