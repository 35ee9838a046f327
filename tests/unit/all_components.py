# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The components of a read, all of them."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils.host_state import registry

COMPONENTS = [load() for load in registry.COMPONENTS.values()]
