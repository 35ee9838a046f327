# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pip's arguments without the credentials of a package index."""

from __future__ import annotations

import configparser
import netrc
import urllib.parse

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import pip
from hypothesis import given
from hypothesis import strategies as st

INDEX = "https://pypi.example/simple"
SECRET = "https://bob:s3cret@pypi.example/simple"


@pytest.mark.parametrize(
    "arguments",
    ["", "--no-index --find-links=/srv/wheels", f"--index-url {INDEX} -f https://a/b", "-i https://a --cert '/a b'"],
)
def test_arguments_without_a_secret_stay_as_they_are(arguments):
    assert pip.build_settings(arguments) == {"arguments": arguments, "files": {}}


@pytest.mark.parametrize(
    ("arguments", "rest", "config", "logins"),
    [
        (
            f"--index-url {SECRET} --no-deps",
            "--no-deps",
            f"index-url = {INDEX}",
            "machine pypi.example login bob password s3cret\n",
        ),
        (f"--index-url={SECRET}", "", f"index-url = {INDEX}", "machine pypi.example login bob password s3cret\n"),
        (f"-i{SECRET}", "", f"index-url = {INDEX}", "machine pypi.example login bob password s3cret\n"),
        (
            f"--extra-index-url {SECRET} -i https://a/ -f /w",
            "",
            f"extra-index-url =\n    {INDEX}\nindex-url = https://a/\nfind-links =\n    /w",
            "machine pypi.example login bob password s3cret\n",
        ),
        ("-f https://bob:x@h:8080/w", "", "find-links =\n    https://h:8080/w", "machine h login bob password x\n"),
        # What a netrc file cannot hold.
        ("-i https://t0ken@h/simple", "", "index-url = https://t0ken@h/simple", None),
        ("-i https://h/simple?token=t0ken", "", "index-url = https://h/simple?token=t0ken", None),
        ("-i 'https://bob:a%20b@h/simple'", "", "index-url = https://bob:a%20b@h/simple", None),
        ("-i https://bob:%23@h/simple", "", "index-url = https://bob:%23@h/simple", None),
        ("--proxy http://bob:s3cret@proxy:3128", "", "proxy = http://bob:s3cret@proxy:3128", None),
        ("-i https://u:pa^ss@h/s -q", "-q", "index-url = https://h/s", "machine h login u password pa^ss\n"),
        ("-i 'https://u:p|a{}s@h/s'", "", "index-url = https://h/s", "machine h login u password p|a{}s\n"),
        ("""-i "https://u:pa'ss@h/s" """, "", "index-url = https://u:pa'ss@h/s", None),
        ("-i 'https://u:pa ss@h/s'", "", "index-url = https://u:pa ss@h/s", None),
        ("--proxy u:s3cret@pr:3128", "", "proxy = u:s3cret@pr:3128", None),
        ("--proxy=u:s3/cret@pr:3128 -q", "-q", "proxy = u:s3/cret@pr:3128", None),
        (
            "-i https://a:b@h/1 --extra-index-url https://c:d@h/2",
            "",
            "index-url = https://h/1\nextra-index-url =\n    https://c:d@h/2",
            "machine h login a password b\n",
        ),
    ],
)
def test_credentials_go_into_files(arguments, rest, config, logins):
    found = pip.build_settings(arguments)
    assert found["arguments"] == rest
    assert found["files"] == {"pip.conf": f"[global]\n{config}\n", **({"netrc": logins} if logins else {})}
    configparser.RawConfigParser().read_string(found["files"]["pip.conf"])


@pytest.mark.parametrize(
    "arguments",
    [
        f"--requirement {SECRET}",
        f"--cert={SECRET}",
        f"git+{SECRET}",
        "git+https://bob:s3cret^@h/a",
        "'https://bob:a s3cret@h'",
        "--client-cert=bob:s3cret@h",
    ],
)
def test_a_secret_that_no_file_can_hold_is_refused_and_not_shown(arguments):
    with pytest.raises(
        ValueError,
        match="supervisor_supervisord_pip_arguments: found .*expected a URL with credentials only after -i",
    ) as caught:
        pip.build_settings(arguments)
    assert "s3cret" not in str(caught.value)


def test_every_such_secret_is_reported_at_once():
    with pytest.raises(ValueError) as caught:
        pip.build_settings(f"--cert={SECRET} -q --requirement {SECRET} --client-cert=bob:s3cret@h")
    assert str(caught.value).count("bob") == 0 and str(caught.value).count("***") == 3
    assert "--cert=" in str(caught.value) and "--client-cert=" in str(caught.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_password_stays_in_the_arguments_and_each_is_read_back(tmp_path_factory, user, password):
    quote = urllib.parse.quote
    try:
        found = pip.build_settings(
            f"-i https://{quote(user, safe='')}:{quote('S3cr3t' + password, safe='')}@h/simple --no-deps"
        )
    except UnicodeEncodeError:
        return
    assert found["arguments"] == "--no-deps"
    config = configparser.RawConfigParser()
    config.read_string(found["files"]["pip.conf"])
    if "netrc" in found["files"]:
        path = tmp_path_factory.mktemp("netrc") / "netrc"
        path.write_text(found["files"]["netrc"], encoding="utf-8")
        login, _account, secret = netrc.netrc(str(path)).authenticators("h")
        assert (login, secret) == (user, "S3cr3t" + password)
        assert config["global"]["index-url"] == "https://h/simple"
    else:
        assert (
            urllib.parse.unquote(urllib.parse.urlsplit(config["global"]["index-url"]).password) == "S3cr3t" + password
        )
