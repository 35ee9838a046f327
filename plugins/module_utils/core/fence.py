# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which a module changes something only while the lock is still that of its run.

A module goes on after its controller was killed or its connection was cut. The next run takes the lock over, and from
then
on each change of the module before it is refused. Changes hold a kernel lock together, a broken lock holds it alone, so
that
no change is under way when the lock gets another holder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import lock_record
from .host import Host, Result, Runner
from .quiet import Utf8Module

#: The environment variable of a task that reports about which run it is: `describe`, a line for each application that
# the run has locked.
VARIABLE = "XITRUM_HOST_RUN"

#: Seconds that a change waits while a run takes the lock or gives it back.
SECONDS = 30


def describe(name: str, holder: str) -> str:
    """What `VARIABLE` reports about one application: its name, and the run's `id`."""
    return f"{name} {holder}"


def read_runs(text: str) -> list[tuple[str, str]]:
    """The reverse of `describe`, over all lines: `[(name, holder)]`."""
    return [
        (name, holder) for name, _blank, holder in (line.partition(" ") for line in text.split("\n")) if name and holder
    ]


def make_host(module: Utf8Module) -> FencedHost:
    """The host of a module that changes something.
    Without a lock of its run, as where a role is used alone, it is an ordinary one."""
    return FencedHost(read_runs(os.environ.get(VARIABLE, "")), lambda why: module.fail_json(msg=why))


class FencedHost(Host):
    """A host that ends the module, by `stop(why)`, before a change that its run may no longer make."""

    def __init__(
        self, runs: Sequence[tuple[str, str]], stop: Callable[[str], object], run: Runner | None = None
    ) -> None:
        """`runs`: what `read_runs` returns. `stop` does not return. `run` is that of `Host`."""
        super().__init__(run)
        self._runs, self._stop, self._inside = runs, stop, False

    @contextlib.contextmanager
    def hold_fence(self) -> Iterator[None]:
        """Verifies that the lock is this run's, and that it stays so for the block."""
        if self._inside or not self._runs:
            yield
            return
        with contextlib.ExitStack() as stack:
            for name, holder in self._runs:
                try:
                    stack.enter_context(self.hold_guard(lock_record.get_guard_path(name), False, SECONDS))
                    why = lock_record.find_loss_reason(name, holder, *lock_record.read_record(self, name))
                except OSError as error:
                    why = (
                        f"the lock of {name} on this host could not be verified, so nothing more was changed here: "
                        f"{error}"
                    )
                if why:
                    self._stop(why)
            self._inside = True
            stack.callback(setattr, self, "_inside", False)
            yield

    def run(self, *given: Any, **options: Any) -> Result:
        with self.hold_fence():
            return super().run(*given, **options)

    def start_job(self, *given: Any, **options: Any) -> str:
        with self.hold_fence():
            return super().start_job(*given, **options)

    def make_directory(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().make_directory(*given, **options)

    def make_parents(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().make_parents(*given, **options)

    def write(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().write(*given, **options)

    def create(self, *given: Any, **options: Any) -> bool:
        with self.hold_fence():
            return super().create(*given, **options)

    def append(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().append(*given, **options)

    def poke(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().poke(*given, **options)

    def link(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().link(*given, **options)

    def link_tree(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().link_tree(*given, **options)

    def make_hard_link(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().make_hard_link(*given, **options)

    def copy(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().copy(*given, **options)

    def unpack_digests(self, *given: Any, **options: Any) -> dict[str, str]:
        with self.hold_fence():
            return super().unpack_digests(*given, **options)

    def rename(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().rename(*given, **options)

    def remove(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().remove(*given, **options)

    def remove_written(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().remove_written(*given, **options)

    def remove_empty(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().remove_empty(*given, **options)

    def kill(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().kill(*given, **options)

    def set_owner(self, *given: Any, **options: Any) -> None:
        with self.hold_fence():
            return super().set_owner(*given, **options)
