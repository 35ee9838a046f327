# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: proxy_backends
short_description: Checks path-routed backends and puts them into the order in which their paths must be tried
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The longest prefix comes first. C(/forum) stands for C(/forum) and for what begins with C(/forum/), not for
    C(/forums).
  - All faults are reported at once.
options:
  _input:
    description: The value of C(xitrum_proxy_backends).
    type: list
    elements: dict
    required: true
  reserved:
    description: Names that are taken already, those of the collection's own configurations where it is not given.
    type: list
    elements: str
    default: [xitrum, xitrum_http, stats]
"""

EXAMPLES = r"""
- name: The backends in the order of their paths
  ansible.builtin.debug:
    msg: "{{ [{'name': 'discourse', 'path_prefix': '/forum', 'servers': ['127.0.0.1:3000']}] |
      xitrum.host.proxy_backends }}"
"""

RETURN = r"""
_value:
  description:
    - One dictionary a backend, with the keys C(name), C(path) (null for a prefix that ends in a slash), C(below),
      C(servers) (C(name), C(address), C(port)) and C(health_path).
  type: list
  elements: dict
  sample:
    - {"name": "discourse", "path": "/forum", "below": "/forum/", "health_path": "",
       "servers": [{"name": "discourse-0", "address": "127.0.0.1", "port": 3000}]}
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.proxy import definition as proxies


def proxy_backends(
    items: Iterable[Mapping[str, Any]], reserved: Iterable[str] = proxies.RESERVED
) -> list[dict[str, Any]]:
    """C(backends) of module_utils/proxy/definition.py: its ValueError is an error of the filter."""
    try:
        return proxies.backends(items, reserved)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"proxy_backends": proxy_backends}
