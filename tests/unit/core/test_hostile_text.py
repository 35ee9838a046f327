# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every parser, and the reader of every component, on names, lines and answers that somebody made to mislead it."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import time

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.xitrum.host.plugins import module_utils
from ansible_collections.xitrum.host.plugins.module_utils.core import bounded, process, schema, sockets, untrusted_text
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host, Stat
from hypothesis import given, settings
from hypothesis import strategies as st

from .. import all_components
from ..fake_host import FakeHost

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

#: Texts with line breaks, escape characters, quotes, brackets, numbers that are none, and without an end.
TEXTS = [
    "", "\n", "\t", "\r\n\r", "\0", "\x85\u2028\u2029", "\udc9b\udcff", "\x1b]52;c;eA==\x07", "\x1b[2J\x9b2J",
    "\nLISTEN 0 a :1 ", "LISTEN 0 9 *:1 *:1 ino:7\n0 0 1.1.1.1:1 1.1.1.1:2", '"\'[]{}()<>\\', '"no end', "${", "{{ 7 * 7 }}", "%s{0}",
    "[" * 5000, "{" * 5000, "(" * 5000, '{"a":' * 5000, "a" * 200000, "9" * 5000, "a=9\n" * 3 + "9" * 5000, "= = =", ": : :\n", "0:\n1:x",
    "Uid:\nGid: x y\nCapEff: g\nVmRSS: kB", "a b c d e f g h i j k l m n o p\n", "# pxname,\n\x1b", "# be_id be_name\n1 x", "1 (a) S 1", "1 (a) b) S",
    "TCP: a b", "TcpExt: a\nTcpExt: b", "٣ (a) b", "cpu\nbtime x\nprocessor", "Max open files  x y", "Id=a\nMainPID=x\nControlGroup=\x1b\n\nId=",
    "0::/user.slice/x\x1b/evil.service\n", '{"nftables": [1, {"rule": []}, {"rule": {"expr": 7}}]}', '[1, {"ifname": 1, "addr_info": 7}]', "null",
    "7", "[]", '"x"',
]

HOSTILE = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([text for text in TEXTS if len(text) < 100]) | st.text(max_size=8), max_size=6).map("\n".join),
)

#: The one argument of a function that is a text of others.
ARGUMENTS = ("text", "cgroup", "line", "output")

#: Values that are not a text, though their argument has its name; parsers that refuse a text by a sentence, and with what.
VALUES = {"limits.nofile.format_value", "core.runner.change"}
REFUSES = {
    # Files that root alone writes, and the module that reads one reports that it is damaged.
    "core.recorded.parse": ValueError, "firewall.firewalld.parse_service": ValueError, "firewall.firewalld.parse_zone_file": ValueError,
    "redirects.firewalld.parse_direct_rules": ValueError, "redirects.nft.parse": ValueError, "core.untrusted_text.parse_json": ValueError,
    # Settings of a project and of an inventory, whose author is the one who reads the sentence.
    "configuration.hocon.parse": ValueError, "configuration.hocon.list_fields": ValueError, "configuration.logback.log_to_console": ValueError,
    "proxy.definition.parse_seconds": ValueError,
    "core.commands.split_words": ValueError,
    # Of another version.
    "application.step_state.parse": schema.VersionError,
}


def modules():
    """All files of module_utils, by package and name."""
    prefix = f"{module_utils.__name__}."
    for found in sorted(pkgutil.walk_packages(module_utils.__path__, prefix), key=lambda one: one.name):
        if not found.ispkg:
            yield found.name[len(prefix):], importlib.import_module(found.name)


def parsers():
    """The public functions that take one text, and all whose name reports that they parse."""
    for name, file in modules():
        for function_name, function in sorted(vars(file).items()):
            if not inspect.isfunction(function) or function.__module__ != file.__name__ or function_name.startswith("_"):
                continue
            needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
            takes = len(needed) == 1 and (needed[0].name in ARGUMENTS or function_name.startswith("parse"))
            if takes and f"{name}.{function_name}" not in VALUES:
                yield f"{name}.{function_name}", function


PARSERS = dict(parsers())


def consumed(found):
    """A result, with a generator run to its end."""
    return list(found) if inspect.isgenerator(found) else found


def parse(name, text):
    """Feeds a parser. What it refuses, it refuses by the exception that it documents, with a sentence."""
    try:
        consumed(PARSERS[name](text))
    except REFUSES.get(name, ()) as error:
        assert str(error)


def test_the_parsers_are_found():
    assert len(PARSERS) > 80
    assert set(REFUSES) <= set(PARSERS)
    assert {"core.sockets.parse_listeners", "core.process.parse_stat", "proxy.haproxy_socket.parse_stat"} <= set(PARSERS)


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_no_text_makes_a_parser_fail_or_wait(name):
    began = time.process_time()
    for text in TEXTS:
        parse(name, text)
    assert time.process_time() - began < 60


@settings(max_examples=30)
@given(HOSTILE)
def test_no_other_text_does_either(text):
    for name in PARSERS:
        parse(name, text)


class HostileHost(FakeHost):
    """A host whose every command, page, name and file is the same hostile text. `rc` is that of all commands."""

    def __init__(self, text, rc=0):
        super().__init__()
        self.text, self.code = text, rc

    def run(self, argv, data=None, environment=None, seconds=1, limit=1 << 20, keep=(), exact=False):
        assert all(isinstance(word, str) for word in argv)
        ended = bounded.Run(self.code, self.text.encode("utf-8", "surrogateescape"), b"", len(self.text) % 2 == 1)
        return Host._make_result(self, argv, ended, seconds, limit, str if exact else untrusted_text.escape_text)

    def fetch_status(self, address, port, path, seconds=10):
        return untrusted_text.make_printable(self.text)

    def find_program(self, name):
        return f"/usr/bin/{name}"

    def read(self, path):
        return None if path.endswith(("before.json", ".json")) else self.text

    def listdir(self, path):
        name = self.text.replace("/", "_").replace("\0", "")[:200]
        return ["0", "7", *([name] if name else [])] if len(path) < 200 else []

    def readlink(self, path):
        return f"socket:[{self.text}]" if "/fd/" in path else f"/{self.text}" if path.startswith("/proc/") else None

    def realpath(self, path):
        return path

    def exists(self, path):
        return True

    def stat(self, path):
        return Stat("file" if "." in path else "directory", 0o644, "root", self.text[:50], 1)


def defaults(spec, **given):
    """The options of a component as a module gets them, those that have no default as given or as a plain value."""
    plain = {"str": "x", "path": "/srv/x", "int": 8000, "list": [], "dict": {}, "bool": False}
    needed = {name: option.get("choices", [plain[option.get("type", "str")]])[0] for name, option in spec.items() if option.get("required")}
    needed.update({name: given[name] for name in needed if spec[name].get("type") == "dict" and name in given})
    validator = ArgumentSpecValidator(spec)
    # An option of the same name may be of another kind.
    fits = {name: value for name, value in given.items() if name in spec and not validator.validate({**needed, name: value}).error_messages}
    result = validator.validate({**needed, **fits})
    assert not result.error_messages
    return result.validated_parameters


GIVEN = {
    "pids": [7], "ports": [80], "units": ["x"], "instances": [{"index": 0, "port": 8000, "files": {}}], "name": "x", "health_path": "/", "verify": True,
    "own_roots": ["/srv/x"], "watched": [{"name": "x", "port": 80}], "packages": ["x"], "items": [{"path": "/x.pem", "port": 443}],
    "holder": {"id": "1", "user": "ann", "host": "laptop"},
}

#: Components that read a machine: a file with SPEC, read and plan. Some need what another has found.
MORE = {
    "application.instances": ({"jdk": {"home": "/usr/lib/jvm/x", "version": 17}},),
    "application.restarts": ({"jdk": {"home": "/usr/lib/jvm/x"}},),
    "jdk.component": (
        {"machine": {"distribution": "debian", "release": "12", "family": "debian", "architecture": "x86_64"}},),
}
COMPONENTS = {name: file for name, file in modules() if all(hasattr(file, part) for part in ("SPEC", "read", "plan"))}


def test_the_components_are_found():
    # What a check reads of a host, and what only its own module does.
    assert {file.__name__.rpartition("module_utils.")[2] for file in all_components.COMPONENTS} <= set(COMPONENTS)
    assert len(COMPONENTS) > 25


@pytest.mark.parametrize("name", sorted(COMPONENTS))
@pytest.mark.parametrize("code", [0, 1])
def test_no_answer_makes_a_component_fail(name, code):
    file = COMPONENTS[name]
    desired = defaults(file.SPEC, **GIVEN)
    for text in TEXTS:
        began = time.process_time()
        host = HostileHost(text, code)
        try:
            report = file.plan(desired, file.read(host, desired, *MORE.get(name, ()))).report()
        except (RuntimeError, ValueError) as error:
            # A sentence with which a module ends, as a person reads it.
            assert str(error) and not isinstance(error, (RecursionError, UnicodeError, json.JSONDecodeError)), name
            continue
        shown = json.dumps([report["rows"], report["errors"], report.get("notes", [])], ensure_ascii=False)
        assert CONTROL.search(shown.replace("\\n", "")) is None
        assert len(shown) < 1 << 20
        assert time.process_time() - began < 60


@settings(max_examples=50)
@given(HOSTILE, HOSTILE)
def test_what_a_process_calls_itself_changes_nothing_but_its_name(name, cgroup):
    status = "Name:\tx\nUid:\t998\t998\t998\t998\nGid:\t998\t998\t998\t998\nVmRSS:\t 9 kB\n"
    folder, rest = "/proc/7", " S 1 " + " ".join("0" * 17) + " 5 0 0\n"
    host = FakeHost({
        f"{folder}/stat": f"7 ({name}){rest}", f"{folder}/status": status, f"{folder}/comm": name + "\n", f"{folder}/cgroup": f"0::/{cgroup}\n",
    }, {" ".join(sockets.SS): "LISTEN 0 128 0.0.0.0:80 0.0.0.0:* ino:5 sk:1 <->\n"}, {f"{folder}/fd/3": "socket:[5]"})
    found = process.read_process(host, 7)
    assert (found["pid"], found["ppid"], found["state"], found["uid"], found["rss_kb"]) == (7, 1, "S", 998, 9)
    assert CONTROL.search(found["comm"]) is None
    rows = sockets.read_listeners(host)
    assert [(row["port"], row["pids"]) for row in rows] == [(80, [7])] and rows.unread == ()
    assert rows[0]["process"].isprintable()
