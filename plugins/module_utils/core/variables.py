# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds misspelt variables and wrong values: Ansible itself takes a variable that nobody reads for a valid one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

#: The prefix that only this collection's inventory variables have.
OWN_PREFIX = "xitrum_"

#: Variables that playbooks read or register and that therefore stand in no role's argument_specs.yml.
PLAYBOOK_VARIABLES = (
    "rollback_to",       # playbooks/rollback.yml: the release to go back to
    "restart_instances",  # playbooks/restart.yml: the instances to restart
    "stop_instances",    # playbooks/stop.yml: the instances to stop
    "stop_last",         # playbooks/stop.yml: whether nothing may be left that serves
    "start_instances",   # playbooks/start.yml: the instances to start
    "check_become",      # playbooks/check.yml: whether it reads as root
    "check_query",       # playbooks/check.yml: a question about its report
    "check_format",      # playbooks/check.yml: what it prints
    "history_runs",      # playbooks/history.yml: how many runs it shows
    "history_query",     # playbooks/history.yml: a question about its report
    "history_format",    # playbooks/history.yml: what it prints
    "status_query",      # playbooks/status.yml: a question about its report
    "status_format",     # playbooks/status.yml: what it prints
    "logs_lines",        # playbooks/logs.yml: how many lines of each instance
    "logs_since",        # playbooks/logs.yml: the time of the oldest line
    "logs_grep",         # playbooks/logs.yml: what a line has to match
    "logs_follow",       # playbooks/logs.yml: whether it goes on with new lines
    "logs_save",         # playbooks/logs.yml: a folder for the lines
    "logs_instances",    # playbooks/logs.yml: the instances to read
    "xitrum_host_state",        # registered: what host_state_info read
    "application_lock",         # registered: what run_lock returned
    "application_package_read",  # registered: what package_info read
    "application_slot_read",    # registered: which slot the host uses
    "application_releases_read",  # registered: the releases that a rollback read
    "supervisor_stopped",       # set by the role supervisor: why a step of a rollout stopped
)

#: A role whose name is a word that other people's variables begin with as well.
NO_PREFIX = ("application", "packages", "remove", "run", "xitrum")


def is_true(value: Any) -> bool:
    """Whether a variable, of another host perhaps, is true, in the words that Ansible takes for it."""
    return str(value).lower() in ("true", "yes", "on", "1", "y", "t")


def list_options(specs: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """All options at the top of a role's argument specs, those of every entry point: name to its specification."""
    entries = (specs or {}).get("argument_specs") or {}
    return {
        name: option or {}
        for entry in entries.values()
        for name, option in ((entry or {}).get("options") or {}).items()
    }


#: Characters of a wrong value that a message shows.
LONGEST = 100

#: What a value of each type is, in a sentence after "expected".
TYPES = {
    "str": "a text", "path": "a path", "int": "a whole number", "float": "a number", "bool": "true or false",
    "list": "a list", "dict": "a dictionary of names and values",
}

#: Values that need no validator, by the type of their option: most are such.
_PLAIN = {"str": str, "path": str, "int": int, "float": float, "bool": bool}


def find_value_error(name: str, value: Any, option: Mapping[str, Any]) -> str:
    """Why a value does not fit its option, as a sentence; an empty text where it does.

    Roles check this too, but one after the other: a person would hear of one mistake in each run. A secret is not
    shown.
    """
    kind = option.get("type", "str")
    if kind == "raw" or kind in _PLAIN and isinstance(value, _PLAIN[kind]) and "choices" not in option:
        # All values fit. The validator would copy them, and what was read of a host is large.
        return ""
    if value is None:
        return f"{name} has no value: expected {TYPES.get(kind, kind)}. Set one, or remove the variable"
    # Only what is set is judged here, so neither a default nor a demand counts.
    judged = {key: part for key, part in option.items() if key not in ("default", "required", "no_log")}
    if not find_errors(name, value, judged):
        return ""
    if find_errors(name, value, {"type": kind}):
        return describe(name, value, TYPES.get(kind, kind), option)
    if kind == "list" and "elements" in option:
        # The validator takes a text with commas for a list, as Ansible does.
        items = value.split(",") if isinstance(value, str) else value
        single = {"type": option["elements"]}
        wrong = next((index for index, item in enumerate(items) if find_errors(name, item, single)), None)
        if wrong is not None:
            expected = TYPES.get(option["elements"], option["elements"])
            return describe(f"item {wrong + 1} of {name}", items[wrong], expected, option)
    if "choices" in option and kind not in ("list", "dict"):
        return describe(name, value, f"one of {', '.join(map(str, option['choices']))}", option)
    if option.get("no_log"):
        return f"{name} does not fit: expected {TYPES.get(kind, kind)} as the documentation of its role has it"
    return f"{name} does not fit: {'; '.join(find_errors(name, value, judged))}"


def find_errors(name: str, value: Any, option: Mapping[str, Any]) -> list[str]:
    """What Ansible's own check of a value finds wrong."""
    return ArgumentSpecValidator({name: option}).validate({name: value}).error_messages


def describe(name: str, value: Any, expected: str, option: Mapping[str, Any]) -> str:
    """The sentence on a value, which is not shown where it may be a secret."""
    shown = repr(value)
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    return f"{name} {'does not fit' if option.get('no_log') else f'is {shown}'}: expected {expected}"


def list_prefixes(roles: Iterable[str]) -> list[str]:
    """The prefixes that the variables of these roles have."""
    return sorted(f"{role}_" for role in roles if role not in NO_PREFIX)


def find_unknown(
    names: Iterable[Any], known: Iterable[str], prefixes: Iterable[str], own: Iterable[str] = ()
) -> dict[str, list[str]]:
    """Variables that no role knows. Returns `{errors, warnings}`, sentences in the order of the names.

    `xitrum_*` is an error: nobody else uses that prefix. A role's prefix is a warning: other people's roles use it
    too. One of the prefixes `own`, those of the playbook that runs, is an error where a known name with that prefix is
    near.
    """
    strange = sorted({name for name in names if isinstance(name, str)} - set(known))
    ours = (OWN_PREFIX, *prefixes, *own)
    nearest = {name: find_nearest(name, known, own) for name in strange if name.startswith(ours)}
    errors = [name for name in nearest if name.startswith(OWN_PREFIX) or name.startswith(tuple(own)) and nearest[name]]
    return {
        "errors": [format_unknown(name, nearest[name]) for name in errors],
        "warnings": [format_unknown(name, nearest[name]) for name in nearest if name not in errors],
    }


#: How near a name must be to a known one, for difflib, to be taken for that one with another prefix.
NEAR = 0.85


def find_other_prefixes(names: Iterable[Any], known: Iterable[str], own: Iterable[str] = ()) -> list[str]:
    """Sentences on names of the command line whose prefix is misspelt, missing, or that of another playbook, in the
    order of the names.

    They have neither `xitrum_` nor a prefix in `own`, those of the playbook that runs, and are nearly a known name with
    one. Without a prefix, a known name of the playbook is meant. An inventory has names of other people as well: these
    are not for this function.
    """
    every, own, given = set(known), tuple(own), {name for name in names if isinstance(name, str)}
    ours = sorted(name for name in every if name.startswith((OWN_PREFIX, *own)))
    # Without the playbook's prefix as well: next to that, a letter counts for less.
    bare = {name[len(prefix):]: name for prefix in own for name in ours if name.startswith(prefix)}
    meant = {**{name: name for name in ours}, **bare}
    found = []
    for name in sorted(given):
        if name.startswith((OWN_PREFIX, *own)):
            continue
        if name in every:
            # Ignored, it would restart or stop all instances instead of one.
            twin = find_twin(name, every, own)
            found += [format_unread(name, twin)] if twin and twin not in given else []
            continue
        near = difflib.get_close_matches(name.lower(), meant, 1, NEAR)
        found += [format_unknown(name, meant[near[0]])] if near else []
    return found


def find_twin(name: str, known: Collection[str], own: Iterable[str]) -> str:
    """The variable of the playbook that runs, with a prefix in `own`, that corresponds to one of another playbook;
    empty where there is none."""
    rest = name.partition("_")[2] if name in PLAYBOOK_VARIABLES else ""
    return next((prefix + rest for prefix in own if rest and prefix + rest in known), "")


def find_nearest(name: str, known: Iterable[str], own: Iterable[str] = ()) -> str:
    """The known name that is nearest; empty where none is near. Of a prefix in `own`, only what follows it is
    compared."""
    # Variables of a playbook have its prefix alone, such as check_become.
    if name.startswith(OWN_PREFIX) and name[len(OWN_PREFIX):] in known:
        return name[len(OWN_PREFIX):]
    prefix = next((one for one in own if name.startswith(one)), "")
    rests = [one[len(prefix):] for one in sorted(known) if one.startswith(prefix)]
    return next((prefix + one for one in difflib.get_close_matches(name[len(prefix):], rests, 1)), "")


def format_unread(name: str, twin: str) -> str:
    """What is wrong with the name of another playbook's variable, with the one of this playbook."""
    return f"the variable {name} is set, and this playbook does not read it: did you mean {twin}?"


def format_unknown(name: str, near: str) -> str:
    """What is wrong with one name, with the nearest one that is right; empty where none is."""
    advice = f"did you mean {near}?" if near else "correct or remove it"
    return f"the variable {name} is set, and no role knows it: {advice}"
