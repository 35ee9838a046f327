# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""M(xitrum.host.tag_selection): refuse tags that select or skip nothing. All of it runs on the controller."""

from __future__ import annotations

import importlib
import pathlib
import re

from ansible import context
from ansible.playbook import Playbook
from ansible.playbook.block import Block
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.module_utils import concerns

#: The collection's own files.
COLLECTION = pathlib.Path(__file__).resolve().parents[2]
#: What somebody may take for a tag of this collection: its roles, what a host is read for, and parts of them.
COMPONENTS = {path.name for path in (COLLECTION / "roles").iterdir()} | set(concerns.SPECS) | {"alternatives", "limits", "rollout", "sysctl", "upload"}
ADVICE = ("A playbook of xitrum.host runs as a whole, since each play needs what the plays before it read. Run it again without --tags and --skip-tags. "
          "For a part of the work, run base.yml (JDK, kernel, limits), deploy.yml (release) or check.yml (read only), or choose hosts with --limit. "
          "To use tags of your own, give a tag to the import_playbook line in your playbook and run with that tag.")


class ActionModule(ActionBase):
    """Compares the tags of the run with those of the play and of the playbooks that were started."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return a failure where a tag of the run has no effect."""
        result = super().run(tmp, task_vars)
        del tmp
        play = self._task.get_play()
        message = ""
        if play.skip_tags or set(play.only_tags) != {"all"}:
            manager = self._task.get_variable_manager()
            paths = [find_playbook(started) for started in context.CLIARGS["args"]]
            plays = [each for path in paths for each in Playbook.load(path, variable_manager=manager, loader=self._loader).get_plays()]
            # A task with the tags of the play and none of its own, as all tasks of this collection are.
            message = find_error(play, Task(block=Block(play=play)), [task for each in plays for task in tasks_of_play(each)], task_vars)
        return {**result, "changed": False, **({"failed": True, "msg": message} if message else {})}


def find_error(play, own, started, task_vars):
    """Return the message for tags without effect; an empty text where there are none.

    C(own) stands for the tasks of the play, C(started) are the tasks of the started playbooks as far as they are known before they run.
    """
    def is_selected(task):
        return task.evaluate_tags(play.only_tags, play.skip_tags, all_vars=task_vars)

    if not is_selected(own) and not any(is_selected(task) for task in started if "always" not in task.tags):
        return refusal(play, "selects no task")
    # Tags that nobody has are usual there: a tool may always give some, and a user's own files, which are not known here, may have others.
    if all(is_ours(task) for task in started) and COMPONENTS.intersection(play.skip_tags).difference(*(task.tags for task in started)):
        return refusal(play, "skips no task")
    return ""


def tasks_of_play(play):
    """The tasks of a play in which a tag can be written: those that Ansible adds by itself are left out."""
    return [task for block in play.compile() for task in tasks_of(block) if not task.implicit]


def tasks_of(block):
    """The tasks of a block and of the blocks in it."""
    for item in [*block.block, *block.rescue, *block.always]:
        if isinstance(item, Block):
            yield from tasks_of(item)
        else:
            yield item


def is_ours(task):
    """Whether a task is in a file of this collection."""
    return COLLECTION in pathlib.Path(task.get_path().rpartition(":")[0]).resolve().parents


def find_playbook(started):
    """The absolute path of a playbook as it was named on the command line: a path, or NAMESPACE.COLLECTION.PLAYBOOK."""
    path = pathlib.Path(started).absolute()
    if path.exists():
        return str(path)
    namespace, collection, *rest = re.sub(r"\.ya?ml$", "", started).split(".")
    folder = pathlib.Path(next(iter(importlib.import_module(f"ansible_collections.{namespace}.{collection}").__path__)), "playbooks")
    return str(next(found for found in (folder.joinpath(*rest).with_suffix(suffix) for suffix in (".yml", ".yaml")) if found.exists()))


def refusal(play, fault):
    """The message: what was found, what is expected, what to do."""
    options = {"--tags": play.only_tags if set(play.only_tags) != {"all"} else (), "--skip-tags": play.skip_tags}
    given = " and ".join(f"{option} {','.join(sorted(map(str, tags)))}" for option, tags in options.items() if tags)
    own = f"its tags are {', '.join(map(str, play.tags))}" if play.tags else "it has no tags"
    return f"Found {given}, which {fault} of this playbook: {own}. Nothing was done. {ADVICE}"
