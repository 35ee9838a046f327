# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of pip without the credentials in their URLs, which go into files that only root reads. Pure.

A command line is visible to every user of a host, and pip hands an index's URL on to the pips that it starts. So a user
and a password go into a netrc file, and what that cannot hold, such as a token in a query, into pip's own
configuration.
"""

from __future__ import annotations

import re
import shlex
import urllib.parse
from typing import Any

from ..core import urls

#: Options whose values are URLs, with their names in pip's configuration.
OPTIONS = {
    "-i": "index-url",
    "--index-url": "index-url",
    "--pypi-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links",
    "--find-links": "find-links",
    "--proxy": "proxy",
}
#: Who has the arguments.
VARIABLE = "supervisor_supervisord_pip_arguments"
#: What a netrc file holds without quotes, which not every pip reads.
_PLAIN = re.compile(r"[^\s\"'\\#]+")


def build_settings(arguments: str) -> dict[str, Any]:
    """`{arguments, files}`: the arguments that may be seen, and the files `pip.conf` and `netrc`, name to text,
    where they are needed.

    Raises ValueError with the variable's name where the arguments cannot be split, and where a URL with credentials
    stands where no file can replace it.
    """
    try:
        return split_settings(arguments)
    except ValueError as error:
        raise ValueError(f"{VARIABLE}: {error}") from None


def split_settings(arguments: str) -> dict[str, Any]:
    """See `build_settings`."""
    rest: list[str] = []
    values: dict[str, list[tuple[str, str]]] = {}
    secret, faults = False, []
    words = shlex.split(arguments)
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        if word[:2] in ("-i", "-f") and len(word) > 2:
            option, equals, value = word[:2], "=", word[2:]
        if option not in OPTIONS or not (equals or words):
            if has_credentials(word):
                faults.append(urls.hide_credentials(escape_blanks(word)))
            rest.append(word)
            continue
        value = value if equals else words.pop(0)
        # The whole word is a URL, so an @ ends a user and password, whatever these hold and with or without a scheme.
        secret = secret or "@" in value or has_credentials(value)
        values.setdefault(OPTIONS[option], []).append((option, value))
    if faults:
        raise ValueError(f"found {', '.join(faults)}; expected a URL with credentials only after {', '.join(OPTIONS)}")
    if not secret:
        return {"arguments": arguments, "files": {}}
    logins: dict[str, tuple[str, str]] = {}
    lines = ["[global]"]
    for name, found in values.items():
        texts = [value if name == "proxy" else remove_login(value, logins) for _option, value in found]
        # Of an option that is given once, the last wins.
        lines += (
            [f"{name} = {texts[-1]}"]
            if name in ("index-url", "proxy")
            else [f"{name} =", *(f"    {text}" for text in texts)]
        )
    files = {"pip.conf": "\n".join(lines) + "\n"}
    if logins:
        files["netrc"] = "".join(
            f"machine {server} login {user} password {password}\n" for server, (user, password) in logins.items()
        )
    return {"arguments": shlex.join(rest), "files": files}


def has_credentials(text: str) -> bool:
    """Whether a word has a URL with something secret in it."""
    word = escape_blanks(text)
    return urls.hide_credentials(word) != word


def escape_blanks(word: str) -> str:
    """A word with its white space escaped: it would end a URL in it before the password does."""
    return re.sub(r"\s", lambda blank: urllib.parse.quote(blank[0]), word)


def remove_login(url: str, logins: dict[str, tuple[str, str]]) -> str:
    """The URL without its user and password, which are put into `logins` by the server's name; the URL itself
    where a netrc file cannot hold them."""
    scheme, user, server, _path, _query, _fragment = urls.split(url)
    name, _colon, password = user.partition(":")
    login = (urllib.parse.unquote(name), urllib.parse.unquote(password))
    host = re.sub(r":\d+$", "", server)
    plain = scheme in ("http", "https") and all(map(_PLAIN.fullmatch, (*login, host))) and not host.startswith("[")
    if not plain or logins.setdefault(host, login) != login:
        return url
    return url.replace(f"{user}@", "", 1)
