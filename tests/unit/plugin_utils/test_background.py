# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of a command on a host is shown as it comes, and a connection that has a hiccup is tried again."""

from __future__ import annotations

import base64
import os
import zlib

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.xitrum.host.plugins.action.console import describe_end, describe_wait
from ansible_collections.xitrum.host.plugins.plugin_utils import background


class Module:
    """Answers one call after the other; an exception is raised."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    def __call__(self, arguments):
        self.calls.append(dict(arguments))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def polled(output="", position=0, phase="running", rc=0, reason="", more=False):
    return {"job": {"output": output, "position": position, "phase": phase, "rc": rc, "reason": reason, "more": more}}


def follow(*answers):
    module, shown, slept = Module(*answers), [], []
    found = background.follow(module, "/run/job", lambda text: shown.extend(text.split("\n")), os.getppid(), slept.append)
    return found, shown, slept, module.calls


def test_lines_are_shown_once_and_options_of_the_jvm_never():
    found, shown, slept, calls = follow(
        polled("Picked up _JAVA_OPTIONS: -Ddb.password=hush\nNOTE: Picked up JDK_JAVA_OPTIONS: -x\none\n\n", 90), polled(),
        polled("two\n", 94, "ended", 3, more=True), polled("three", 99, "ended", 3))
    assert shown == ["one", "", "two", "three"]
    assert found == {"rc": 3, "reason": "", "lines": shown}
    assert slept == [background.PAUSE] * 2, "more output is read at once"
    assert [call["position"] for call in calls] == [0, 90, 0, 94]


def test_a_host_that_cannot_be_reached_for_a_moment_is_polled_again():
    found, shown, _slept, calls = follow(AnsibleConnectionFailure("gone"), {"unreachable": True, "msg": "away"}, polled("one\n", 4, "ended"))
    assert (shown, found["rc"], len(calls)) == (["one"], 0, 3)


def test_a_host_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(background, "PATIENCE", -1)
    with pytest.raises(background.Lost, match="^away$"):
        follow({"unreachable": True, "msg": "away"})


def test_a_job_that_is_gone_is_given_up_at_once():
    with pytest.raises(background.Lost, match="is not a folder of a job"):
        follow({"failed": True, "msg": "x is not a folder of a job"})


def test_a_process_whose_ansible_playbook_was_killed_polls_no_more(monkeypatch):
    parents = [1000, 1000, 1]
    monkeypatch.setattr(background.os, "getppid", lambda: parents.pop(0))
    with pytest.raises(background.Lost, match="ansible-playbook was killed"):
        follow(polled("one\n", 4))


def test_only_the_last_lines_are_kept():
    text = "".join(f"{number}\n" for number in range(1000))
    found, shown, _slept, _calls = follow(polled(text, len(text), "ended"))
    assert len(shown) == 1000 and found["lines"] == [str(number) for number in range(900, 1000)]


def test_lines_that_come_together_are_shown_at_once():
    shown = []
    background.follow(Module(polled("a\nb\n", 4), polled("Picked up _JAVA_OPTIONS: x\n", 9), polled("\n", 10, "ended")), "/run/job", shown.append, os.getppid(),
                      lambda seconds: None)
    assert shown == ["a\nb", ""], "Ansible takes long for each text"


def test_a_long_line_is_shown_in_full_and_is_short_in_a_message():
    found, shown, _slept, _calls = follow(polled("ü" * 100_000 + "\nend\n", 100_004, "ended", 3))
    assert shown == ["ü" * 100_000, "end"]
    assert found["lines"] == ["ü" * background.KEPT_CHARACTERS + f"... ({100_000 - background.KEPT_CHARACTERS} more characters)", "end"]
    assert len(describe_end("shop.M", found)) < 1000


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x")])
def test_a_job_is_ended_whatever_happens(error):
    module = Module(AnsibleConnectionFailure("gone"))
    with pytest.raises(type(error)), background.end_after(module, "/run/job"):
        raise error
    assert module.calls == [{"action": "job", "job": "/run/job", "want": "end"}]


@pytest.mark.parametrize(("found", "text"), [
    ({"rc": 3, "reason": "", "lines": ["a", "b"]}, "shop.M ended with exit code 3. The end of its output:\na\nb"),
    ({"rc": 3, "reason": "", "lines": [str(number) for number in range(50)]}, "\n" + "\n".join(str(number) for number in range(40, 50))),
    ({"rc": 143, "reason": "it had not ended after 5 s", "lines": []},
     "shop.M was ended: it had not ended after 5 s. Raise its timeout, or set 0 for no limit. It printed nothing."),
])
def test_the_end_is_described_with_the_last_lines(found, text):
    assert describe_end("shop.M", found).endswith(text)


# -------------------------------------------------------------------------------------------------------------- files


def part(data, position, size):
    return {"job": {"data": base64.b64encode(zlib.compress(data)).decode(), "position": position, "size": size}}


def test_a_file_is_fetched_in_parts_for_this_user_alone(tmp_path):
    module = Module(part(b"JAVA ", 5, 12), part(b"PROFILE", 12, 12))
    path, size = background.fetch(module, "/run/job", str(tmp_path / "new"), "app1-0.hprof", print)
    assert (path, size) == (str(tmp_path / "new/app1-0.hprof"), 12)
    assert (tmp_path / "new/app1-0.hprof").read_bytes() == b"JAVA PROFILE"
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new", "new/app1-0.hprof")] == [0o700, 0o600]
    assert [call["position"] for call in module.calls] == [0, 5]
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_no_file_is_replaced_and_no_half_of_one_stays(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FileExistsError):
        background.fetch(Module(part(b"x", 1, 1)), "/run/job", str(tmp_path), "a", print)
    with pytest.raises(background.Lost, match="became shorter"):
        background.fetch(Module(part(b"x", 1, 9), part(b"", 1, 9)), "/run/job", str(tmp_path), "b", print)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a", "mine")]


def test_a_controller_without_room_is_reported_with_what_it_needs(tmp_path):
    with pytest.raises(OSError, match=f"bytes free in {tmp_path} on the controller; expected {1 << 60}"):
        background.fetch(Module(part(b"x", 1, 1 << 60)), "/run/job", str(tmp_path), "a", print)
    assert list(tmp_path.iterdir()) == []


def test_a_wait_reports_how_far_it_is(monkeypatch):
    monkeypatch.setattr(background, "PROGRESS", 0)
    shown = []
    found = background.wait(Module(polled("Started\n", 8), polled("", 8, "ended")), "/run/job", shown.append, os.getppid(), lambda seconds: None)
    assert found["lines"] == ["Started"] and len(shown) == 1 and shown[0] >= 0


@pytest.mark.parametrize(("given", "text"), [
    (("flight_recording", 12.4, 60), "recording, 12 s of 60"), (("flight_recording", 70, 60), "recording, 60 s of 60"),
    (("heap_dump", 3.2, 0), "writing the heap, 3 s; the application waits")])
def test_how_far_a_recording_is(given, text):
    assert describe_wait(*given) == text
