# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of the roles heroku and openshift reports: what was chosen, and which keys the user has to set.
Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any, Callable

RANDOM = '"$(openssl rand -hex 32)"'
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def find_heroku_notes(tree: dict[str, Any], java_version: int, remote: str) -> list[str]:
    """Sentences for Heroku. `tree`: what the module source_tree returned.
    `remote`: the git remote of the application there."""
    notes = []
    if tree["java"] and not java_version:
        notes.append(
            f"Java {tree['java']} was chosen, since sbt {tree['sbt']} does not run on a newer one. For a newer Java, "
            "set sbt.version in project/build.properties to 0.13.17 or newer."
        )
    rows = list_settable(tree)
    if rows:
        words = " ".join(f"{row['variable']}={RANDOM}" for row in rows)
        notes.append(f"{format_key_sentence(tree, rows)} Set keys of your own once, before the first push:\n"
                     f"  heroku config:set --remote {shlex.quote(remote)} {words}")
    return notes + find_unset_notes(tree)


def find_openshift_notes(
    tree: dict[str, Any], name: str, chosen: bool, secret: str, layouts: Sequence[str]
) -> list[str]:
    """Sentences for OpenShift. `chosen`: whether the user chose the `name`."""
    notes = []
    if not chosen:
        notes.append(
            f"The application's name is {name}, from {tree['name_from']}. To choose another one, set openshift_name."
        )
    if "kubernetes" in layouts:
        notes.append(
            f"The pods take the secure key and the key of the metrics page from the Secret {secret}. Create it once, "
            f"before the first pod:\n  oc create secret generic {secret} --from-literal=secure-key={RANDOM} "
            f"--from-literal=metrics-api-key={RANDOM}"
        )
    rows = list_settable(tree)
    if "diy" in layouts and rows:
        words = " ".join(f"{row['variable']}={RANDOM}" for row in rows)
        notes.append(f"{format_key_sentence(tree, rows)} Set keys of your own once, before the first push:\n"
                     f"  rhc env set --app {name} {words}")
    own = [row for row in tree["variables"] if row["other_source"]] if "kubernetes" in layouts else []
    notes += [
        f"{get_config_path(tree)} takes {shorten_key(row)} from {row['variable']}. Typesafe Config before 1.3.4 does "
        f"not let the "
        "Secret override that: remove that line, and run the playbook again."
        for row in own
    ]
    return notes + find_unset_notes(tree)


#: Role to the function that writes its report: see the arguments of each.
WRITERS: dict[str, Callable[..., list[str]]] = {"heroku": find_heroku_notes, "openshift": find_openshift_notes}


def list_settable(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings that need an environment variable of the user:
    those with a public example, or with a variable of the user's own."""
    return [
        row for row in tree["variables"] if (row["example"] or row["other_source"]) and _NAME.fullmatch(row["variable"])
    ]


def find_unset_notes(tree: dict[str, Any]) -> list[str]:
    """Sentences on public examples that no environment variable overrides, such as those of a file that is kept."""
    return [
        f"{get_config_path(tree)} has the public example for {shorten_key(row)}, and no environment variable overrides "
        f"it. Set a "
        "key of your own there."
        for row in tree["variables"]
        if row["example"] and not row["variable"]
    ]


def format_key_sentence(tree: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """What is wrong with keys as they are."""
    public = [shorten_key(row) for row in rows if row["example"]]
    own = [f"{shorten_key(row)} from {row['variable']}" for row in rows if not row["example"]]
    sentences = (
        [
            f"{get_config_path(tree)} has the public examples for {' and '.join(public)}; who knows the secure key can "
            f"forge "
            "sessions."
        ]
        if public
        else []
    )
    return " ".join(sentences + ([f"{get_config_path(tree)} takes {' and '.join(own)}."] if own else []))


def shorten_key(row: dict[str, Any]) -> str:
    """A setting as the file has it inside of `xitrum`."""
    return row["key"].removeprefix("xitrum.")


def get_config_path(tree: dict[str, Any]) -> str:
    """The path of the application's configuration in the tree."""
    return "config/xitrum.conf" if tree["project"] == "." else f"{tree['project']}/config/xitrum.conf"
