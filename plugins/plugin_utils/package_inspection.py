# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All about a package on the controller: where it is, what is in it, and what would prevent it from starting."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..module_utils.application import cluster
from ..module_utils.configuration import shared as shared_settings
from ..module_utils.configuration import xitrum_conf as package_config
from ..module_utils.core import local_files as package_files
from ..module_utils.core.plan import BlockingError, make_rule_errors
from ..module_utils.package import contents as package
from ..module_utils.package import java as package_java
from ..module_utils.package import main_class as package_main
from ..module_utils.package import source as package_source
from ..module_utils.source_tree import build as package_build

SPEC: dict[str, Any] = {
    "source": {"type": "str", "required": True},
    "sha256": {"type": "str"},
    "headers": {"type": "dict", "no_log": True},
    "timeout": {"type": "int", "default": 30},
    "validate_certs": {"type": "bool", "default": True},
    "cache": {"type": "path", "default": "~/.cache/xitrum.host"},
    "main_class": {"type": "str", "default": ""},
    "build": {
        "type": "dict",
        "options": {
            "command": {"type": "str", "required": True}, "directory": {"type": "path", "required": True},
            "code": {"type": "int", "required": True}, "output": {"type": "str", "default": ""},
        },
    },
}

#: What is returned of a package that cannot be read, without its errors.
NOTHING: dict[str, Any] = {
    "folder": "", "release": "", "manifest": [], "files": 0, "bytes": 0, "examples": [], "session_settings": {},
    "main_class": "", **package_java.summarize_scans({}),
}


def read_package(desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the package is, with its `errors`, from the options of `SPEC`. Raises OSError where the cache cannot
    be used."""
    cache = os.path.abspath(desired["cache"])
    failed = package_build.build_errors(**desired["build"]) if desired["build"] else []
    if failed:
        # What lies there is of an earlier build.
        return {**NOTHING, **make_error_facts(make_rule_errors("package.build", failed))}
    try:
        folder = package_source.obtain(
            desired["source"], desired["sha256"], desired["headers"], cache, desired["timeout"],
            desired["validate_certs"], package_build.render_hint)
        return inspect_package(folder, desired["main_class"], cache)
    except package_source.SourceError as error:
        return {**NOTHING, **make_error_facts(make_rule_errors(error.rule, [str(error)]))}


def inspect_package(folder: str, main_class: str, cache: str) -> dict[str, Any]:
    """Everything about the package in a folder."""
    manifest, unfit = package.build_manifest(folder) if package_files.is_package(folder) else ([], [])
    errors = make_rule_errors("package.files", unfit)
    errors += make_rule_errors("package.layout", package.find_layout_errors(folder, manifest))
    errors += make_rule_errors("package.config", package_config.find_config_errors(folder) if manifest else [])
    settings = package_config.read_package_settings(folder)
    unsafe = cluster.find_package_errors(settings, f"{folder}/config/application.conf") if settings else []
    errors += make_rule_errors("package.cluster-config", unsafe)
    jars = package.filter_jars(manifest)
    scans, jar_errors = package_java.examine(folder, jars, main_class, cache)
    chosen, main_errors = main_class, list[str]()
    if jars and not main_class:
        found = package_java.list_main_classes(scans)
        chosen, main_errors = package_main.choose_main_class(found, folder)
        if not found:
            # The template's is searched for as if it were given.
            scans, jar_errors = package_java.examine(folder, jars, chosen, cache)
    java = package_java.summarize_scans(scans, chosen)
    main_errors += package_java.find_main_class_errors(folder, jars, chosen, java["main_class_jar"]) if chosen else []
    return {
        "folder": folder,
        "release": package.compute_release_id(manifest) if manifest else "",
        "manifest": manifest,
        "files": len(manifest),
        "bytes": package.sum_bytes(manifest),
        "examples": package_config.find_examples(folder),
        "session_settings": shared_settings.read_package_settings(lambda path: package_config.read_text(folder, path))
        or {},
        "main_class": chosen,
        **java,
        **make_error_facts(
            [
                *errors,
                *make_rule_errors("package.jars", jar_errors),
                *make_rule_errors("package.main-class", main_errors),
            ]
        ),
    }


def make_error_facts(errors: list[str]) -> dict[str, Any]:
    """The errors, and the rule that each of them breaks, as the module returns them. They are two lists: Ansible hides
    secrets in the values of a dictionary, and not in its keys."""
    return {"errors": [str(error) for error in errors],
            "rules": [error.rule for error in errors if isinstance(error, BlockingError)]}
