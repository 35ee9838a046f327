# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines that a message says to type: they repeat the options of the command that said so. Pure."""

from __future__ import annotations

import json
import os
import re
import shlex

from ansible_collections.xitrum.host.plugins.module_utils import urls

#: Options that say how a run reaches its hosts and becomes root there: the name in Ansible's CLIARGS, and the option.
#: A run by a line to type has to be given them again. A password that was typed is asked for again.
CONNECTION_OPTIONS = (
    ("remote_user", "--user"), ("private_key_file", "--private-key"), ("connection", "--connection"), ("ssh_common_args", "--ssh-common-args"),
    ("ssh_extra_args", "--ssh-extra-args"), ("ask_pass", "--ask-pass"), ("connection_password_file", "--connection-password-file"),
    ("become_ask_pass", "--ask-become-pass"), ("become_password_file", "--become-password-file"), ("become_user", "--become-user"),
    ("become_method", "--become-method"), ("ask_vault_pass", "--ask-vault-pass"), ("vault_ids", "--vault-id"),
    ("vault_password_files", "--vault-password-file"))
#: What ansible-playbook takes for granted: not worth a word.
USUAL = {"connection": ("ssh", "smart"), "become_method": ("sudo",), "become_user": ("root",)}
#: Variables of a single run: they say what that run did, and not what the hosts are to be.
OF_ONE_RUN = (
    "xitrum_rollback_to",
    "xitrum_check_become",
    "xitrum_report",
    "xitrum_report_dir",
    "xitrum_console_command",
    "xitrum_remove",
    "xitrum_remove_last",
    "xitrum_remove_keep_data",
    "xitrum_remove_packages",
    "xitrum_take_over",
    "xitrum_health_path_new",
    "xitrum_maintenance_tasks",
)
#: Names of variables whose values are not shown.
SECRET = re.compile(r"key|secret|passw|token|credential|header|auth", re.IGNORECASE)
HIDDEN = "..."


def connection_options(arguments):
    """The options of the command line, Ansible's C(CLIARGS), with which this run reaches its hosts, as somebody types them."""
    words = []
    for name, option in CONNECTION_OPTIONS:
        value = arguments.get(name)
        if value is True:
            words.append(option)
        elif value and value not in USUAL.get(name, ()):
            words += [f"{option}={shlex.quote(str(item))}" for item in (value if isinstance(value, (list, tuple)) else [value])]
    return " ".join(words)


def inventory_options(sources, folder):
    """The C(-i) options for inventory sources (paths, or lists such as C(a,b,)), paths as somebody types them in C(folder)."""
    return " ".join(f"-i {shlex.quote(near(source, folder))}" for source in sources)


def read_options(arguments, folder):
    """The options to repeat, out of the parsed command line C(arguments) that was typed in C(folder).

    C(connection) (how hosts are found and reached) and C(variables) (the -e) are texts to type, C(limit) is the pattern of
    --limit. Each may be empty.
    """
    inventory = inventory_options(map(str, arguments.get("inventory") or ()), folder)
    words = [word for text in arguments.get("extra_vars") or () for word in variable_words(str(text))]
    return {
        "connection": " ".join(filter(None, (inventory, connection_options(arguments)))),
        "variables": shlex.join(words),
        "limit": arguments.get("subset") or "",
    }


def variable_words(text):
    """C(-e) with one value as it was given, without secrets and without what only that run was told. No word where
    nothing is left."""
    if text.startswith("@"):
        return ["-e", text]
    if text.lstrip().startswith(("{", "[")):
        try:
            given = json.loads(text)
        except ValueError:
            # YAML, which the controller's libraries would read; it is not repeated rather than shown with a secret in
            # it.
            return ["-e", HIDDEN]
        kept = (
            {name: shown_value(name, value) for name, value in given.items() if name not in OF_ONE_RUN}
            if isinstance(given, dict)
            else {}
        )
        return ["-e", json.dumps(kept)] if kept else []
    try:
        pairs = [word.partition("=") for word in shlex.split(text)]
    except ValueError:
        return ["-e", HIDDEN]
    kept = [f"{name}={quoted(shown_value(name, value))}" for name, _sign, value in pairs if name not in OF_ONE_RUN]
    return ["-e", " ".join(kept)] if kept else []


def shown_value(name, value):
    """A variable's value without what is secret in it."""
    if SECRET.search(name):
        return HIDDEN
    if isinstance(value, dict):
        return {key: shown_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown_value(name, item) for item in value]
    return urls.hide_credentials(value) if isinstance(value, str) else value


def quoted(value):
    """A value as Ansible takes it after NAME=, in quotes where it has white space."""
    return shlex.quote(value) if re.search(r"\s", value) else value


def render_command(playbook, options, limit="", variables=(), add=()):
    """A line to type that runs a playbook of the collection with the C(options) that L(read_options) found.

    C(limit) is a pattern of hosts instead of the given one, C(add) are hosts or groups that the given one has to hold as
    well; C(variables) are further C(NAME=VALUE).
    """
    more = [word for variable in variables for word in ("-e", variable)]
    limit = limit or options.get("limit", "")
    if limit:
        more += ["--limit", ",".join([limit, *(name for name in add if name not in re.split("[,:]", limit))])]
    parts = ("ansible-playbook", options.get("connection"), f"xitrum.host.{playbook}", options.get("variables"), shlex.join(more))
    return " ".join(filter(None, parts))


def near(path, folder):
    """A path from C(folder) where it is below it, else as it is."""
    return os.path.relpath(path, folder) if folder and path.startswith(folder.rstrip("/") + "/") else path
