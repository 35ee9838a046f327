#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_original
short_description: Gives HAProxy, Nginx and Apache the configuration back that they had before this collection's
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Looks for all three. The configuration that M(xitrum.host.proxy_config) has kept comes back, what is beside it goes,
    and the service is as it was - it goes on with the old configuration, or is stopped and disabled where it was not
    there or did not run.
  - A configuration without this collection's digest is somebody else's, and stays.
  - Where the service is to go on, the software checks the kept configuration before anything is changed.
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: The proxy is what it was
  xitrum.host.proxy_original:
"""

RETURN = r"""
rows:
  description: Always empty.
  returned: always
  type: list
  elements: dict
problems:
  description: Always empty.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.core import runner
from ..module_utils.proxy import original


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(original)


if __name__ == "__main__":
    main()
