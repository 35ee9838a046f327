# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: escape_controls
short_description: Escape control characters in a text
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Ansible prints error messages unchanged, so an escape sequence in a log line would control the terminal.
  - Escapes C0 and C1 control characters except newline and tab, characters that change the direction of text, and
    characters that XML 1.0 forbids.
  - A text without such characters is not changed.
options:
  _input:
    description: The text. A value of another type is converted to text.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Report why the task before failed
  ansible.builtin.fail:
    msg: "{{ ansible_failed_result.msg | xitrum.host.escape_controls }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
  sample: 'cleared by \\x1b[2J'
"""

from collections.abc import Callable
from typing import Any

from ..module_utils.core import untrusted_text


def escape_controls(value: Any) -> str:
    """A value as a text without control characters."""
    return untrusted_text.escape_text(str(value))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"escape_controls": escape_controls}
