# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.connection_load`: shows how far it is, and ends a load when its time is over.

An action plugin, since a module reports nothing before it ends. Polling is also what keeps the load going: one that
nobody polls any more, since the run was interrupted, ends by itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.load.planning import LEASE

#: Seconds between two polls.
PAUSE = 2
#: Polls that may fail one after the other before the load is given up, as over a connection that has a hiccup.
FAILURES = 3


class ActionModule(ActionBase):
    """Starts, polls, stops."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result at the end of the state that was requested."""
        result = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        state = arguments.get("state")
        if "headers" in arguments:
            arguments["headers"] = to_text(arguments["headers"])
        if state == "held":
            began = self._run_module(
                {**arguments, "state": "planned" if self._task.check_mode else "started"}, task_vars
            )
            result.update(began)
            if not began.get("failed") and began.get("run"):
                result.update(self._watch(began["run"], task_vars, lambda load: load["phase"] != "ramp"))
        elif state == "ended":
            seconds = float(arguments.get("seconds", 10))
            load = self._watch(arguments["run"], task_vars, lambda load: load["held_seconds"] >= seconds)
            result.update(
                load
                if load.get("failed")
                else self._run_module({"state": "stopped", "run": arguments["run"]}, task_vars)
            )
        else:
            result.update(self._run_module(arguments, task_vars))
        return result

    def _watch(
        self, run: str, task_vars: dict[str, Any] | None, enough: Callable[[Mapping[str, Any]], bool]
    ) -> dict[str, Any]:
        """Polls until it is enough, or the load has ended, or should have ended long ago."""
        failures, began, deadline = 0, time.monotonic(), None
        while True:
            load = self._run_module({"state": "polled", "run": run}, task_vars)
            if "counts" in load:
                failures, deadline = 0, load["deadline"]
                self._display.display(format_progress((task_vars or {})["inventory_hostname"], load))
                if load["phase"] == "ended" or enough(load):
                    return load
            else:
                failures += 1
            # The load itself ends first: this is for one that cannot.
            late = deadline is not None and time.monotonic() - began > deadline + LEASE
            if failures == FAILURES or late:
                # Nothing is to stay on the host.
                self._run_module({"state": "stopped", "run": run}, task_vars)
                return {
                    **load,
                    "failed": True,
                    "msg": (
                        find_overdue_reason(run, load, deadline)
                        if late and deadline is not None
                        else load.get("msg", "the load does not report how far it is")
                    ),
                }
            time.sleep(PAUSE)

    def _run_module(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(
            module_name="xitrum.host.connection_load", module_args=arguments, task_vars=task_vars
        )


def to_text(headers: Any) -> str:
    """Headers as JSON; none as an empty text, as a mask of `{}` would be one of every empty dictionary.
    A text is left as it is."""
    if isinstance(headers, str):
        return headers
    # What the vault keeps is a text only when queried.
    return json.dumps(headers, default=str) if headers else ""


def find_overdue_reason(run: str, load: Mapping[str, Any], deadline: float) -> str:
    """Why it is not waited for any longer."""
    return (
        f"found the load {run} in phase {load.get('phase', 'unknown')} after its deadline of {deadline:.0f} s; "
        "expected its end. Its process hangs, or the host is overloaded: check its load and memory, and try fewer "
        "connections or another host in load_test_clients"
    )


def format_progress(host: str, load: Mapping[str, Any]) -> str:
    """One line on how far it is."""
    counts = load["counts"]
    lost = counts["dropped"] + counts["silent"]
    failed = counts["tried"] - counts["opened"]
    return (
        f"{host}: {load['seconds']:.0f} s, {counts['held']} held, {lost} lost, {failed} not open (yet) of "
        f"{counts['tried']} tried"
    )
