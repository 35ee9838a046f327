# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: screen_text
short_description: Make a text of several lines readable in the output of Ansible
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Escapes control characters, like P(xitrum.host.escape_controls#filter).
  - With C(callback_result_format = yaml), Ansible prints a text unchanged, and the filter returns a text. Otherwise
    Ansible prints a text as one line of JSON, but each item of a list on its own line. The filter then returns a list
    of lines.
options:
  _input:
    description: The text.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Print the output of a command
  ansible.builtin.debug:
    msg: "{{ result.stdout | xitrum.host.screen_text }}"
"""

RETURN = r"""
_value:
  description: The text, or the list of its lines.
  type: raw
  sample: ["app1:", "  nothing"]
"""

from collections.abc import Callable
from typing import Any

from ansible import constants
from ansible.plugins.loader import callback_loader

from ..module_utils.core.untrusted_text import escape_text


def screen_text(text: Any) -> str | list[str]:
    """The text itself, or its lines where the `result_format` of Ansible's own callback is not yaml."""
    # A plugin has its options once it has been loaded.
    callback_loader.get("default", class_only=True)
    shown = constants.config.get_config_value("result_format", plugin_type="callback", plugin_name="default")
    text = escape_text(str(text))
    return text if shown == "yaml" else text.splitlines()


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"screen_text": screen_text}
