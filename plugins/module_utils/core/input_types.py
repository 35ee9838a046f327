# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of text that variables hold and that end in configuration files: one list of allowed characters each. Pure.

A newline, a quote or a `;` in one of them would be a directive of HAProxy, Nginx, Apache, systemd or a shell. Every
pattern has to match the whole text: `$` of Python also matches before a newline at the end.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, NamedTuple

from .addresses import EVERY, parse_address
from .untrusted_text import make_printable

#: The characters of a host name, an address and a path that all configuration files take as they are, without quotes.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"


class Type(NamedTuple):
    """A type: `pattern` of the whole text, `longest` number of characters, and `expected` in words."""

    pattern: str
    longest: int
    expected: str


TYPES = {
    "account": Type(
        r"[a-z_][a-z0-9_-]*", 31, "lower case letters, digits, - and _, at most 31, a letter or _ first (useradd(8))"
    ),
    "unit": Type(
        r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]*", 255, "the name of a systemd unit: letters, digits and : _ . @ \\ -"
    ),
    "path": Type(
        r"(?:/[A-Za-z0-9._+-]+)+", 4095, "an absolute path of the characters A-Z a-z 0-9 . _ + - and /, and no other"
    ),
    "url_path": Type(
        r"/[A-Za-z0-9._~/?=&+,:@-]*", 1024, "/ followed by letters, digits and . _ ~ / ? = & + , : @ -, and no other"
    ),
    "url": Type(r"[a-z]+://[A-Za-z0-9._~/?=&+,:@%\[\]-]+", 2048, "a URL, without blanks and quotes"),
    "domain": Type(
        rf"{_LABEL}(?:\.{_LABEL})*\.?", 253, "a host name: letters, digits, - and _ between dots, at most 63 each"
    ),
    "zone": Type(r"[A-Za-z0-9][A-Za-z0-9_.-]*", 15, "the name or number of a network interface"),
    "interface": Type(r"[A-Za-z0-9][A-Za-z0-9_.:@-]*", 15, "the name of a network interface, at most 15 characters"),
    "server": Type(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", 255, "letters, digits and . _ -"),
    "backend": Type(r"[A-Za-z][A-Za-z0-9_-]*", 64, "a letter followed by letters, digits, - and _"),
    "cookie": Type(r"[A-Za-z0-9_]+", 64, "letters, digits and _"),
    "header_name": Type(r"[A-Za-z0-9_.-]+", 256, "the name of an HTTP header: letters, digits and - _ ."),
    "header_value": Type(
        r"(?:[!-~](?:[ \t!-~]*[!-~])?)?", 8192, "printable ASCII characters, without a line break or a blank at an end"
    ),
    "duration": Type(r"[0-9]+(?:ms|s|m|h|d)", 20, "a number with its unit, ms, s, m, h or d, for example 10s"),
    "class": Type(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*", 512, "the name of a class, such as quickstart.Boot"),
    "kubernetes": Type(
        r"[a-z](?:[a-z0-9-]*[a-z0-9])?", 63, "small letters, digits and -, at most 63, a letter first and no - last"
    ),
    "option_name": Type(r"[A-Za-z0-9_]+", 64, "the name of an option: letters, digits and _"),
    "line": Type(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]*", 8192, "one line without control characters"),
}

_PATTERNS = {kind: re.compile(found.pattern, re.ASCII) for kind, found in TYPES.items()}

#: Types that are not a single pattern: what each expects in words.
EXPECTED = {
    **{kind: found.expected for kind, found in TYPES.items()},
    "host": "an IP address or a host name",
    "listen": "an IP address, a host name, or * for every address",
    "network": "an IP address, a network such as 192.0.2.0/24, or a host name",
}


def fits(kind: str, text: object) -> bool:
    """Whether a text is of a type. One that is not a text is of none."""
    if not isinstance(text, str):
        return False
    if kind == "listen":
        return text in EVERY or fits("host", text)
    if kind == "network":
        return fits("host", text) or is_network(text)
    if kind == "host":
        return is_address(text) or fits("domain", text)
    return len(text) <= TYPES[kind].longest and _PATTERNS[kind].fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Whether a text is an IP address and nothing else: no blank around it, and no zone but an interface's name."""
    return text == text.strip() and len(text) <= 80 and parse_address(text) is not None


def is_network(text: str) -> bool:
    """Whether a text is an IP network, as `ADDRESS/BITS`. Without a zone, which Python takes whatever is in it."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text


def find_error(name: str, value: Any, kind: str) -> str:
    """Why a value is not of a type, as a sentence; an empty text where it is. `name` is its variable."""
    if fits(kind, value):
        return ""
    return f"{name} is {make_printable(repr(value))}: expected {EXPECTED[kind]}"


def require(name: str, value: Any, kind: str) -> Any:
    """A value of a type. Raises ValueError with `find_error` where it is not."""
    wrong = find_error(name, value, kind)
    if wrong:
        raise ValueError(wrong)
    return value


def find_secret_error(name: str, value: Any, kind: str) -> str:
    """As `find_error`, for a value that no message shows."""
    return "" if fits(kind, value) else f"{name} has a value that does not fit: expected {EXPECTED[kind]}"
