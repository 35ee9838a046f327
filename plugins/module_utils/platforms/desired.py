# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired source tree of each platform: options of the module source_tree, from the variables of its role. Pure.

`values` are the role's variables, name to value, which `rules` has found right. `tree` is what the module
source_tree returned of the tree as it is.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Callable, Dict

from ..jdk import jvm

Values = Dict[str, Any]
#: Renders a template of the role: its name and the variables that it has in addition to the role's.
Render = Callable[[str, Values], str]

#: The settings that hold keys, and the variables of the environment that override them. Typesafe Config from 1.3.4 on
#: can be set to read variables of these names by itself; the line in config/xitrum.conf works in all versions.
KEY_VARIABLES = {
    "xitrum.session.secureKey": "CONFIG_FORCE_xitrum_session_secureKey",
    "xitrum.metrics.apiKey": "CONFIG_FORCE_xitrum_metrics_apiKey",
}
#: The platform's router ends TLS, and forwards one port alone.
UNUSED_SETTINGS = ["xitrum.port.https", "xitrum.port.flashSocketPolicy"]

#: In each file that is written as a whole.
OPENSHIFT_MARK = "Written by xitrum.host (role openshift). A file with this line is replaced by its next run."
#: The files of each layout of OpenShift: template and path. FOLDER is openshift_manifest_dir.
CLUSTER_FILES = {
    "Containerfile": "@APP@/Containerfile",
    "configmap.yaml": "FOLDER/configmap.yaml",
    "deployment.yaml": "FOLDER/deployment.yaml",
    "service.yaml": "FOLDER/service.yaml",
}
EXPOSE_FILES = {
    "route": {"route.yaml": "FOLDER/route.yaml"},
    "ingress": {"ingress.yaml": "FOLDER/ingress.yaml"},
    "none": {},
}
DIY_FILES = {
    "lib.sh": ".openshift/lib.sh",
    "build": ".openshift/action_hooks/build",
    "start": ".openshift/action_hooks/start",
    "stop": ".openshift/action_hooks/stop",
    "index.html": "static/index.html",
    "": "fakehome/.gitkeep",
}
EXECUTABLE = ("build", "start", "stop")


@dataclass(frozen=True)
class Desired:
    """What a platform needs of a tree: `options` of the module source_tree, what the report needs to know (`settings`,
    see `notes`), and the words of the command that follows the application's log."""

    options: Values
    settings: Values
    logs_command: list[str]


def to_int(value: Any) -> int:
    """Return a number that Ansible takes for a whole one, such as `"17"` or `"17.0"`."""
    return int(float(value))


#: The options that are the same for every platform.
COMMON_OPTIONS = {"disabled_settings": UNUSED_SETTINGS, "variables": KEY_VARIABLES, "console": True}


def build_heroku(values: Values, tree: Values, render: Render) -> Desired:
    """Return what Heroku needs. Raises ValueError for JVM options that its Java does not take."""
    del render
    java = to_int(values["heroku_java_version"]) or tree["java"] or 17
    remote = values["heroku_push_remote"]
    # A command of Heroku's takes the name of a remote, and no URL.
    remote = remote if remote and "://" not in remote else "heroku"
    environment = jvm.build_options_environment(java, str(values["heroku_heap"]), list(values["heroku_java_options"]))
    words = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    entries = [
        {
            "path": "@BUILD@/Procfile", "kind": "procfile",
            "values": {"web": " ".join([*words, "@BUILD_PACKAGE@/@RUNNER@", "@MAIN_CLASS@"])},
        },
        # Heroku writes Java 8 as the JDK does.
        {
            "path": "@BUILD@/system.properties", "kind": "properties",
            "values": {"java.runtime.version": "1.8" if java == 8 else str(java)},
        },
    ]
    options = {
        **COMMON_OPTIONS,
        "main_class": values["heroku_main_class"],
        "keep_files": values["heroku_keep_files"],
        "builds_top": True,
        "entries": entries,
        "settings": {"xitrum.port.http": "${PORT}"},
        # What Heroku's buildpack for Scala runs.
        "aliases": {"stage": ";@TASK@"},
    }
    settings = {"java_version": to_int(values["heroku_java_version"]), "remote": remote}
    return Desired(options, settings, ["heroku", "logs", "--tail", "--remote", remote])


def build_openshift(values: Values, tree: Values, render: Render) -> Desired:
    """Return what OpenShift or Kubernetes needs. Raises ValueError for JVM options that its Java does not take."""
    layouts = values["openshift_layouts"]
    # -e openshift_layouts=diy is a text.
    layouts = layouts.split(",") if isinstance(layouts, str) else layouts
    name = values["openshift_name"] or tree["name"]
    secret = values["openshift_secret"] or name
    app = {"mark": OPENSHIFT_MARK, "name": name, "secret": secret, **build_openshift_environments(values, layouts)}
    cluster = {**CLUSTER_FILES, **EXPOSE_FILES[values["openshift_expose"]]} if "kubernetes" in layouts else {}
    desired = {**cluster, **(DIY_FILES if "diy" in layouts else {})}
    every = {**CLUSTER_FILES, **EXPOSE_FILES["route"], **EXPOSE_FILES["ingress"], **DIY_FILES}

    def make_path(template: str) -> str:
        path = every[template]
        return f"{values['openshift_manifest_dir']}{path[len('FOLDER'):]}" if path.startswith("FOLDER/") else path

    options = {
        **COMMON_OPTIONS,
        "main_class": values["openshift_main_class"],
        "keep_files": values["openshift_keep_files"],
        "files": [
            {
                "path": make_path(template),
                "content": render(f"{template}.j2", {"app": app}) if template else "",
                "mode": "0755" if template in EXECUTABLE else "0644",
            }
            for template in every
            if template in desired
        ],
        "absent": [make_path(template) for template in every if template not in desired],
        "settings": {
            "xitrum.interface": "${OPENSHIFT_DIY_IP}",
            "xitrum.port.http": "${OPENSHIFT_DIY_PORT}",
        } if "diy" in layouts else {},
    }
    settings = {"name": name, "chosen": bool(values["openshift_name"]), "secret": secret, "layouts": layouts}
    return Desired(options, settings, ["oc", "logs", "--follow", f"deployment/{name}"])


def build_openshift_environments(values: Values, layouts: list[str]) -> Values:
    """Return `environment`, of which JDK_JAVA_OPTIONS belongs to the image's JDK, and `pod_environment`, of which the
    rest belongs to the cluster."""
    java, heap = to_int(values["openshift_java_version"]), str(values["openshift_heap"])
    own = list(values["openshift_java_options"])
    trusted = values["openshift_trusted_proxies"]
    options = [
        f"-Dxitrum.port.http={values['openshift_port']}",
        # The Secret's values come as environment variables.
        "-Dconfig.override_with_env_vars=true",
        *(["-Dxitrum.interface=0.0.0.0"] if "diy" in layouts else []),
        *(["-Dxitrum.reverseProxy.baseUrl=", "-Dxitrum.reverseProxy.proxyProtocol=false"] if trusted else []),
        *(f"-Dxitrum.reverseProxy.ips.{number}={address}" for number, address in enumerate(trusted)),
    ]
    return {
        "environment": jvm.build_options_environment(java, heap, own),
        "pod_environment": jvm.build_options_environment(java, heap, own + options),
    }


#: Role to the function of its desired tree.
PLATFORMS: dict[str, Callable[[Values, Values, Render], Desired]] = {
    "heroku": build_heroku,
    "openshift": build_openshift,
}
