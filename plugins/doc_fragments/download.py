# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that download an archive."""

from __future__ import annotations


class ModuleDocFragment:
    """How a URL is requested."""

    DOCUMENTATION = r"""
options:
  headers:
    description:
      - HTTP headers of the request for a URL, such as a C(Cookie) that a vendor wants, or one that carries a token.
      - They are sent to the scheme, host and port of the URL alone - after a redirect to another one none of them is.
        At most ten redirects are followed, and none from C(https) to C(http).
    type: dict
  timeout:
    description: Seconds without a byte after which a URL is given up.
    type: int
    default: 30
  validate_certs:
    description: Whether the certificate of an C(https) URL has to be valid.
    type: bool
    default: true
"""
