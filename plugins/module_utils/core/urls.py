# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs as a message may show them. Pure: one place for what is hidden of a URL."""

from __future__ import annotations

import re
import urllib.parse

HIDDEN = "***"
#: The number of characters from which on a secret is hidden outside of its URL as well.
SHORTEST = 6
#: A URL in a text: a scheme; a user and password, which hold whatever somebody typed but white space; and all up to
#: white space, a quote or the next URL of a list.
_URL = re.compile(
    r"""\b[A-Za-z][A-Za-z0-9+.-]*://
    (?:[^\s/]*@ | [^\s/:@]+:(?!\d+[/?#])(?:(?!://)\S)*@)?
    (?:(?![,;|][A-Za-z][A-Za-z0-9+.-]*://)[^\s"'<>\\])+""",
    re.VERBOSE,
)
#: A user and password before a server without a scheme, as a proxy is given.
_LOGIN = re.compile(r"""(?<![\w/@:.%+*-])[^\s:/@=,'"()\[\]{}]+:[^\s/]*@(?=[\w\[])""")
#: What ends a sentence or a bracket that a URL stands in, and is not part of it.
_END = ".,;:!?)]}`"


def hide_credentials(text: str) -> str:
    """A text whose URLs show neither a user nor a password, and no value of a query or a fragment: each is replaced
    by `***`. So is a `user:password` before the @ of a server without a scheme."""
    return _LOGIN.sub(f"{HIDDEN}@", _URL.sub(lambda found: _hide(found[0]), text))


def hide_all(text: str, source: str) -> str:
    """A text without credentials in its URLs, and without those of the URLs in `source` wherever they occur."""
    for secret in find_credentials(source):
        text = text.replace(secret, HIDDEN)
    return hide_credentials(text)


def split(url: str) -> tuple[str, str, str, str, str, str]:
    """The parts of a URL as (scheme, user and password, server, path, query, fragment). One with a mistake is split
    so that a password stays one."""
    scheme, _sign, address = url.partition("://")
    place, rest = _place(address)
    # The user and password end at the last @ before the path: a password may hold one.
    user, sign, server = place.rpartition("@")
    if not sign and re.search(r":[^0-9\]]", server) and "@" in rest:
        # What stands after the colon is not a port: a password that holds a /, ? or # as it is.
        more, _at, rest = rest.rpartition("@")
        user, (server, rest) = server + more, _place(rest)
    rest, _mark, fragment = rest.partition("#")
    path, _question, query = rest.partition("?")
    return scheme, user, server, path, query, fragment


def _place(address: str) -> tuple[str, str]:
    """What is before the path, query or fragment of an address, and the rest."""
    place = re.split("[/?#]", address, maxsplit=1)[0]
    return place, address[len(place) :]


def _hide(url: str) -> str:
    rest = url.rstrip(_END)
    scheme, user, server, path, query, fragment = split(rest)
    query = "&".join(
        f"{name}={HIDDEN}" if equals else HIDDEN
        for name, equals, _value in (part.partition("=") for part in query.split("&") if part)
    )
    return "".join(
        (
            scheme,
            "://",
            f"{HIDDEN}@" if user else "",
            server,
            path,
            f"?{query}" if query else "",
            f"#{HIDDEN}" if fragment else "",
            url[len(rest) :],
        )
    )


def find_credentials(text: str) -> list[str]:
    """The secret parts of the URLs in a text, as they stand there and decoded, the longest first: what must not be
    shown wherever it occurs.

    Short ones are left out: they would hide parts of words, and are hidden in their URL by `hide_credentials`.
    """
    found = []
    for match in _URL.finditer(text):
        scheme, user, _server, _path, query, fragment = split(match[0].rstrip(_END))
        password = user.partition(":")[2]
        # A user alone is a token, but not that of SSH.
        found += [user, password] if password or scheme.endswith(("http", "https")) else []
        found += [fragment, *(part.partition("=")[2] or part for part in query.split("&"))]
    for match in _LOGIN.finditer(_URL.sub("", text)):
        found += [match[0][:-1], match[0][:-1].partition(":")[2]]
    forms = {form for part in found for form in (part, urllib.parse.unquote(part)) if len(form) >= SHORTEST}
    return sorted(forms, key=lambda form: (-len(form), form))
