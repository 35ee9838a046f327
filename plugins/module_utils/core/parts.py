# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that do one of several things, as one option chooses. Each of them is a part: a component, or a `Reader`.

A module has the options of all its parts. Those of another part than the chosen one are refused, so an option of the
module has a default only where all parts have the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Tuple, Union

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import fence, runner
from .component import AppliedComponent, Desired
from .host import Host
from .quiet import QuietModule, Utf8Module


@dataclass(frozen=True)
class Reader:
    """A part that changes nothing of a host's configuration.

    `read(host, desired, check_mode)` is what the module returns. It raises NotApplied where it fails.
    """

    SPEC: Mapping[str, Any]
    read: Callable[[Host, Desired, bool], runner.Results]


#: What an option chooses among, by its value.
Parts = Mapping[str, Union[AppliedComponent, Reader]]


def run(option: str, parts: Parts, default: str = "", controller: Mapping[str, Any] = runner.NO_OPTIONS) -> None:
    """The whole of a module with parts. It ends the process.

    option: the name of the option that chooses; it is required without a `default`.
    controller: options for the controller's half of the module, which no part sees.
    """
    specs = {value: get_spec(part) for value, part in parts.items()}
    chooses = {"type": "str", "choices": list(parts), **({"default": default} if default else {"required": True})}
    is_quiet = any(not isinstance(part, Reader) and part.EXECUTION.quiet for part in parts.values())
    module = (QuietModule if is_quiet else Utf8Module)(
        argument_spec={**join(list(specs.values())), **controller, option: chooses}, supports_check_mode=True)
    for name in controller:
        del module.params[name]
    value = module.params[option]
    desired, errors = choose(option, value, specs, module.params)
    if errors:
        for any_part in parts.values():
            if not isinstance(any_part, Reader):
                runner.mask(module, any_part.EXECUTION)
        module.fail_json(msg="\n".join(errors))
    part = parts[value]
    if isinstance(part, Reader):
        reader = part
        runner.finish(module, lambda: {"changed": False, **reader.read(Host(), desired, module.check_mode)})
    else:
        component = part
        module.no_log_values |= component.EXECUTION.secrets(desired)
        runner.mask(module, component.EXECUTION)
        host = fence.make_host(module) if component.EXECUTION.fenced else Host()
        runner.finish(module, lambda: runner.converge(component, host, desired, module.check_mode, module.warn))


def get_spec(part: Union[AppliedComponent, Reader]) -> Dict[str, Any]:
    """Return the options of a part."""
    return {**part.SPEC, **({} if isinstance(part, Reader) else part.EXECUTION.options)}


def join(specs: List[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return the options of a module whose parts have these. What not all parts have alike has no default there, and is
    not required: the part itself completes it."""
    joined: Dict[str, Any] = {}
    for name in dict.fromkeys(name for spec in specs for name in spec):
        found = [spec[name] for spec in specs if name in spec]
        if len(found) == len(specs) and all(one == found[0] for one in found):
            joined[name] = found[0]
            continue
        option = {key: value for one in found for key, value in one.items() if key not in ("default", "required")}
        if "options" in option:
            option["options"] = join([one["options"] for one in found])
        joined[name] = option
    return joined


def choose(
    option: str, value: str, specs: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> Tuple[Desired, List[str]]:
    """Return the options of the part that is chosen with its defaults, and what is wrong with them, a sentence each."""
    spec = specs[value]
    own = {name: drop_none(one, spec[name]) for name, one in given.items() if name in spec and one is not None}
    errors = []
    for name, one in given.items():
        if name not in spec and name != option and one is not None:
            fitting = " or ".join(choice for choice in specs if name in specs[choice])
            errors.append(f"{name} has no meaning with {option}={value}: use it with {option}={fitting}")
    result = ArgumentSpecValidator(spec).validate(own)
    errors += [f"{option}={value}: {message}" for message in result.error_messages]
    return result.validated_parameters, errors


def drop_none(value: Any, spec: Mapping[str, Any]) -> Any:
    """Return a value without the suboptions that were not given, so that those of a part get their defaults."""
    if "options" not in spec:
        return value
    if isinstance(value, list):
        return [drop_none(one, spec) for one in value]
    return {name: drop_none(one, spec["options"].get(name, {})) for name, one in value.items() if one is not None}
