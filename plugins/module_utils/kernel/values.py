# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of kernel parameters: which names and shapes are valid, and what a policy makes of a live and a desired value.

All functions are pure. A value is text as the kernel prints it, with one blank between its elements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..core.untrusted_text import BLANKS, split_words

#: `exact`: this very value. `at_least`, `at_most`: an element that is already as good stays. `range`: two numbers,
#: the lower end at most, the upper at least. `union`: a list of ports, what was reserved stays. `leave`: reported
#: only.
POLICIES = ("exact", "at_least", "at_most", "range", "union", "leave")

POLICY_WORDS = {
    "exact": "",
    "at_least": "at least ",
    "at_most": "at most ",
    "range": "at least the range ",
    "union": "includes ",
    "leave": "left off: ",
}

#: A name with dots or slashes, as sysctl(8) takes it: no blank, no glob, no empty element, no way out of /proc/sys.
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:@-]*([./][A-Za-z0-9_:@-]+)+")

_INTEGER = re.compile(r"-?[0-9]+")
#: A number as the kernel reads it: 0x is base 16, another leading 0 base 8.
_KERNEL_NUMBER = re.compile(r"(-?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))")
_KERNEL_BLANKS = re.compile(r"[ \t\n]+")
_PORTS = re.compile(r"[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*")
_LARGEST_PORT = 65535
#: fs.nr_open and most int keys of the kernel end here; fs.file-max and tcp_mem are longs.
_LONG = 2 ** 63 - 1
_INT = 2 ** 31 - 1
_LONGS = ("fs.file-max", "net.ipv4.tcp_mem")

#: The shape of the values that the profile of the guide and the capacity plan know; another key takes any one line.
SHAPES = {
    "fs.file-max": "integer",
    "fs.nr_open": "integer",
    "net.core.netdev_max_backlog": "integer",
    "net.core.rmem_max": "integer",
    "net.core.somaxconn": "integer",
    "net.core.wmem_max": "integer",
    "net.ipv4.ip_local_port_range": "port_range",
    "net.ipv4.ip_local_reserved_ports": "ports",
    "net.ipv4.tcp_fin_timeout": "integer",
    "net.ipv4.tcp_max_syn_backlog": "integer",
    "net.ipv4.tcp_mem": "triple",
    "net.ipv4.tcp_rmem": "triple",
    "net.ipv4.tcp_syncookies": "integer",
    "net.ipv4.tcp_tw_recycle": "integer",
    "net.ipv4.tcp_tw_reuse": "integer",
    "net.ipv4.tcp_wmem": "triple",
    "net.netfilter.nf_conntrack_buckets": "integer",
    "net.netfilter.nf_conntrack_max": "integer",
}

#: How many numbers a shape has.
_COUNTS = {"integer": 1, "triple": 3, "port_range": 2}

#: Parameters that the kernel lost: since which version, and why.
REMOVED = {"net.ipv4.tcp_tw_recycle": ((4, 12), "removed from Linux in 4.12, because it broke clients behind NAT")}

#: Parameters of the whole machine, which a kernel does not show in a network namespace of its own (in a container).
MACHINE_WIDE = ("net.core.netdev_max_backlog", "net.core.rmem_max", "net.core.wmem_max", "net.ipv4.tcp_mem")


@dataclass(frozen=True)
class Entry:
    """One desired parameter. `key` is written with dots, `path` is its file below /proc/sys."""

    key: str
    path: str
    value: str
    policy: str
    source: str = ""

    @property
    def desired(self) -> str:
        """The desired value with its policy, as a person would write it."""
        return POLICY_WORDS[self.policy] + self.value


def get_path(key: str) -> str:
    """The file of a parameter below /proc/sys.

    As in sysctl.d(5): where the first separator is a dot, dots separate and a slash stands for a dot
    (`net.ipv4.conf.eth0/100.rp_filter`); where it is a slash, the name is the path already.
    """
    separator = next((letter for letter in key if letter in "./"), ".")
    return key if separator == "/" else key.translate(str.maketrans("./", "/."))


def get_key(path: str) -> str:
    """The dotted name of a file below /proc/sys."""
    return path.translate(str.maketrans("./", "/."))


def normalize(text: int | str) -> str:
    """A value with its elements one blank apart: the kernel prints tabs between them."""
    return " ".join(split_words(str(text)))


def predict_written_value(key: str, text: str, live: str | None = None) -> str | None:
    """What the kernel shows once a text has been written to a parameter that shows `live`; None where it refuses the
    text.

    It takes numbers of base 8, 10 and 16 between blanks, and as many as the parameter has. What follows them is
    ignored, and what is missing stays as it was: `4096 # comment` is 4096. Only blanks may follow a number: it refuses
    `4096#` and `4k`.
    """
    if SHAPES.get(key) == "ports":
        return _format_written_ports(text)
    held = None if live is None else parse_integers(normalize(live))
    count = _COUNTS.get(SHAPES.get(key, "")) or len(held or ())
    if not count:
        return normalize(text)
    numbers = _parse_kernel_numbers(_KERNEL_BLANKS.split(text.strip(BLANKS))[:count])
    if numbers is None or any(not _is_in_range(key, number) for number in numbers):
        return None
    if len(numbers) < count:
        if held is None or len(held) != count:
            return None
        numbers += held[len(numbers):]
    if SHAPES.get(key) == "port_range" and not numbers[0] <= numbers[1] <= _LARGEST_PORT:
        return None
    return " ".join(map(str, numbers))


def _parse_kernel_numbers(words: list[str]) -> list[int] | None:
    """The numbers of some words; None where the kernel refuses one of them."""
    numbers = [number for number in map(_parse_kernel_number, words) if number is not None]
    return numbers if len(numbers) == len(words) else None


def _parse_kernel_number(word: str) -> int | None:
    found = _KERNEL_NUMBER.fullmatch(word)
    if not found or len(word) > 20:
        return None
    sign, base16, base8, base10 = found.groups()
    number = int(base16, 16) if base16 else int(base10) if base10 else int(base8 or "0", 8)
    return -number if sign else number


def _is_in_range(key: str, number: int) -> bool:
    if key not in SHAPES:
        return -_LONG - 1 <= number <= _LONG
    return 0 <= number <= (_LONG if key in _LONGS else _INT)


def _format_written_ports(text: str) -> str | None:
    """A list of ports has no blanks at all, may end in a comma, and is printed in order."""
    if not text.strip(BLANKS):
        return ""
    ranges = []
    for part in (text[:-1] if text.endswith(",") else text).split(","):
        pair = _parse_kernel_numbers(part.split("-"))
        if pair is None or len(pair) > 2 or not 0 <= pair[0] <= pair[-1] <= _LARGEST_PORT:
            return None
        ranges.append((pair[0], pair[-1]))
    return format_ports(ranges)


def build_entries(profile: dict[str, Any]) -> tuple[list[Entry], list[str]]:
    """The entries of a profile and the errors of it: `([Entry, ...], [sentence, ...])`."""
    found, errors = [], []
    paths: dict[str, str] = {}
    for name, given in profile.items():
        entry, error = _parse_entry(str(name), given)
        if entry is None:
            errors.append(error)
            continue
        if entry.path in paths:
            errors.append(f"{paths[entry.path]} and {name} are the same kernel parameter: give it once")
            continue
        paths[entry.path] = str(name)
        found.append(entry)
    return found, errors


def _parse_entry(name: str, given: Any) -> tuple[Entry | None, str]:
    if not KEY.fullmatch(name):
        return (
            None,
            (
                f"{name!r} is not a name of a kernel parameter: expected one like net.core.somaxconn, without blanks, "
                "'..' or a leading '/'"
            ),
        )
    options = given if isinstance(given, dict) else {"value": given}
    unknown = sorted(set(options) - {"value", "policy", "source"})
    if unknown or "value" not in options:
        return None, f"{name}: found the keys {sorted(options)}, expected value and, if needed, policy and source"
    policy, value = options.get("policy") or "exact", options["value"]
    if policy not in POLICIES:
        return None, f"{name}: the policy {policy!r} is not known, expected one of {', '.join(POLICIES)}"
    if isinstance(value, bool) or not isinstance(value, (int, str, list, tuple)):
        return (
            None,
            f"{name}: found {value!r}, expected a number or text (a bare yes or no is a boolean in YAML: write 1 or "
            "0)",
        )
    if isinstance(value, str) and len(value.splitlines()) > 1:
        return None, f"{name}: the value has more than one line"
    path = get_path(name)
    key = get_key(path)
    text = normalize(" ".join(str(item) for item in value) if isinstance(value, (list, tuple)) else value)
    error = find_shape_error(key, text) or find_policy_error(policy, text)
    return (
        (None, f"{key}: {error}")
        if error
        else (Entry(key, path, text, policy, str(options.get("source") or "")), "")
    )


def find_shape_error(key: str, text: str) -> str:
    """What is wrong with the shape of a value of a known parameter; empty where nothing is."""
    shape = SHAPES.get(key)
    if shape == "ports":
        return _find_ports_error(text)
    if not text:
        return "the value is empty"
    numbers = parse_integers(text)
    if shape == "integer" and (numbers is None or len(numbers) != 1 or not 0 <= numbers[0] <= _LONG):
        return f"found {text!r}, expected one whole number, 0 or more"
    if shape == "triple" and (
        numbers is None or len(numbers) != 3 or numbers != sorted(numbers) or not 0 <= numbers[0] <= numbers[2] <= _LONG
    ):
        return f"found {text!r}, expected three whole numbers (least, default, most), none smaller than the one before"
    if shape == "port_range" and (
        numbers is None or len(numbers) != 2 or not 1 <= numbers[0] < numbers[1] <= _LARGEST_PORT
    ):
        return f"found {text!r}, expected two ports, the lower one first, from 1 to {_LARGEST_PORT}"
    return ""


def _find_ports_error(text: str) -> str:
    if text and not _PORTS.fullmatch(text):
        return f"found {text!r}, expected ports and ranges of ports between commas, like 4430,8000-8003"
    for low, high in _parse_ranges(text):
        if not 1 <= low <= high <= _LARGEST_PORT:
            return f"found the range {low}-{high}, expected ports from 1 to {_LARGEST_PORT}, the lower one first"
    return ""


def find_policy_error(policy: str, text: str) -> str:
    """What is wrong with a policy for a value; empty where nothing is."""
    numbers = parse_integers(text)
    if policy in ("at_least", "at_most") and numbers is None:
        return f"the policy {policy} compares numbers, found {text!r}"
    if policy == "range" and (numbers is None or len(numbers) != 2):
        return f"the policy range is for two numbers, found {text!r}"
    return _find_ports_error(text) if policy == "union" else ""


def parse_integers(text: str) -> list[int] | None:
    """The numbers of a value, or None where it is not made of whole numbers."""
    words = split_words(text)
    return (
        [int(word) for word in words]
        if words and all(_INTEGER.fullmatch(word) and len(word) <= 20 for word in words)
        else None
    )


def merge(policy: str, base: str, desired: str) -> str:
    """What should hold where `base` holds now and `desired` is requested under a policy.

    Merging twice gives what merging once gives, and a result equal to `base` means that `base` is good enough.
    A `base` that cannot be compared (see `is_comparable`) is kept: nobody knows whether it is better.
    """
    base, desired = normalize(base), normalize(desired)
    if policy == "union":
        return _merge_ports(base, desired)
    if policy == "leave":
        return base
    if policy == "exact":
        return desired
    have, want = parse_integers(base), parse_integers(desired)
    if have is None or want is None or len(have) != len(want):
        return base
    if policy == "range":
        return f"{min(have[0], want[0])} {max(have[1], want[1])}"
    best = max if policy == "at_least" else min
    return " ".join(str(best(pair)) for pair in zip(have, want))


def is_comparable(policy: str, base: str, desired: str) -> bool:
    """Whether a policy can compare two values: both are numbers, and as many, or both are lists of ports."""
    if policy in ("exact", "leave"):
        return True
    if policy == "union":
        return not _find_ports_error(normalize(base))
    have, want = parse_integers(normalize(base)), parse_integers(normalize(desired))
    return have is not None and want is not None and len(have) == len(want)


def means_same(key: str, one: str, other: str) -> bool:
    """Whether two values mean the same: the kernel sorts and joins the ranges of a list of ports."""
    one, other = normalize(one), normalize(other)
    if SHAPES.get(key) == "ports" and not (_find_ports_error(one) or _find_ports_error(other)):
        return format_ports(_parse_ranges(one)) == format_ports(_parse_ranges(other))
    return one == other


def _merge_ports(base: str, desired: str) -> str:
    if _find_ports_error(base):
        return base
    merged = format_ports(_parse_ranges(base) + _parse_ranges(desired))
    return base if merged == format_ports(_parse_ranges(base)) else merged


def _parse_ranges(text: str) -> list[tuple[int, int]]:
    pairs = (part.partition("-") for part in text.split(",") if part)
    return [(int(low), int(high or low)) for low, _dash, high in pairs]


def format_ports(ranges: list[tuple[int, int]]) -> str:
    """Ranges of ports as the kernel prints them: sorted, neighbours joined, `4430,8000-8003`."""
    joined: list[list[int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in joined)


def parse_version(release: str) -> tuple[int, int]:
    """The first two numbers of a kernel release: `6.1.0-13-amd64` is `(6, 1)`; `(0, 0)` where it reports none."""
    match = re.match(r"([0-9]{1,9})\.([0-9]{1,9})", release or "")
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def find_removal_reason(key: str, release: str) -> str:
    """Why a kernel of this release cannot have a parameter any more; empty where it can."""
    since, why = REMOVED.get(key, (None, ""))
    return why if since and parse_version(release) >= since else ""
