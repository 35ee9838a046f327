# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that keeps the credentials of a package index out of pip's command line."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pip_settings
short_description: Move the credentials in pip's arguments into files
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - A command line is visible to every user of a host. Where a URL in it has a user, a password or a token, all
    options with URLs go into
    files that only root reads.
options:
  _input:
    description: Arguments of pip, as one types them.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what pip is told on its command line
  ansible.builtin.debug:
    msg: "{{ ('--index-url https://bob:secret@pypi.example.com/simple' | xitrum.host.pip_settings).arguments }}"
"""

RETURN = r"""
_value:
  description:
    - C(arguments) are those that may be seen. C(files) are the texts of C(pip.conf) and C(netrc), by their names;
      none where nothing is secret.
    - Such files are named to pip by the environment variables C(PIP_CONFIG_FILE) and C(NETRC).
  type: dict
  sample: {arguments: --no-deps, files: {}}
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.supervisor import pip


def pip_settings(arguments: Any) -> Any:
    """C(settings) of module_utils/supervisor/pip.py."""
    try:
        return pip.settings(arguments)
    except ValueError as error:
        raise AnsibleFilterError(f"supervisor_supervisord_pip_arguments: {error}") from None


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"pip_settings": pip_settings}
