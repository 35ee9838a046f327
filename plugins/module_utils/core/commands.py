# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines that a message recommends: they repeat the options of the command that reported it. Pure."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Container, Iterable, Mapping
from typing import Any

from . import urls
from .untrusted_text import parse_json

#: Options that report how a run reaches its hosts and becomes root there: the name in Ansible's CLIARGS, and the
# option. A run by a line to type has to be given them again. A password that was typed is requested again.
CONNECTION_OPTIONS = (
    ("remote_user", "--user"),
    ("private_key_file", "--private-key"),
    ("connection", "--connection"),
    ("ssh_common_args", "--ssh-common-args"),
    ("ssh_extra_args", "--ssh-extra-args"),
    ("ask_pass", "--ask-pass"),
    ("connection_password_file", "--connection-password-file"),
    ("become_ask_pass", "--ask-become-pass"),
    ("become_password_file", "--become-password-file"),
    ("become_user", "--become-user"),
    ("become_method", "--become-method"),
    ("ask_vault_pass", "--ask-vault-pass"),
    ("vault_ids", "--vault-id"),
    ("vault_password_files", "--vault-password-file"),
)
#: What ansible-playbook takes for granted: not worth a word.
USUAL = {"connection": ("ssh", "smart"), "become_method": ("sudo",), "become_user": ("root",)}
#: Variables of a single run: they report what that run did, and not what the hosts are to be.
OF_ONE_RUN = (
    "rollback_to",
    "check_become",
    "xitrum_report_show",
    "xitrum_report_dir",
    "console_command",
    "remove_host_count",
    "remove_last",
    "remove_keep_data",
    "remove_packages",
    "xitrum_break_lock",
    "xitrum_health_path_is_new",
    "xitrum_maintenance_tasks",
)
#: Variables that not even the same run again needs: it would break the lock of another run.
OF_FIRST_RUN = ("xitrum_break_lock",)
#: Names of variables whose values are not shown. A short word counts where it stands alone.
SECRET = re.compile(
    r"key|secret|pass|pwd|token|credential|cookie|header|auth|vault"
    r"|(?<![a-z])(?:pins?|pw|otp|psk|creds?|dsn|jwt|salt|sig|signature)(?![a-z])",
    re.IGNORECASE,
)
#: Variables with arguments of a program, any of which may be a secret.
ARGUMENTS = ("run_arguments", "xitrum_before_release")
#: Names that resemble those of secrets, and whose values are none: how hosts are reached, and the name of a cookie.
NO_SECRET = (
    "proxy_cookie",
    "xitrum_proxy_cookie",
    "ansible_private_key_file",
    "ansible_ssh_private_key_file",
    "ansible_host_key_checking",
    "ansible_ssh_host_key_checking",
    "ansible_ssh_host_key_auto_add",
)
HIDDEN = "..."
#: A word without a quote, up to white space or the quote around it; all that follows where quotes make that unclear.
_WORD = r"""(?:[^\s'"\\]+(?=\s|['"]+(?:\s|$)|$)|.+)"""
#: Secrets among the arguments of a program: the password of sshpass, and what follows a name such as `--password`.
_ARGUMENT = re.compile(
    rf"""(\bsshpass\b(?:(?!\bsshpass\b|\s-[ev]*p).)*\s-[ev]*p\s*
    |(?<![\w-])--[\w-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|proxy-auth|proxy-user)\s+
    |(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|authorization|proxy-auth|proxy-user)["']?\s*[=:]\s*)
    {_WORD}""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
#: What keeps white space in a word of `-e`, apart from quotes.
_BLOCKS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))


def format_connection_options(arguments: Mapping[str, Any]) -> str:
    """The options of the command line, Ansible's `CLIARGS`, with which this run reaches its hosts,
    as somebody types them."""
    words = []
    for name, option in CONNECTION_OPTIONS:
        value = arguments.get(name)
        if value is True:
            words.append(option)
        elif value and value not in USUAL.get(name, ()):
            words += [
                f"{option}={shlex.quote(hide_secrets(str(item)))}"
                for item in (value if isinstance(value, (list, tuple)) else [value])
            ]
    return " ".join(words)


def format_inventory_options(sources: Iterable[str], folder: str) -> str:
    """The `-i` options for inventory sources (paths, or lists such as `a,b,`),
    paths as somebody types them in `folder`."""
    return " ".join(f"-i {shlex.quote(shorten_path(source, folder))}" for source in sources)


def read_options(
    arguments: Mapping[str, Any], folder: str, left_out: Container[str] = OF_ONE_RUN
) -> dict[str, str]:
    """The options to repeat, out of the parsed command line `arguments` that was typed in `folder`, without the
    variables `left_out`.

    `connection` (how hosts are found and reached) and `variables` (the -e) are texts to type,
    `limit` is the pattern of --limit. Each may be empty.
    """
    inventory = format_inventory_options(map(str, arguments.get("inventory") or ()), folder)
    words = [word for text in arguments.get("extra_vars") or () for word in format_variable(str(text), left_out)]
    return {
        "connection": " ".join(filter(None, (inventory, format_connection_options(arguments)))),
        "variables": shlex.join(words),
        "limit": arguments.get("subset") or "",
    }


def format_variable(text: str, left_out: Container[str] = OF_ONE_RUN) -> list[str]:
    """`-e` with one value as it was given, without secrets and without the variables `left_out`.
    No word where nothing is left."""
    if text.startswith("@"):
        return ["-e", text]
    if text.startswith(("{", "[")):
        try:
            given = parse_json(text)
        except ValueError:
            # YAML, which the controller's libraries would read; it is not repeated rather than shown with a secret in
            # it.
            return ["-e", HIDDEN]
        shown = (
            {name: hide_secret_value(name, value) for name, value in given.items() if name not in left_out}
            if isinstance(given, dict)
            else {}
        )
        return ["-e", json.dumps(shown)] if shown else []
    try:
        # Ansible ignores a word without a =.
        pairs = [word.partition("=")[::2] for word in split_words(text) if "=" in word]
    except ValueError:
        return ["-e", HIDDEN]
    kept = [f"{name}={hide_secret_text(name, value)}" for name, value in pairs if name not in left_out]
    return ["-e", " ".join(kept)] if kept else []


def split_words(text: str) -> list[str]:
    """The words NAME=VALUE of a `-e`, as Ansible splits them: white space in quotes and in blocks of a template is
    part of the word, and quotes stay. Raises ValueError where a quote or a block has no end."""
    words: list[str] = []
    quote, depths, blank = "", [0] * len(_BLOCKS), ""
    for token, following in re.findall(r"([^ \n]*)([ \n]|\Z)", text):
        inside = bool(quote or any(depths))
        if token == "\\" and not quote:
            # A line that goes on.
            token = ""
        elif inside:
            words[-1] += blank + token
        elif token:
            words.append(token)
        for mark in re.findall(r"""(?<!\\)['"]""", token):
            quote = "" if quote == mark else quote or mark
        depths = [
            max(0, depth + token.count(opening) - token.count(end))
            for depth, (opening, end) in zip(depths, _BLOCKS)
        ]
        blank = following
    if quote or any(depths):
        raise ValueError("a quote or a block of a template has no end")
    return words


def hide_secret_text(name: str, text: str) -> str:
    """The value of NAME=VALUE as it was given, in its quotes, where nothing in it is secret."""
    value = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
    shown = hide_secret_value(name, value)
    return text if shown == value else quote_value(shown)


def hide_secret_value(name: str, value: Any) -> Any:
    """A variable's value without what is secret in it."""
    is_secret = SECRET.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)) and name not in NO_SECRET
    if is_secret or name in ARGUMENTS:
        return HIDDEN
    if isinstance(value, dict):
        return {key: hide_secret_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [hide_secret_value(name, item) for item in value]
    return hide_secrets(value) if isinstance(value, str) else value


def hide_secrets(text: str) -> str:
    """A text, which may be arguments of a program, without the passwords that it gives and without those in URLs."""
    return _ARGUMENT.sub(rf"\g<1>{HIDDEN}", urls.hide_credentials(text))


def find_secret_options(options: Iterable[str]) -> set[str]:
    """Those options of a JVM that give a password or another secret by their name, as `-Ddb.password=...` does."""
    return {
        option
        for option in options
        if hide_secrets(option) != option or hide_secret_value(option.partition("=")[0], option) != option
    }


def quote_value(value: str) -> str:
    """A value as Ansible takes it after NAME=, in quotes where it has white space."""
    return shlex.quote(value) if re.search(r"\s", value) else value


def render_command(
    playbook: str, options: Mapping[str, str], limit: str = "", variables: Iterable[str] = (), add: Iterable[str] = ()
) -> str:
    """A line to type that runs a playbook of the collection with the `options` that `read_options` found.

    `limit` is a pattern of hosts instead of the given one, `add` are hosts or groups that the given one has to hold
    as well; `variables` are further `NAME=VALUE`.
    """
    more = [word for variable in variables for word in ("-e", variable)]
    limit = limit or options.get("limit", "")
    if limit:
        more += ["--limit", ",".join([limit, *(name for name in add if name not in re.split("[,:]", limit))])]
    parts = (
        "ansible-playbook",
        options.get("connection"),
        f"xitrum.host.{playbook}",
        options.get("variables"),
        shlex.join(more),
    )
    return " ".join(filter(None, parts))


def shorten_path(path: str, folder: str) -> str:
    """A path from `folder` where it is below it, else as it is."""
    return os.path.relpath(path, folder) if folder and path.startswith(folder.rstrip("/") + "/") else path
