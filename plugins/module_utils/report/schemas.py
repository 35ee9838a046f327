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


def text(description: str, *values: str) -> dict[str, Any]:
    """A text, of these values where some are given."""
    return {"type": "string", "description": description, **({"enum": list(values)} if values else {})}


def number(description: str) -> dict[str, Any]:
    """A whole number."""
    return {"type": "integer", "description": description}


def flag(description: str) -> dict[str, Any]:
    """True or false."""
    return {"type": "boolean", "description": description}


def unknown_or(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A value, or null where it is not known."""
    return {**schema, "type": [schema["type"], "null"]}


def record(description: str, fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An object with all of these fields, and perhaps with later ones."""
    return {"type": "object", "description": description, "properties": dict(fields), "required": list(fields)}


def many(items: Mapping[str, Any], description: str) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "description": description, "items": items}


_VERSION = {"const": VERSION, "description": "The version of this schema."}

_LOCK = record(
    "The run that has locked the host; null where none has.",
    {
        "user": text("Who started the run."),
        "host": text("The controller that it runs on."),
        "since": text("When it took the lock, in UTC as ISO 8601."),
    },
)

_HOST = record(
    "A host of the inventory.",
    {
        "name": text("Its name in the inventory."),
        "roles": many(text("A role of the host.", "application", "proxy"), "What the inventory has it for."),
        "state": text("Whether it was read.", "read", "unreachable", "failed"),
        "error": text("Why it was not read; empty where it was."),
        "lock": unknown_or(_LOCK),
        "lock_error": text("Why its lock cannot be read; empty where it can."),
        "unfinished": flag("Whether a run ended early there."),
    },
)

_STOP = record(
    "Who stopped the instance by `stop.yml`; null where nobody did.",
    {
        "user": text("The operator."),
        "host": text("The operator's machine."),
        "since": text("When, in UTC as ISO 8601."),
    },
)

_VIEW = record(
    "What one proxy thinks of the instance.",
    {
        "name": text("The proxy's name in the inventory."),
        "status": text("The proxy's own word, or `drain` or `maint` where the server is set to that."),
        "serving": flag("Whether the proxy sends it requests."),
    },
)

_INSTANCE = record(
    "An instance of the application.",
    {
        "name": text("HOST-NUMBER."),
        "host": text("Its host."),
        "index": number("Its number on the host."),
        "port": unknown_or(number("Its HTTP port.")),
        "state": text(
            "`running` serves; `unhealthy` runs, and its health page does not answer as desired; `down` is to run and "
            "does not; `stopped` is stopped by an operator; "
            "`idle` is the slot that is not active; `orphaned` is none of the inventory; `unknown` is on a "
            "host that was not read.",
            *STATES,
        ),
        "release": unknown_or(text("The release that runs; null where none does.")),
        "installed_release": unknown_or(text("The release that its next start runs.")),
        "started": unknown_or(text("When its process started, in UTC as ISO 8601.")),
        "uptime_seconds": unknown_or(number("For how long its process has run.")),
        "health": text("What its health page shows.", "ok", "failing", "unknown"),
        "health_answer": unknown_or(text("The HTTP status of its health page, or why there is none.")),
        "connections": unknown_or(number("Established connections to its ports.")),
        "memory_bytes": unknown_or(number("The resident memory of its process.")),
        "restarts_last_day": unknown_or(
            number("How often its supervisor restarted it by itself in the last 24 hours; null without a record.")
        ),
        "stopped_by_operator": unknown_or(_STOP),
        "proxies": many(_VIEW, "The view of each proxy that was read."),
    },
)

_SERVER = record(
    "A server of a proxy.",
    {
        "name": text("Its name in the proxy; an instance's is HOST-NUMBER."),
        "backend": text("The backend that it is in; `xitrum` is that of the application."),
        "address": text("Where it leads."),
        "port": number("The port there."),
        "status": text("The proxy's own word, or `drain` or `maint` where it is set to that."),
        "serving": flag("Whether it gets requests."),
        "check": text("What the last health check found."),
        "connections": unknown_or(
            number("Requests and tunnels that it has now; null where its proxy does not count them.")
        ),
    },
)

_PROXY = record(
    "A proxy.",
    {
        "name": text("Its name in the inventory."),
        "software": text("Its software."),
        "version": text("The version of the software."),
        "state": text("Whether it runs.", "running", "down", "not set up", "unknown"),
        "serving": flag("Whether it runs and has a healthy server."),
        "connections": unknown_or(
            number("Requests and tunnels of all servers of the application; null where the proxy does not count them.")
        ),
        "servers": many(_SERVER, "Its servers."),
    },
)

STATUS: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host status",
    **record(
        "What the fleet does now.",
        {
            "schema_version": _VERSION,
            "time": text("When the report was made, in UTC as ISO 8601."),
            "outcome": text("`down` serves nobody; `degraded` has errors.", "ok", "degraded", "down"),
            "errors": many(text("One error."), "What is wrong, a sentence each."),
            "hosts": many(_HOST, "The hosts, those that were not read first."),
            "instances": many(_INSTANCE, "The instances, the worst first."),
            "proxies": many(_PROXY, "The proxies, those that serve nobody first."),
        },
    ),
}

_FINDING = record(
    "One value of a host.",
    {
        "host": text("The host."),
        "component": text("The part of the host that it belongs to."),
        "item": text("What it is."),
        "desired": text("The value that the inventory requests."),
        "configured": text("The value in the host's files."),
        "effective": text("The value of the running process, kernel or socket."),
        "status": text("How the three compare."),
        "status_text": text("The status for a person."),
        "level": text("Whether it makes the check fail.", "drift", "note", "ok"),
        "why": text("The reason."),
        "fix": text("The command or the action that fixes it."),
        "commands": many(many(text("A word."), "A command."), "Commands of the host that fix it."),
    },
)

CHECK: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host check",
    **record(
        "Desired, configured and effective values of every host.",
        {
            "schema_version": _VERSION,
            "outcome": text(
                "`failed`: a host was not read. `invalid_input`: a variable was refused.",
                "in_sync", "drift", "failed", "invalid_input",
            ),
            "findings": many(_FINDING, "The values, those with drift first."),
        },
    ),
}


_PAST_HOST = record(
    "What the run did on one host, by the host's log of runs.",
    {
        "name": text("The host."),
        "outcome": text("How the run ended there, as the outcome of a run."),
        "release_from": unknown_or(text("The release before; null where there was none.")),
        "release_to": unknown_or(text("The release after, or the one that could not be installed.")),
        "started": text("When the run locked the host, in UTC as ISO 8601, by the host's clock."),
        "seconds": number("How long it had the lock."),
    },
)

_PAST_RUN = record(
    "A run that locked hosts.",
    {
        "run": text("The ID of the run; empty in a log of an earlier version."),
        "playbook": text("Its playbook; empty in a log of an earlier version."),
        "user": text("Who started it."),
        "controller": text("Where it was started."),
        "started": text("When it locked its first host, in UTC as ISO 8601."),
        "seconds": number("How long it had a lock, of the host that it had locked longest."),
        "outcome": text(
            "The worst of its hosts. `running`: it has a lock now. `died`: it was killed, or a host was lost. "
            "`stopped`: it ended before its last task. `failed`: its release did not become healthy. `incomplete`: "
            "changes were left. `done`, `maintained`, `removed`: it did what it was to do."
        ),
        "release_from": unknown_or(text("The release before; null where there was none, or hosts differ.")),
        "release_to": unknown_or(text("The release after; null where there is none, or hosts differ.")),
        "hosts": many(_PAST_HOST, "The hosts that it locked."),
    },
)

HISTORY: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host history",
    **record(
        "The runs that changed something.",
        {
            "schema_version": _VERSION,
            "time": text("When the report was made, in UTC as ISO 8601."),
            "outcome": text("Whether every host was read, or some, or none.", "complete", "partial", "failed"),
            "errors": many(text("One error."), "The hosts that were not read, a sentence each."),
            "runs": many(_PAST_RUN, "The runs, the newest last."),
        },
    ),
}


_RUN_HOST = record(
    "A host of the run.",
    {
        "outcome": text(
            "How the run ended there. `incomplete`: changes are left. `failed`: a task failed there.",
            "unchanged", "changed", "incomplete", "failed", "unreachable",
        ),
        "locked": flag("Whether the run had its lock: it was to change the application there."),
        "release_from": unknown_or(text("The release before the run; null without a lock, or where there was none.")),
        "release_to": unknown_or(text("The release of the run; null without a lock, or where it has none.")),
    },
)

RUN: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "xitrum.host run",
    **record(
        "The outcome of a run, for the tasks of `xitrum_after_run`: the variable `xitrum_run`.",
        {
            "schema_version": _VERSION,
            "run": text("The ID of the run, as in the history."),
            "playbook": text("The playbook, such as `deploy`. Several of one command are joined with commas."),
            "outcome": text(
                "`interrupted`: Ctrl-C or another signal ended it. `failed`: it was refused, a task failed, or a host "
                "was lost. `incomplete`: changes are left. `nothing_to_do`: no host had to change.",
                "done", "nothing_to_do", "incomplete", "failed", "interrupted",
            ),
            "user": text("Who started it."),
            "controller": text("Where it was started."),
            "started": text("When it was started, in UTC as ISO 8601."),
            "seconds": number("How long it took."),
            "release_from": unknown_or(text("The release before the run; null where locked hosts differ.")),
            "release_to": unknown_or(text("The release of the run; null where locked hosts differ.")),
            "hosts": {
                "type": "object", "description": "The hosts of the run, by name.", "additionalProperties": _RUN_HOST,
            },
            "errors": many(text("One error; it may have several lines."), "Why it failed: at most 50 texts."),
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
