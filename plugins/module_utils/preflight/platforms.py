# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates the variables of the roles heroku and openshift, so that one run reports every error. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..core import input_types
from ..core.untrusted_text import make_printable
from ..jdk import jvm
from .catalog import Error, make_errors

#: The types of the roles' argument specifications in words.
EXPECTED = {"int": "a whole number", "bool": "true or false", "str": "a text", "list": "a list", "dict": "a dictionary"}
#: Lists whose items may have commas in them: Ansible would take a text for several items.
_NO_TEXT = ("java_options", "trusted_proxies")
#: The least that a number may be, and the most.
_RANGES = {
    "java_version": (8, 99),
    "port": (1, 65535),
    "replicas": (0, 10000),
    "memory_mib": (1, 1 << 24),
    "start_timeout": (1, 86400),
    "stop_timeout": (1, 86400),
    "drain_seconds": (0, 86400),
    "idle_timeout": (1, 1 << 31),
    "logs_seconds": (0, 86400),
}


def find_errors(prefix: str, options: dict[str, Any], values: Mapping[str, Any]) -> list[Error]:
    """Return an error for each value that is wrong.

    `options` maps a name to its specification, and `values` a name to its value, of what is set.
    """
    wrong = {name: find_value_error(prefix, name, option, values) for name, option in options.items()}
    errors = list(make_errors("platform.value", wrong.values()))

    def is_good(*parts: str) -> bool:
        return all(f"{prefix}_{part}" in values and not wrong.get(f"{prefix}_{part}") for part in parts)

    if is_good("heap", "java_options", "java_version"):
        java = convert_to_whole(values[f"{prefix}_java_version"]) or 17
        found = find_option_errors(java, values[f"{prefix}_heap"], values[f"{prefix}_java_options"])
        errors += make_errors("platform.java-options", found)
    if prefix == "openshift" and is_good("layouts"):
        errors += find_cluster_errors(values, is_good)
    return errors


def find_value_error(prefix: str, name: str, option: dict[str, Any], values: Mapping[str, Any]) -> str:
    """Return what is wrong with one value alone; empty where nothing is."""
    value, part = values.get(name), name[len(prefix) + 1:]
    if value is None and not option.get("required"):
        return ""
    if value is None or value == "" and option.get("required"):
        return f"{name} is not set: expected the folder of the application's source tree. Set it with -e {name}=FOLDER"
    if part == "heap" and not jvm.HEAP.fullmatch(str(value)):
        return f"{name} is {make_printable(repr(value))}: expected a size as -Xmx takes it, such as 512m or 2g"
    if option.get("type") == "list" and isinstance(value, str) and part in _NO_TEXT:
        return f"{name} is a text: expected a list. On the command line: -e '{json.dumps({name: ['ITEM', 'ITEM']})}'"
    judged = {key: item for key, item in option.items() if key not in ("default", "required", "no_log")}
    if ArgumentSpecValidator({name: judged}).validate({name: value}).error_messages:
        choices = f"one of {', '.join(option['choices'])}" if "choices" in option else ""
        expected = choices or EXPECTED[option.get("type", "str")]
        found = "has a value that does not fit" if option.get("no_log") else f"is {make_printable(repr(value))}"
        return f"{name} {found}: expected {expected}"
    return find_range_error(name, convert_to_whole(value), *_RANGES[part]) if part in _RANGES else ""


def convert_to_whole(value: Any) -> int:
    """Return a number that Ansible takes for a whole one, such as `"17"` or `"17.0"`."""
    return int(float(value))


def find_range_error(name: str, number: int, least: int, most: int) -> str:
    """Return a sentence where a number is out of its range. 0 lets heroku choose the version of Java."""
    if least <= number <= most or (name, number) == ("heroku_java_version", 0):
        return ""
    return f"{name} is {number}: expected a whole number from {least} to {most}"


def find_option_errors(java: int, heap: Any, options: Any) -> list[str]:
    """Return what keeps these options from a JVM of this major version."""
    try:
        jvm.build_options_environment(java, str(heap), list(options))
    except ValueError as error:
        return str(error).splitlines()
    return []


def find_cluster_errors(values: Mapping[str, Any], good: Callable[..., bool]) -> Iterator[Error]:
    """Yield what the layouts of OpenShift need.

    `good(part, ...)` is whether these variables have values that are right by themselves.
    """
    layouts = values["openshift_layouts"]
    layouts = layouts.split(",") if isinstance(layouts, str) else layouts
    names = [name for name in ("openshift_name", "openshift_secret") if values.get(name)]
    wrong = [input_types.find_error(name, values[name], "kubernetes") for name in names]
    yield from make_errors("openshift.name", wrong)
    if "kubernetes" not in layouts:
        return
    if not values.get("openshift_image"):
        yield Error(
            "openshift.image",
            "openshift_image is empty: expected the image that the Deployment runs, as the cluster pulls it, with a "
            "tag. Set it, or write the DIY cartridge's hooks alone with -e openshift_layouts=diy",
        )
    if good("heap", "memory_mib"):
        needed = compute_needed_mib(str(values["openshift_heap"]))
        memory = convert_to_whole(values["openshift_memory_mib"])
        if memory < needed:
            yield Error(
                "openshift.memory",
                f"openshift_memory_mib is {memory} (MiB): expected {needed} or more, which a heap of "
                f"{values['openshift_heap']} needs, or the cluster kills the pod. Raise it, or lower openshift_heap",
            )


def compute_needed_mib(heap: str) -> int:
    """Return the memory of a pod in MiB for a heap.

    Measured at a heap of 512 MB: up to 430 MB resident, and what metaspace, threads and buffers may grow to.
    """
    return math.ceil(jvm.parse_heap(heap) / (1 << 20) * 1.25 + 128)


def find_tree_errors(prefix: str, values: Mapping[str, Any], tree: dict[str, Any]) -> list[Error]:
    """Return errors as `find_errors`, for what only the tree shows: what the module source_tree returned."""
    java, version = tree["java"], convert_to_whole(values.get(f"{prefix}_java_version") or 0)
    errors: list[Error] = []
    if prefix == "heroku" and java and version > java:
        message = (
            f"heroku_java_version is {version}, and sbt {tree['sbt']} (project/build.properties) runs on Java {java} "
            f"alone: expected {java}, or sbt 0.13.17 or newer"
        )
        errors.append(Error("heroku.java-for-sbt", message))
    if prefix == "heroku" and java and not version:
        found = find_option_errors(java, values["heroku_heap"], values["heroku_java_options"])
        errors += make_errors("platform.java-options", found)
    if prefix == "openshift" and not values.get("openshift_name") and not tree["name"]:
        message = (
            "openshift_name is not set, and neither build.sbt nor the folder has a name that Kubernetes takes: "
            f"expected {input_types.EXPECTED['kubernetes']}. Set openshift_name"
        )
        errors.append(Error("openshift.name-missing", message))
    return errors
