# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module host_base takes, and in which order it acts."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import runner
from ansible_collections.xitrum.host.plugins.module_utils.kernel import component as kernel
from ansible_collections.xitrum.host.plugins.module_utils.limits import nofile as limits
from ansible_collections.xitrum.host.plugins.modules import host_base


def given(read_only, **options):
    return {"read_only": read_only, **dict.fromkeys(host_base.COMPONENTS), **options}


@pytest.mark.parametrize("options", [given(True, machine={}, jdk={}, capacity={}, kernel={}), given(False, alternatives={}, kernel={}, redirects={})])
def test_what_can_be_read_is_read_and_what_can_be_set_is_set(options):
    assert host_base.find_misplaced(options) == []


@pytest.mark.parametrize("options, message", [
    (given(True, alternatives={}), "alternatives: may be given only without read_only"),
    (given(False, capacity={}), "capacity: may be given only with read_only"),
    (given(True, jdk={}), "jdk: needs machine, which reads the operating system"),
    (given(False, machine={}), "machine: may be given only with read_only"),
])
def test_what_would_be_ignored_is_refused(options, message):
    assert host_base.find_misplaced(options) == [message]


def test_the_kernel_comes_before_the_limits_that_it_bounds():
    order = list(host_base.APPLIED)
    assert order.index("kernel") < order.index("nofile")


@pytest.mark.parametrize("name, component", [("kernel", kernel), ("nofile", limits)])
def test_each_is_applied_by_its_own_component(name, component, monkeypatch):
    def read(_host, _desired, _seen):
        raise LookupError(name)

    monkeypatch.setattr(component, "read", read)
    with pytest.raises(LookupError, match=name):
        runner.converge(host_base.APPLIED[name](), None, {"path": "/x"}, False)
