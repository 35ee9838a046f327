# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets environment variables override settings of a `xitrum.conf`, in any version of Typesafe Config. Pure.

A variable `CONFIG_FORCE_xitrum_session_secureKey` overrides by itself only from version 1.3.4 on, and only where the
JVM gets an option for that (`-Dconfig.override_with_env_vars=true`). Older versions, such as the one of Xitrum 3.11,
ignore both without a word. A substitution `${?NAME}` in the file works in all of them.
"""

from __future__ import annotations

import re
from typing import Any

from . import hocon_edit
from .hocon import HoconError, list_fields
from .xitrum_conf import find_example_values

_SUBSTITUTION = re.compile(r"\$\{\??\s*([^}]+?)\s*\}")


def put_variables(text: str, variables: dict[str, str]) -> str:
    """The text in which each key is overridden by its environment variable where that is set. `variables`: key to
    name.

    A key that is not set stays so: its object would be there with nothing else in it. A key that has a substitution of
    the user's own is left as it is. Raises HoconError.
    """
    for key, name in variables.items():
        force, path = hocon_edit.find_force(text, hocon_edit.split_key(key)), hocon_edit.split_key(key)
        literal = force.kind == hocon_edit.VALUE and force.text != "null" and not _SUBSTITUTION.search(force.text)
        # An include may set it, in an object that the file knows.
        included = force.kind == hocon_edit.UNKNOWN and any(
            field.path[: len(path) - 1] == path[:-1] for field in list_fields(text)
        )
        if literal or included:
            text = hocon_edit.put_override(text, key, f"${{?{name}}}")
    return text


def describe_variables(text: str, variables: dict[str, str]) -> list[dict[str, Any]]:
    """For each key that is set: `key`, `variable` (the one that overrides it, `""` for none), `own` (whether that
    is not the requested one), and `example` (whether the file has the public example of Xitrum's project template)."""
    found = []
    for key, name in variables.items():
        try:
            force = hocon_edit.find_force(text, hocon_edit.split_key(key))
            examples = find_example_values(text)
        except HoconError:
            return []
        if force.kind != hocon_edit.VALUE or force.text == "null":
            continue
        target = _SUBSTITUTION.search(force.text)
        found.append(
            {
                "key": key,
                "variable": target[1] if target else "",
                "other_source": target is not None and target[1] != name,
                "example": key.rpartition(".")[2] in examples,
            }
        )
    return found
