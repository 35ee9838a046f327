# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether files can be saved in a folder is found out without making it."""

from __future__ import annotations

import os

import pytest
from ansible_collections.xitrum.host.plugins.plugin_utils import output_folder


@pytest.mark.parametrize("name", ["", "new", "new/folder", "link", "link/new"])
def test_a_folder_that_is_there_or_can_be_made(tmp_path, name):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    assert output_folder.find_folder_error(str(tmp_path / name)) == ""
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "there"]


@pytest.mark.parametrize(("name", "nearest"), [("file", "file"), ("file/x/y", "file"), ("dangling", "dangling"), ("dangling/x", "dangling")])
def test_what_is_no_folder(tmp_path, name, nearest):
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert output_folder.find_folder_error(str(tmp_path / name)) == f"which cannot be made: {tmp_path}/{nearest} is not a folder"


def test_where_this_user_cannot_write(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert output_folder.find_folder_error(str(tmp_path)) == "where this user cannot write"
    assert output_folder.find_folder_error(str(tmp_path / "a/b")) == f"which cannot be made: this user cannot write in {tmp_path}"


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert output_folder.find_folder_error("dumps") == ""
