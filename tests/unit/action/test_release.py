# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of an upload: how often it asks, what it sends, and when it fails."""

from __future__ import annotations

import hashlib
import tarfile
from types import SimpleNamespace

import pytest
from ansible_collections.xitrum.host.plugins.action import release as action

A, B = (hashlib.sha256(text.encode()).hexdigest() for text in "ab")


@pytest.fixture(name="upload")
def fixture_upload(tmp_path, monkeypatch):
    """A function that uploads a package of the files a and b to a host that lacks some: the result, what was queried, what each archive held."""
    for name in "ab":
        (tmp_path / name).write_text(name)
    manifest = [{"path": name, "mode": "0644", "sha256": digest} for name, digest in (("a", A), ("b", B))]
    monkeypatch.setattr(action.ActionBase, "run", lambda *_more: {})

    def upload(lacks, check_mode=False, arrives=True, pipelining=True, **more):
        calls, held, folders = [], [], []
        made = object.__new__(action.ActionModule)
        made._task = SimpleNamespace(args={"root": "/opt/x", "release": "r", "folder": str(tmp_path), "manifest": manifest, **more}, check_mode=check_mode)
        shell = SimpleNamespace(join_path=lambda *words: "/".join(words), tmpdir=None)
        made._connection = SimpleNamespace(_shell=shell)

        def make_folder():
            shell.tmpdir = f"/tmp/{len(folders)}"
            folders.append(shell.tmpdir)
            return shell.tmpdir

        def remove_folder(path):
            folders[folders.index(path)] = shell.tmpdir = None

        made._make_tmp_path, made._remove_tmp_path = make_folder, remove_folder

        def transfer(archive, _remote):
            with tarfile.open(archive) as tar:
                held.append(set(tar.getnames()))

        def execute(module_name, module_args, task_vars):
            calls.append(module_args)
            if not pipelining and not shell.tmpdir:
                make_folder()
            there = held[-1] if "archive" in module_args and arrives else set()
            if not check_mode and not set(lacks) - there:
                return {"changed": True, "staged": True, "missing": sorted(lacks)}
            return {"changed": True, "missing": sorted(lacks), "verified": {"/opt/x/a": ["seal"]}}

        made._transfer_file, made._execute_module = transfer, execute
        result = made.run(task_vars={})
        # As Ansible does in the end.
        if shell.tmpdir:
            remove_folder(shell.tmpdir)
        assert not any(folders), f"left on the host: {folders}"
        return result, calls, held

    return upload


def test_without_knowing_it_asks_first(upload):
    result, calls, held = upload([B])
    assert (result["staged"], held, len(calls)) == (True, [{B}], 2)
    assert calls[1]["verified"] == {"/opt/x/a": ["seal"]}, "what was verified is not read again"


@pytest.mark.parametrize("more", [{}, {"existing": [f"0644 {A}"]}, {"existing": []}])
def test_without_pipelining_no_folder_is_left_on_the_host(upload, more):
    assert upload([A, B], pipelining=False, **more)[0]["staged"]


def test_what_the_host_has_is_known_and_the_rest_is_sent_at_once(upload):
    result, calls, held = upload([B], existing=[f"0644 {A}"])
    assert (result["staged"], held, len(calls)) == (True, [{B}], 1)
    assert "existing" not in calls[0] and result["sent_bytes"] > 0


def test_what_was_edited_on_the_host_is_sent_after_all(upload):
    result, calls, held = upload([A, B], existing=[f"0644 {A}"])
    assert (result["staged"], held, len(calls)) == (True, [{B}, {A, B}], 2)


def test_nothing_is_sent_where_nothing_is_missing_nor_in_check_mode(upload):
    assert upload([], existing=[f"0644 {A}", f"0644 {B}"])[2] == []
    result, calls, held = upload([B], existing=[], check_mode=True)
    assert (held, len(calls), "verified" in result) == ([], 1, False)


def test_an_archive_that_arrives_short_is_no_release(upload):
    result, _calls, _held = upload([B], arrives=False)
    assert result["failed"] and "did not arrive whole" in result["msg"] and "verified" not in result
