# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse tags of a run that select or skip nothing. Ansible ends such a run green, or changes what was to be skipped.

A task that checks this can be skipped by tags itself.
So the `hosts` of the plays ask, which Ansible evaluates whatever the tags are.
"""

from __future__ import annotations

import functools
import importlib
import pathlib
import re
from collections.abc import Iterable, Iterator

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecretsContext
from ansible.playbook import Playbook
from ansible.playbook.block import Block
from ansible.playbook.task import Task
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.vars.manager import VariableManager

from ..module_utils.host_state import registry

#: The collection's own files.
COLLECTION = pathlib.Path(__file__).resolve().parents[2]
#: What somebody may take for a tag of this collection: its roles, what a host is read for, and parts of them.
COMPONENTS = (
    {path.name for path in (COLLECTION / "roles").iterdir()}
    | set(registry.COMPONENTS)
    | {"alternatives", "limits", "rollout", "sysctl", "upload"}
)
ADVICE = (
    "A playbook of xitrum.host runs as a whole, since each play needs what the plays before it read. Run it again "
    "without --tags and --skip-tags. For a part of the work, run base.yml (JDK, kernel, limits), deploy.yml (release) "
    "or check.yml (read only), or choose hosts with --limit. To use tags of your own, give a tag to the "
    "import_playbook line in your playbook and run with that tag"
)


@functools.cache
def find_error_of_run(started: tuple[str, ...], only: tuple[str, ...], skip: tuple[str, ...]) -> str:
    """Return the message for a run: the playbooks as they were named, the tags,
    and the tags to skip. Every play asks."""
    return find_error([task for name in started for task in load_tasks(find_playbook(name))], set(only), set(skip))


def find_error(tasks: list[Task], only: set[str], skip: set[str]) -> str:
    """Return the message for tags without effect; an empty text where there are none.

    The tasks are those of the started playbooks, as far as they are known before they run.
    """
    # A user's tasks with `always` run with any tag, so they show nothing.
    # Tasks of this collection have the tags of the user's import alone.
    if not any(is_selected(task, only, skip) for task in tasks if is_ours(task) or "always" not in task.tags):
        return describe_error(tasks, only, skip, "selects no task")
    # Other tags that nobody has are usual: a tool may always give some,
    # and files that are included in the run may have others.
    unknown = COMPONENTS.difference(*(task.tags for task in tasks))
    if "all" not in only and unknown & only:
        return describe_error(tasks, only, skip, "selects no task", (unknown & only, only))
    if unknown & skip:
        return describe_error(tasks, only, skip, "skips no task", (unknown & skip, skip))
    return ""


def is_selected(task: Task, only: set[str], skip: set[str]) -> bool:
    """Whether a task runs. Tags that are known on a host alone may select it."""
    try:
        return task.evaluate_tags(
            only,
            skip,
            all_vars={**task.get_variable_manager().extra_vars, **task.get_vars(), **task.get_play().get_vars()},
        )
    except AnsibleError:
        return True


def is_ours(task: Task) -> bool:
    """Whether a task is in a file of this collection."""
    parents = pathlib.Path(task.get_path().rpartition(":")[0]).resolve().parents
    return COLLECTION / "playbooks" in parents or COLLECTION / "roles" in parents


def load_tasks(path: str) -> list[Task]:
    """Return the tasks of a playbook in which a tag can be written: those that Ansible adds by itself are left out."""
    loader = DataLoader()
    secrets = VaultSecretsContext.current(optional=True)
    loader.set_vault_secrets(secrets.secrets if secrets else None)
    # Loading a playbook sets it. The run that is at work needs what it was.
    collection = AnsibleCollectionConfig.default_collection
    try:
        plays = Playbook.load(path, variable_manager=VariableManager(loader=loader), loader=loader).get_plays()
    finally:
        AnsibleCollectionConfig.default_collection = collection
    return [task for play in plays for block in play.compile() for task in list_tasks(block) if not task.implicit]


def list_tasks(block: Block) -> Iterator[Task]:
    """The tasks of a block and of the blocks in it."""
    for item in [*block.block, *block.rescue, *block.always]:
        if isinstance(item, Block):
            yield from list_tasks(item)
        else:
            yield item


def find_playbook(started: str) -> str:
    """The absolute path of a playbook as it was named on the command line: a path, or NAMESPACE.COLLECTION.PLAYBOOK."""
    path = pathlib.Path(started).absolute()
    if path.exists():
        return str(path)
    namespace, collection, *rest = re.sub(r"\.ya?ml$", "", started).split(".")
    folder = pathlib.Path(
        next(iter(importlib.import_module(f"ansible_collections.{namespace}.{collection}").__path__)), "playbooks"
    )
    return str(
        next(
            found
            for found in (folder.joinpath(*rest).with_suffix(suffix) for suffix in (".yml", ".yaml"))
            if found.exists()
        )
    )


def describe_error(
    tasks: Iterable[Task], only: set[str], skip: set[str], fault: str, some: tuple[set[str], set[str]] | None = None
) -> str:
    """The message: what was found, what is expected, what to do.
    `some` are the tags at fault and those that were given with them."""
    options = {"--tags": only if only != {"all"} else (), "--skip-tags": skip}
    given = " and ".join(f"{option} {join_tags(tags, ',')}" for option, tags in options.items() if tags)
    if some and some[0] != some[1]:
        given = f"{join_tags(some[0], ', ')} in {given}"
    tags = {tag for task in tasks if is_ours(task) for tag in task.tags}
    own = f"its tags are {join_tags(tags, ', ')}" if tags else "it has no tags"
    return f"Found {given}, which {fault} of this playbook: {own}. Nothing was done. {ADVICE}"


def join_tags(tags: Iterable[str], between: str) -> str:
    """Tags as a text, in order."""
    return between.join(sorted(map(str, tags)))
