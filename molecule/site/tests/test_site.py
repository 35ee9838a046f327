# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site as a browser sees it, through the proxy and on the hosts."""

import pytest

testinfra_hosts = ["ansible://xitrum"]


@pytest.mark.parametrize("port", [8000, 8001])
def test_each_instance_answers_a_page_with_a_session(host, port):
    answer = host.check_output(f"curl --silent --show-error --include --max-time 10 http://127.0.0.1:{port}/")
    assert answer.splitlines()[0].split()[1] == "200"
    assert "_session=" in answer
