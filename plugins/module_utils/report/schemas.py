# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON that `status.yml`, `check.yml` and `history.yml` give to programs, and the data of `xitrum_after_run`, as
schemas of JSON Schema. They are published in `docs/reference`.

A field that is added keeps the version; one that is removed, renamed, or gets another meaning raises it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: The version of each document, in their field `schema_version`.
VERSION = 1

#: The states of an instance, the worst first.
STATES = ("down", "unhealthy", "unknown", "orphaned", "stopped", "idle", "running")

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_text(description: str, *values: str) -> dict[str, Any]:
    """A text, of these values where some are given."""
    return {"type": "string", "description": description, **({"enum": list(values)} if values else {})}


def make_number(description: str) -> dict[str, Any]:
    """A whole number."""
    return {"type": "integer", "description": description}


def make_flag(description: str) -> dict[str, Any]:
    """True or false."""
    return {"type": "boolean", "description": description}


def allow_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A value, or null where no host reports it."""
    return {**schema, "type": [schema["type"], "null"]}


def record(description: str, fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An object with all of these fields, and perhaps with later ones."""
    return {"type": "object", "description": description, "properties": dict(fields), "required": list(fields)}


def make_list(items: Mapping[str, Any], description: str) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "description": description, "items": items}


_VERSION = {"const": VERSION, "description": "The version of this schema."}

_LOCK = record(
    "The run that has locked the host; null where none has.",
    {
        "user": make_text("Who started the run."),
        "host": make_text("The controller that it runs on."),
        "since": make_text("When it took the lock, in UTC as ISO 8601."),
    },
)

_HOST = record(
    "A host of the inventory.",
    {
        "name": make_text("Its name in the inventory."),
        "roles": make_list(make_text("A role of the host.", "application", "proxy"), "What the inventory has it for."),
        "state": make_text("Whether it was read.", "read", "unreachable", "failed"),
        "error": make_text("Why it was not read; empty where it was."),
        "lock": allow_null(_LOCK),
        "lock_error": make_text("Why its lock cannot be read; empty where it can."),
        "unfinished": make_flag("Whether a run ended early there."),
    },
)

_STOP = record(
    "Who stopped the instance by `stop.yml`; null where nobody did.",
    {
        "user": make_text("The operator."),
        "host": make_text("The operator's machine."),
        "since": make_text("When, in UTC as ISO 8601."),
    },
)

_VIEW = record(
    "What one proxy thinks of the instance.",
    {
        "name": make_text("The proxy's name in the inventory."),
        "status": make_text("The proxy's own word, or `drain` or `maint` where the server is set to that."),
        "serving": make_flag("Whether the proxy sends it requests."),
    },
)

_INSTANCE = record(
    "An instance of the application.",
    {
        "name": make_text("HOST-NUMBER."),
        "host": make_text("Its host."),
        "index": make_number("Its number on the host."),
        "port": allow_null(make_number("Its HTTP port.")),
        "state": make_text(
            "`running` serves; `unhealthy` runs, and its health page does not answer as desired; `down` is to run and "
            "does not; `stopped` is stopped by an operator; "
            "`idle` is the slot that is not active; `orphaned` is none of the inventory; `unknown` is on a "
            "host that was not read.",
            *STATES,
        ),
        "release": allow_null(make_text("The release that runs; null where none does.")),
        "installed_release": allow_null(make_text("The release that its next start runs.")),
        "started": allow_null(make_text("When its process started, in UTC as ISO 8601.")),
        "uptime_seconds": allow_null(make_number("For how long its process has run.")),
        "health": make_text("What its health page shows.", "ok", "failing", "unknown"),
        "health_answer": allow_null(make_text("The HTTP status of its health page, or why there is none.")),
        "connections": allow_null(make_number("Established connections to its ports.")),
        "memory_bytes": allow_null(make_number("The resident memory of its process.")),
        "restarts_last_day": allow_null(
            make_number("How often its supervisor restarted it by itself in the last 24 hours; null without a record.")
        ),
        "stopped_by_operator": allow_null(_STOP),
        "proxies": make_list(_VIEW, "The view of each proxy that was read."),
    },
)

_SERVER = record(
    "A server of a proxy.",
    {
        "name": make_text("Its name in the proxy; an instance's is HOST-NUMBER."),
        "backend": make_text("The backend that it is in; `xitrum` is that of the application."),
        "address": make_text("Where it leads."),
        "port": make_number("The port there."),
        "status": make_text("The proxy's own word, or `drain` or `maint` where it is set to that."),
        "serving": make_flag("Whether it gets requests."),
        "check": make_text("What the last health check found."),
        "connections": allow_null(
            make_number("Requests and tunnels that it has now; null where its proxy does not count them.")
        ),
    },
)

_PROXY = record(
    "A proxy.",
    {
        "name": make_text("Its name in the inventory."),
        "software": make_text("Its software."),
        "version": make_text("The version of the software."),
        "state": make_text("Whether it runs.", "running", "down", "not set up", "unknown"),
        "serving": make_flag("Whether it runs and has a healthy server."),
        "connections": allow_null(
            make_number(
                "Requests and tunnels of all servers of the application; null where the proxy does not count them."
            )
        ),
        "servers": make_list(_SERVER, "Its servers."),
    },
)

STATUS: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host status",
    **record(
        "What the fleet does now.",
        {
            "schema_version": _VERSION,
            "time": make_text("When the report was made, in UTC as ISO 8601."),
            "outcome": make_text("`down` serves nobody; `degraded` has errors.", "ok", "degraded", "down"),
            "errors": make_list(make_text("One error."), "What is wrong, a sentence each."),
            "hosts": make_list(_HOST, "The hosts, those that were not read first."),
            "instances": make_list(_INSTANCE, "The instances, the worst first."),
            "proxies": make_list(_PROXY, "The proxies, those that serve nobody first."),
        },
    ),
}

_FINDING = record(
    "One value of a host.",
    {
        "host": make_text("The host."),
        "component": make_text("The part of the host that it belongs to."),
        "item": make_text("What it is."),
        "desired": make_text("The value that the inventory requests."),
        "configured": make_text("The value in the host's files."),
        "effective": make_text("The value of the running process, kernel or socket."),
        "status": make_text("How the three compare."),
        "status_text": make_text("The status for a person."),
        "level": make_text("Whether it makes the check fail.", "drift", "note", "ok"),
        "why": make_text("The reason."),
        "fix": make_text("The command or the action that fixes it."),
        "commands": make_list(make_list(make_text("A word."), "A command."), "Commands of the host that fix it."),
    },
)

CHECK: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host check",
    **record(
        "Desired, configured and effective values of every host.",
        {
            "schema_version": _VERSION,
            "outcome": make_text(
                "`failed`: a host was not read. `invalid_input`: a variable was refused.",
                "in_sync", "drift", "failed", "invalid_input",
            ),
            "findings": make_list(_FINDING, "The values, those with drift first."),
        },
    ),
}


_PAST_HOST = record(
    "What the run did on one host, by the host's log of runs.",
    {
        "name": make_text("The host."),
        "outcome": make_text("How the run ended there, as the outcome of a run."),
        "release_from": allow_null(make_text("The release before; null where there was none.")),
        "release_to": allow_null(make_text("The release after, or the one that could not be installed.")),
        "started": make_text("When the run locked the host, in UTC as ISO 8601, by the host's clock."),
        "seconds": make_number("How long it had the lock."),
    },
)

_PAST_RUN = record(
    "A run that locked hosts.",
    {
        "run": make_text("The ID of the run; empty in a log of an earlier version."),
        "playbook": make_text("Its playbook; empty in a log of an earlier version."),
        "user": make_text("Who started it."),
        "controller": make_text("Where it was started."),
        "started": make_text("When it locked its first host, in UTC as ISO 8601."),
        "seconds": make_number("How long it had a lock, of the host that it had locked longest."),
        "outcome": make_text(
            "The worst of its hosts. `running`: it has a lock now. `died`: it was killed, or a host was lost. "
            "`stopped`: it ended before its last task. `failed`: its release did not become healthy. `incomplete`: "
            "changes were left. `done`, `maintained`, `removed`: it did what it was to do."
        ),
        "release_from": allow_null(make_text("The release before; null where there was none, or hosts differ.")),
        "release_to": allow_null(make_text("The release after; null where there is none, or hosts differ.")),
        "hosts": make_list(_PAST_HOST, "The hosts that it locked."),
    },
)

HISTORY: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host history",
    **record(
        "The runs that changed something.",
        {
            "schema_version": _VERSION,
            "time": make_text("When the report was made, in UTC as ISO 8601."),
            "outcome": make_text("Whether every host was read, or some, or none.", "complete", "partial", "failed"),
            "errors": make_list(
                make_text("One error."),
                "The hosts that were not read, or not completely: locks and lines of logs, a sentence each.",
            ),
            "runs": make_list(_PAST_RUN, "The runs, the newest last."),
        },
    ),
}


_RUN_HOST = record(
    "A host of the run.",
    {
        "outcome": make_text(
            "How the run ended there. `incomplete`: changes are left. `failed`: a task failed there.",
            "unchanged",
            "changed",
            "incomplete",
            "failed",
            "unreachable",
        ),
        "locked": make_flag("Whether the run had its lock: it was to change the application there."),
        "release_from": allow_null(
            make_text("The release before the run; null without a lock, or where there was none.")
        ),
        "release_to": allow_null(make_text("The release of the run; null without a lock, or where it has none.")),
    },
)

RUN: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host run",
    **record(
        "The outcome of a run, for the tasks of `xitrum_after_run`: the variable `xitrum_run`.",
        {
            "schema_version": _VERSION,
            "run": make_text("The ID of the run, as in the history."),
            "playbook": make_text("The playbook, such as `deploy`. Several of one command are joined with commas."),
            "outcome": make_text(
                "`interrupted`: Ctrl-C or another signal ended it. `failed`: it was refused, a task failed, or a host "
                "was lost. `incomplete`: changes are left. `nothing_to_do`: no host had to change.",
                "done", "nothing_to_do", "incomplete", "failed", "interrupted",
            ),
            "user": make_text("Who started it."),
            "controller": make_text("Where it was started."),
            "started": make_text("When it was started, in UTC as ISO 8601."),
            "seconds": make_number("How long it took."),
            "release_from": allow_null(make_text("The release before the run; null where locked hosts differ.")),
            "release_to": allow_null(make_text("The release of the run; null where locked hosts differ.")),
            "hosts": {
                "type": "object", "description": "The hosts of the run, by name.", "additionalProperties": _RUN_HOST,
            },
            "errors": make_list(make_text("One error; it may have several lines."), "Why it failed: at most 50 texts."),
        },
    ),
}


def list_field_names(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yields the name of each field in a schema, at any depth."""
    for name, field in schema.get("properties", {}).items():
        yield name
        yield from list_field_names(field)
    if "items" in schema:
        yield from list_field_names(schema["items"])


def list_paths(schema: Mapping[str, Any]) -> list[str]:
    """The lists of a document with the fields of their items, for a hint."""
    return [
        f"{name}[*].{{{', '.join(field['items']['properties'])}}}"
        for name, field in schema["properties"].items()
        if "properties" in field.get("items", {})
    ]
