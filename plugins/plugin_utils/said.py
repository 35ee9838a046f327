# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own words in what a filter returns."""

from __future__ import annotations

from collections.abc import Mapping

from ansible.utils.unsafe_proxy import wrap_var


def no_template(value):
    """A value whose texts are marked as no templates. Kept as a fact they would be taken for some before ansible-core 2.19, and run."""
    if isinstance(value, Mapping):
        return {name: no_template(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [no_template(item) for item in value]
    return wrap_var(value)
