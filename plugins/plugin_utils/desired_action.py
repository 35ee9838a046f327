# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins share that compute desired state: from the public variables of a host to the options of a
module."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from jinja2.exceptions import TemplateError

from ..module_utils.core import untrusted_text
from ..module_utils.core.plan import BlockingError
from ..module_utils.desired.inputs import Inputs
from ..module_utils.preflight import messages
from ..module_utils.preflight.catalog import Error
from ..module_utils.proxy import key_pair
from . import role_templates
from .crashed_module import add_reason
from .public_variables import PublicVariables


class Files:
    """The files of the controller that a desired state is made of. See `Controller` of
    module_utils/desired/inputs.py."""

    def __init__(self, action: ActionBase, inputs: Inputs, task_vars: Mapping[str, Any]) -> None:
        self.action, self.inputs, self.task_vars = action, inputs, task_vars

    def render(self, role: str, template: str, values: Mapping[str, Any]) -> str:
        """Return a rendered template of a role."""
        return role_templates.render(role, template, self.inputs, values)

    def read(self, path: str) -> str:
        """Return the text of a file, searched for where a task searches for files. Raises AnsibleError where there is
        none."""
        return self._find(path, rstrip=False)

    def read_pair(self, certificate: str, key: str, dated: bool) -> str:
        """Return a certificate and its key in one text. Raises AnsibleError where they are not a pair that can be
        served."""
        names = [f"xitrum_proxy_tls_certificate {certificate}", f"xitrum_proxy_tls_key {key}"]
        return key_pair.join_key_pair(self._find(certificate), self._find(key), names, dated=dated)

    def _find(self, path: str, **options: Any) -> str:
        plugin = self.action._shared_loader_obj.lookup_loader.get(
            "ansible.builtin.file", loader=self.action._loader, templar=self.action._templar
        )
        (text,) = plugin.run([path], variables=dict(self.task_vars), **options)
        return str(text)


class Refused(ValueError):
    """Variables break rules. errors: all of them."""

    def __init__(self, errors: Iterable[Error]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(error.message for error in self.errors))


class DesiredAction(ActionBase):
    """An action whose module gets the options that are computed from variables, and those that the task gives over
    them.

    `compute` is for a subclass. A value that cannot be used fails the task, and nothing is sent to the host.
    """

    #: The module.
    MODULE = ""
    #: Options that are for the controller alone, with what each is where it is not given.
    OWN: Mapping[str, Any] = {"desired": False, "verify": False, "wait_seconds": 0, "slot": None}
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the module returns, or an error with its reason."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        own = {name: arguments.pop(name, default) for name, default in self.OWN.items()}
        if own["desired"]:
            try:
                arguments = {**self.compute(own, task_vars), **arguments}
            except (AnsibleError, TemplateError, ValueError) as error:
                return {**result, **build_failure(error)}
            except KeyError as error:
                missing = f"the variable {error.args[0]} is not set, and the desired state depends on it"
                return {**result, **build_failure(missing)}
            if self.is_empty(arguments):
                return {**result, "changed": False}
        found = self._execute_module(module_name=self.MODULE, module_args=arguments, task_vars=task_vars)
        result.update(add_reason(found))
        return result

    @abc.abstractmethod
    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of the module that the variables give. own: the options for the controller alone."""

    def is_empty(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether there is nothing for the module to do on any host."""
        return False

    def make_inputs(self, own: dict[str, Any], task_vars: Mapping[str, Any], release_only: bool = False) -> Inputs:
        """Return the variables of the task's host."""
        return Inputs(
            PublicVariables(self._templar, task_vars),
            verify=bool(boolean(own["verify"], strict=False)),
            wait_seconds=int(own["wait_seconds"]),
            release_only=release_only,
            slot=None if own["slot"] is None else int(own["slot"]),
        )


def build_failure(error: object) -> dict[str, Any]:
    """Return the result of a task whose variables cannot be used."""
    text = str(getattr(error, "message", "") or error)
    # What a filter of a variable's value found wrong, without the words of Ansible around it.
    lines = (messages.find_cause(text) or text).splitlines()
    # Identifiers alone: Ansible prints the whole result of a failed task, and each sentence is in the message.
    rules = [one.rule for one in error.errors] if isinstance(error, Refused) else ["variable.unusable"]
    return {"failed": True, "refused": True, "msg": "\n".join(map(untrusted_text.escape_text, lines)), "rules": rules}


def build_error_result(message: str) -> dict[str, Any]:
    """Return the result of a task that fails with this message; nothing where it is empty."""
    return {"failed": True, "msg": untrusted_text.escape_text(message)} if message else {}


def build_refusal(errors: Sequence[str]) -> dict[str, Any]:
    """Return the result of a task that fails with all these errors and their rules; nothing where there is none."""
    rules = list(dict.fromkeys(error.rule for error in errors if isinstance(error, BlockingError)))
    return {**build_error_result("\n".join(errors)), "rules": rules} if errors else {}
