# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the collection's roles by their argument specifications, and names that none of them has."""

from __future__ import annotations

import functools
import pathlib
from typing import Any, Iterable, Sequence

from ansible.module_utils.common.yaml import yaml_load

from ..module_utils.core import variables
from ..module_utils.preflight.catalog import Error, make_errors

#: The variable that Ansible makes of the words of `-e` that belong to none.
LEFT_WORDS = "_raw_params"

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"


@functools.lru_cache(maxsize=None)
def read_collection(roles: pathlib.Path = ROLES) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return all options (name to specification) and all prefixes of the collection's roles, read once a process."""
    found = {path.parent.parent.name: path for path in sorted(roles.glob("*/meta/argument_specs.yml"))}
    options: dict[str, Any] = {name: {"type": "raw"} for name in variables.PLAYBOOK_VARIABLES}
    for path in found.values():
        options.update(variables.list_options(yaml_load(path.read_text(encoding="utf-8"))))
    return options, tuple(variables.list_prefixes(found))


def list_options(role: str) -> dict[str, Any]:
    """Return the options of a role that begin with its name: name to specification."""
    return {name: option for name, option in read_collection()[0].items() if name.startswith(f"{role}_")}


def find_unknown(names: Iterable[str], own: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the `errors` and `warnings` on names that no role has.
    Misspelt names with a prefix in `own` are errors. Raises TypeError for a text, whose characters are not names."""
    if isinstance(names, str):
        raise TypeError(f"found the text {names!r}: expected a list of names of variables")
    options, prefixes = read_collection()
    return variables.find_unknown(list(names), options, prefixes, own)


def find_name_errors(names: Iterable[str], own: Sequence[str] = ()) -> list[Error]:
    """Return an error for each misspelt name, and one where a value of `-e` ended at its first blank. names and own: as
    for `find_unknown`."""
    found = list(names)
    # Without these words, which may be a part of a password.
    cut = [
        "-e has words that belong to no variable: expected NAME=VALUE. A value ends at a blank unless it is quoted "
        "twice, as in -e 'logs_grep=\"two words\"'"
    ] if LEFT_WORDS in found else []
    return [
        *make_errors("variable.words", cut), *make_errors("variable.unknown", find_unknown(found, own)["errors"])
    ]


def find_prefix_errors(names: Iterable[str], own: Sequence[str] = ()) -> list[Error]:
    """Return an error for each name of the command line whose prefix is misspelt, missing, or that of another playbook.
    own: as for `find_unknown`."""
    return list(make_errors("variable.unknown", variables.find_other_prefixes(names, read_collection()[0], own)))
