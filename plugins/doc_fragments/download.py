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
      - HTTP headers of the request for a URL, such as a C(Cookie) that a vendor requires, or a header with a token.
      - The module sends them only to the scheme, host and port of the URL, and drops them when a redirect leads
        elsewhere. It follows at most ten redirects, and none from C(https) to C(http).
    type: dict
  timeout:
    description: Seconds without any data after which a download is aborted.
    type: int
    default: 30
  validate_certs:
    description: Whether to validate the certificate of an C(https) URL.
    type: bool
    default: true
"""
