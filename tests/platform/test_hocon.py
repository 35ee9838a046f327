# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HOCON as this collection reads and edits it, held against Typesafe Config itself, over handwritten and generated files."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import random
import re
import subprocess

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.configuration import hocon, hocon_edit
from ansible_collections.xitrum.host.plugins.module_utils.configuration.hocon_edit import parses

pytestmark = pytest.mark.generated

FOLDER = pathlib.Path(__file__).parent / "hocon"
#: The library that Akka brings, so the one that Xitrum reads its files with.
VERSION = "1.4.2"
#: make test-all has more.
GENERATED = int(os.environ.get("HOCON_TEXTS", "300"))
KEYS = ("a", "b", "c")
PATHS = [(one,) for one in KEYS] + [(one, two) for one in KEYS for two in KEYS] + [("a", "b", three) for three in KEYS]
#: What every file that is included sets: as much as possible, so that an edit that does not win shows.
INCLUDED = "a { b { c = 91, a = 92 }, c = 93 }\nb = 94\nc.a = 95\n"
#: One line each, where the grammar has its corners.
HANDWRITTEN = [line.replace("\\n", "\n").replace("\\t", "\t") for line in (FOLDER / "cases.txt").read_text(encoding="utf-8").splitlines()
               if line and not line.startswith("## ")]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Text to what Typesafe Config makes of it, for all of PATHS. One JVM reads all texts of all tests."""
    texts = {*TEXTS, *(f"a = {raw}" for _text, _path, raw in find_known_values())}
    for key in EDITED:
        texts.update(text for row in edit_texts(key)[0] for text in row)
    return dict(zip(texts, ask(tmp_path_factory.mktemp("hocon"), texts), strict=True))


def ask(folder, texts):
    """What Typesafe Config makes of each text, in their order."""
    jar = pathlib.Path.home() / f".m2/repository/com/typesafe/config/{VERSION}/config-{VERSION}.jar"
    if not jar.exists():
        subprocess.run(["mvn", "--batch-mode", "--quiet", "dependency:get", f"-Dartifact=com.typesafe:config:{VERSION}"], check=True)
    subprocess.run(["javac", "-cp", str(jar), "-d", str(folder), str(FOLDER / "Oracle.java")], check=True)
    (folder / "inc.conf").write_text(INCLUDED, encoding="utf-8")
    cases = []
    for number, text in enumerate(texts):
        path = folder / f"case{number}.conf"
        path.write_bytes(text.encode())
        cases.append({"file": str(path), "paths": [list(names) for names in PATHS]})
    (folder / "cases.json").write_text(json.dumps({"cases": cases}), encoding="utf-8")
    subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{folder}:{jar}", "Oracle", str(folder / "cases.json"),
                    str(folder / "answers")], check=True, cwd=folder, env={**os.environ, "PORT": "5000"})
    return [json.loads(line) for line in (folder / "answers").read_text(encoding="utf-8").splitlines()]


def generate_space(choice):
    return choice(["", " ", " ", "  ", "\t"])


def generate_key(choice):
    return choice([*KEYS, *KEYS, "a.b", "a.b.c", "b.c", '"a"', 'a."b"', "a . b", "include.x", "included", '"include"'])


def generate_value(choice, depth):
    kind = choice(["simple"] * 6 + ["object"] * (4 if depth < 3 else 0) + ["joined", "list", "null", "substitution", "objects"])
    if kind == "object":
        return generate_object(choice, depth)
    if kind == "objects":
        parts = [generate_object(choice, depth + 1), choice(["${?NOPE}", "${?a}", "${?b}", "${c}", generate_object(choice, depth + 2)])]
        return " ".join(parts if choice([True, False]) else reversed(parts))
    return {
        "simple": lambda: choice(["1", "true", "x", '"x y"', "x y", "1.5", "8000", '"#"', '"""t"x"""', "a/b", "-1", "9x"]),
        "joined": lambda: choice(['x "y" z', "${?NOPE}x", "1 ${PORT}", "true x"]),
        "list": lambda: choice(["[1, 2]", "[]", "[1\n2]", "[{a = 1}, [2]]", "[1,]", "[1] [2]", "[ # x\n]"]),
        "null": lambda: "null",
        "substitution": lambda: choice(["${PORT}", "${?NOPE}", "${?a.b}", "${?b}", "${ PORT }"]),
    }[kind]()


def generate_object(choice, depth):
    return "{" + choice(["", " ", "\n", " # note }\n"]) + generate_members(choice, depth + 1) + choice(["", " ", "\n", "\n  "]) + "}"


def generate_members(choice, depth):
    rows = []
    for _row in range(choice([0, 1, 1, 2, 2, 3]) + (depth == 0)):
        if choice([False] * 9 + [True]):
            rows.append(choice(['include "inc"', 'include file("inc.conf")', 'include required("inc.conf")', 'include\n "none"']))
            continue
        separator = choice(["=", "=", ":", "", "+="]) if depth else choice(["=", "=", "=", ":", ""])
        value = generate_object(choice, depth) if not separator else generate_value(choice, depth)
        comment = choice(["", "", "", " # {", "// ="])
        between = choice(["", " ", " ", "\n ", " # x\n"])
        rows.append(generate_key(choice) + generate_space(choice) + separator + between + value + (comment + "\n" if comment else ""))
    ends = [choice([",", "\n", "\n", ", ", "\n\n# about the next\n", " ,\n"]) for _row in rows]
    return "".join(row + end for row, end in zip(rows, ends, strict=True))


def generate_text(number):
    """A text by the grammar, of which every fourth is then damaged somewhere."""
    source = random.Random(number)
    text = generate_members(source.choice, 0)
    if source.random() < 0.2:
        text = "{" + text + "}"
    if number % 4 == 0 and text:
        at = source.randrange(len(text))
        text = text[:at] + source.choice(["{", "}", "[", "]", ",", "=", ":", '"', "$", "+", "\n", "#", ".", " ", "@", "include ", ""]) \
            + text[at + source.choice([0, 1]):]
    return text


TEXTS = [*HANDWRITTEN, *map(generate_text, range(GENERATED))]
EDITED = ("a", "a.b", "a.b.c")


@functools.lru_cache(maxsize=None)
def find_forces():
    """What is in force by this collection: each text that is HOCON with each path."""
    return [(text, path, hocon_edit.find_force(text, path)) for text in TEXTS if parses(text) for path in PATHS]


def find_known_values():
    """The values in force whose text is known: the file's text, the path, and the text of the value."""
    return [(text, path, force.text) for text, path, force in find_forces() if force.kind == hocon_edit.VALUE and "$" not in force.text]


@functools.lru_cache(maxsize=None)
def edit_texts(key):
    """Each text with the key set and with it put out, and the messages of those that are refused."""
    done, refused = [], []
    for text in filter(parses, TEXTS):
        try:
            done.append((text, hocon_edit.put(text, key, "4711"), hocon_edit.put_out(text, key)))
        except hocon.HoconError as error:
            refused.append(str(error))
    return done, refused


def test_the_same_texts_are_hocon(answers):
    # A damaged name of a file that must be there is no matter of the grammar.
    differing = [text for text in TEXTS
                 if parses(text) != answers[text].get("parsed", False) and "not found" not in answers[text].get("error", "")]
    # An object with += or an include in it, joined to a text, is refused later by the library, or taken for the object alone.
    assert [text for text in differing if not re.search(r"\+=|include", text)] == []
    assert len(differing) < 5
    assert sum(map(parses, TEXTS)) > GENERATED / 2


def test_what_is_known_to_be_in_force_is_in_force(answers):
    compared = 0
    for text, path, force in find_forces():
        if "values" not in answers[text]:
            continue
        value = answers[text]["values"][str(PATHS.index(path))]
        if force.kind == hocon_edit.ABSENT:
            assert value == "", (text, path, value)
        elif force.kind == hocon_edit.OBJECT:
            assert value.startswith("{"), (text, path, value)
        compared += force.kind != hocon_edit.UNKNOWN
    known = [row for row in find_known_values() if "values" in answers[row[0]]]
    for text, path, raw in known:
        assert answers[f"a = {raw}"]["values"]["0"] == answers[text]["values"][str(PATHS.index(path))], (text, path)
    assert compared > GENERATED * 4 / 3 and len(known) > GENERATED / 5


@pytest.mark.parametrize("key", EDITED)
def test_after_an_edit_the_requested_value_is_in_force_and_no_other_changes(answers, key):
    done, refused = edit_texts(key)
    # Only what another line needs is not given up.
    assert [refusal for refusal in refused if not re.match(r"line \d+: \$\{.*\} needs a setting below ", refusal)] == []
    assert len(refused) < len(done) / 10
    at = str(PATHS.index(tuple(key.split("."))))
    checked = joined = 0
    for text, put, out in done:
        old, with_value, without = (answers[each] for each in (text, put, out))
        if "values" not in old:
            continue
        if any("Cannot concatenate" in answer.get("error", "") for answer in (with_value, without)):
            # Another line joins the setting to an object or a list.
            joined += 1
            continue
        assert with_value["values"][at] == "4711", (text, put)
        assert without["values"][at] in ("", "null"), (text, out)
        for number, path in enumerate(PATHS):
            # What refers to the setting follows it, and what is above or below it changes with it.
            if "${" not in text and path[:1] != ("a",):
                assert old["values"][str(number)] == with_value["values"][str(number)] == without["values"][str(number)], (text, path)
        checked += 1
    assert checked > GENERATED / 4 and joined < GENERATED / 20
