# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that hides what is secret in the URLs of a text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: hide_credentials
short_description: Hide user names, passwords and tokens in the URLs of a text
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Replaces each of them with C(***), so that an error message can include the URL.
positional: sources
options:
  _input:
    description: The text, such as the output of a program.
    type: str
    required: true
  sources:
    description: A text whose URLs contain the secrets. The filter hides these secrets wherever they occur in O(_input).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Print where a package comes from
  ansible.builtin.debug:
    msg: "{{ xitrum_package | xitrum.host.hide_credentials }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
  sample: https://***@pypi.example.com/simple?token=***
"""

from collections.abc import Callable
from typing import Any

from ..module_utils.core import urls


def hide_credentials(text: str, sources: str = "") -> str:
    """`hide_all` of module_utils/core/urls.py."""
    return urls.hide_all(text, sources)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"hide_credentials": hide_credentials}
