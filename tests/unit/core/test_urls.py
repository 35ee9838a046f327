# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message may show of a URL."""

from __future__ import annotations

import urllib.parse

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import urls
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host.example/a.tar.gz", "https://host.example/a.tar.gz"),
        ("https://bob:secret@host.example:8443/simple/", "https://***@host.example:8443/simple/"),
        ("https://t0ken@host.example/simple", "https://***@host.example/simple"),
        ("https://host.example/a?sig=abc%2F&x=1&flag", "https://host.example/a?sig=***&x=***&***"),
        ("https://host.example/a#token", "https://host.example/a#***"),
        # A password that is not escaped as it had to be.
        ("https://bob:p@ss@host.example/a", "https://***@host.example/a"),
        ("https://bob:p/ss@host.example/a", "https://***@host.example/a"),
        ("https://bob:p#ss?x@host.example/a", "https://***@host.example/a"),
        ("https://host.example/@scope/name", "https://host.example/@scope/name"),
        ("https://host.example:8443/@scope/name", "https://host.example:8443/@scope/name"),
        ("http://u:p@[2001:db8::1]:80/", "http://***@[2001:db8::1]:80/"),
        ("ssh://git@host.example/a.git", "ssh://***@host.example/a.git"),
        (
            "'https://u:p@h/x' and (http://h/y). See https://u:p@h/z, or http://h/?",
            "'https://***@h/x' and (http://h/y). See https://***@h/z, or http://h/?",
        ),
        (
            "--index-url=https://u:p@h/simple --extra-index-url HTTPS://u:p@h",
            "--index-url=https://***@h/simple --extra-index-url HTTPS://***@h",
        ),
        # What a password may hold, escaped or not.
        ("https://u:pa^ss@h/s", "https://***@h/s"),
        ("https://u:p|a{}`s@h/s rest", "https://***@h/s rest"),
        ("'https://u:pa'ss@h/s'", "'https://***@h/s'"),
        ('"https://u:pa"s\\s<>@h"', '"https://***@h"'),
        ("https://to^ken@h", "https://***@h"),
        ("https://u:p/a'ss@h/s", "https://***@h/s"),
        ("https://h/s?token=a|b^c&x={d}e", "https://h/s?token=***&x=***"),
        ("{https://u:p@h} `https://h/`", "{https://***@h} `https://h/`"),
        ("https://a:1/x,https://u:pa^s@h/y", "https://a:1/x,https://***@h/y"),
        ('["https://a/x","https://u:p@h/y"]', '["https://a/x","https://***@h/y"]'),
        # A server without a scheme.
        ("--proxy u:secret@pr:3128 -v", "--proxy ***@pr:3128 -v"),
        ("--proxy=u:se@cr^et@pr:3128", "--proxy=***@pr:3128"),
        ("'u:secret@10.0.0.1'", "'***@10.0.0.1'"),
        ("ProxyJump=me@a:22,you@b:22 at 10:30, me@a", "ProxyJump=me@a:22,you@b:22 at 10:30, me@a"),
        ("git@github.com:a/b.git, no URL: a@b", "git@github.com:a/b.git, no URL: a@b"),
    ],
)
def test_a_url_is_shown_without_what_is_secret_in_it(text, shown):
    assert urls.hide_credentials(text) == shown
    assert urls.hide_credentials(shown) == shown


def test_what_must_not_be_shown_elsewhere_is_known_as_it_stands_and_decoded():
    assert set(urls.find_credentials("a https://bob:se%2Fcret@h/a?sig=signature&x=1 b")) == {
        "bob:se%2Fcret",
        "bob:se/cret",
        "se%2Fcret",
        "se/cret",
        "signature",
    }
    assert urls.find_credentials("https://h/a ssh://git-user@h/b") == []
    assert urls.find_credentials("https://t0ken-1@h/a") == ["t0ken-1"]
    assert urls.find_credentials("https://bob:hun^ter2@h/a") == ["bob:hun^ter2", "hun^ter2"]
    assert urls.find_credentials("--proxy bob:hunter2@h:3128") == ["bob:hunter2", "hunter2"]


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_whatever_a_password_is_it_is_not_shown_where_it_is_escaped(user, password, token):
    secret, signature = f"S3cr3t{password}", f"T0k3n{token}n"
    quote = urllib.parse.quote
    text = f"fetch https://{quote(user, safe='')}:{quote(secret, safe='')}@host.example/a?sig={quote(signature, safe='')} failed"
    shown = urls.hide_credentials(text)
    assert "S3cr3t" not in shown and "T0k3n" not in shown
    assert shown == "fetch https://***@host.example/a?sig=*** failed"
    assert {secret, signature} <= set(urls.find_credentials(text))
