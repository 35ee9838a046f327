# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired release and instances of an application, and what it takes of a host. Pure but for templates and files,
which a `Controller` reads."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .inputs import PACKAGE, Controller, Inputs

#: The files of an instance that hold its own certificate and key.
CERTIFICATE, KEY = "config/certificate.pem", "config/key.pem"


def build_claims(inputs: Inputs) -> dict[str, Any]:
    """Return what the application takes of a host, and what of it may be there already (`adopt`)."""
    return {
        "name": inputs["xitrum_name"],
        "root": inputs["xitrum_root"],
        "log_dir": inputs["xitrum_log_dir"],
        "user": inputs["xitrum_user"],
        "ports": inputs.instance_ports,
        "adopt": list(inputs["xitrum_adopt"]),
    }


def build_machine(inputs: Inputs) -> dict[str, Any]:
    """Return the options of `machine`: what the host must be able to take, found out before anything is changed."""
    if not inputs.is_application:
        return {}
    package = inputs[PACKAGE]
    return {
        **build_claims(inputs),
        "release_folder": f"{inputs['xitrum_root']}/releases",
        "release": package["release"],
        "needed_bytes": int(package["bytes"]),
        "interface": inputs.get_text("xitrum_interface"),
        "interface_ports": inputs.list_ports("xitrum_http_port") + inputs.https_ports,
        "own_roots": [inputs["xitrum_root"]],
        "instances": inputs.places,
        "heap_bytes": inputs.get_size("xitrum_heap"),
        "supervisor": inputs["xitrum_supervisor"],
        "proxies": bool(inputs.group("xitrum_proxy")),
    }


def build_release(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `release`."""
    return {
        "root": inputs["xitrum_root"],
        "release": inputs[PACKAGE]["release"],
        "keep": inputs.get_number("xitrum_keep_releases"),
        "group": inputs["xitrum_user"],
    }


def build_restarts(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `restarts`: what a running instance takes on only when it starts."""
    return {
        "root": inputs["xitrum_root"],
        "user": inputs["xitrum_user"],
        "http_port": inputs.get_number("xitrum_http_port"),
        "nofile": inputs.get_number("xitrum_nofile"),
    }


def build_runtime(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `runtime`, for which no package has to be known."""
    return {
        "name": inputs["xitrum_name"],
        "root": inputs["xitrum_root"],
        "user": inputs["xitrum_user"],
        "supervisor": inputs["xitrum_supervisor"],
        "instances": 1 if inputs.slots else inputs.get_number("xitrum_instances"),
        "slots": inputs.slots,
        "http_port": inputs.get_number("xitrum_http_port"),
        "health_path": inputs["xitrum_health_path"],
        "health_status": inputs.get_number("xitrum_health_status"),
        "health_text": inputs.get_text("xitrum_health_text"),
        "seconds": inputs.get_number("xitrum_lock_seconds"),
    }


def build_past_runs(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `past_runs`."""
    return {
        "name": inputs["xitrum_name"],
        "log_dir": inputs["xitrum_log_dir"],
        "seconds": inputs.get_number("xitrum_lock_seconds"),
    }


def build_layout(inputs: Inputs, controller: Controller) -> dict[str, Any]:
    """Return the options of the module `instances`: the folders and files of the instances."""
    package = inputs[PACKAGE]
    return {
        "root": inputs["xitrum_root"],
        "log_dir": inputs["xitrum_log_dir"],
        "user": inputs["xitrum_user"],
        "release": package["release"],
        "main_class": package["main_class"],
        "heap": inputs["xitrum_heap"],
        "java_options": list(inputs["xitrum_java_options"]),
        "nofile": inputs.get_number("xitrum_nofile"),
        "instances": [build_instance(inputs, index, controller) for index in inputs.indices],
    }


def build_instances(inputs: Inputs, controller: Controller, service_digest: str) -> dict[str, Any]:
    """Return the options of the component `instances`. service_digest: of the supervisor's definition."""
    package = inputs[PACKAGE]
    # At the end of a run the page counts in any case.
    unhealthy_allowed = inputs.get_flag("xitrum_health_path_is_new") and not inputs.verify
    return {
        **build_layout(inputs, controller),
        "interface": inputs.get_text("xitrum_interface"),
        "name": inputs["xitrum_name"],
        "supervisor": inputs["xitrum_supervisor"],
        "package_settings": package.get("session_settings") or {},
        "service_digest": service_digest,
        "verify": inputs.verify,
        "health_path": "" if unhealthy_allowed else inputs["xitrum_health_path"],
        # A rollback, whose package is not a folder here, leaves what may be the fault of the release that runs.
        "health_required": bool(package.get("folder")),
        "health_status": inputs.get_number("xitrum_health_status"),
        "health_text": inputs["xitrum_health_text"],
        "health_timeout": inputs.get_number("xitrum_health_timeout"),
    }


def build_instance(inputs: Inputs, index: int, controller: Controller) -> dict[str, Any]:
    """Return one instance with the texts of its files."""
    values: dict[str, Any] = {"instance": index, "https": inputs.https}
    files = {"config/xitrum.conf": controller.render("application", "xitrum.conf", values)}
    if inputs.get_flag("xitrum_cluster"):
        member = next((item for item in inputs.cluster.members if item.host == inputs.host), None)
        if member is None:
            raise ValueError(f"{inputs.host} is not a member of the cluster: put it into the inventory's group xitrum")
        values = {"instance": index, "member": asdict(member), "seeds": list(inputs.cluster.seeds)}
        files["config/akka.conf"] = controller.render("application", "akka.conf", values)
    if inputs.https:
        files[CERTIFICATE] = controller.read(inputs["xitrum_tls_certificate"])
        files[KEY] = controller.read(inputs["xitrum_tls_key"])
    return {"index": index, "port": inputs.get_number("xitrum_http_port") + index, "files": files}


def build_certificates(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the certificates of the instances, as the component `certificates` takes them."""
    if not inputs.https:
        return []
    return [
        {
            "path": f"{inputs['xitrum_root']}/instances/{index}/current/{CERTIFICATE}",
            "port": inputs.get_number("xitrum_https_port") + index,
            "listen": [inputs.get_text("xitrum_interface") or "*"],
        }
        for index in inputs.indices
    ]
