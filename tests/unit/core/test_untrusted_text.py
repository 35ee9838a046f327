# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and answers of others are read as the real programs read them. data/recorded has what those made of each text."""

from __future__ import annotations

import _strptime
import calendar
import configparser
import datetime
import json
import re
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import bounded, process, quiet, untrusted_text
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan, Row, build_unread_rows
from ansible_collections.xitrum.host.plugins.module_utils.host_state import machine
from ansible_collections.xitrum.host.plugins.module_utils.jdk import jvm
from ansible_collections.xitrum.host.plugins.module_utils.kernel import component as kernel
from ansible_collections.xitrum.host.plugins.module_utils.kernel import files as kernel_files
from ansible_collections.xitrum.host.plugins.module_utils.kernel import planning as kernel_plan
from ansible_collections.xitrum.host.plugins.module_utils.kernel import values as kernel_values
from ansible_collections.xitrum.host.plugins.module_utils.limits import nofile as limits
from ansible_collections.xitrum.host.plugins.module_utils.proxy import certificates, haproxy_socket
from ansible_collections.xitrum.host.plugins.module_utils.proxy.definition import format_server_name
from ansible_collections.xitrum.host.plugins.module_utils.redirects import firewalld as redirects_firewalld
from ansible_collections.xitrum.host.plugins.module_utils.redirects import iptables as redirects_iptables
from ansible_collections.xitrum.host.plugins.module_utils.redirects import nft as redirects_nft
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import component as services
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import supervisord_config
from hypothesis import given
from hypothesis import strategies as st

from ..fake_host import FakeHost
from ..kernel.test_component import DEFAULTS as KERNEL
from ..limits.test_nofile import machine as limits_machine
from ..limits.test_nofile import plan_of as limits_plan
from ..supervisor.test_component import desired as desired_services
from ..supervisor.test_component import host as services_host
from ..supervisor.test_component import planned as services_planned

RECORDED = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parents[1] / "data" / "recorded").glob("*.json")}
KEY = "net.core.somaxconn"
OWN = "/etc/sysctl.d/90-xitrum.conf"
#: Text as files have it: lines of words, among them blanks and ends of lines that only Unicode knows.
TEXT = st.text(st.sampled_from("ab019 \t\n\r\v\f\0\x1c\x85\xa0\u2028\u3000\ufeff\udce4=#;:-*.[]%'\"/\\") | st.characters(exclude_categories=("Cs",)))


# -------------------------------------------------------------------------------------------------- kernel parameters


@pytest.mark.parametrize(("key", "text", "shown"), RECORDED["kernel"]["rows"])
def test_a_text_is_read_as_the_kernel_reads_it(key, text, shown):
    assert kernel_values.predict_written_value(key, text, RECORDED["kernel"]["start"][key]) == shown


@pytest.mark.parametrize("systemd", [True, False])
@pytest.mark.parametrize(("texts", "by_systemd", "by_sysctl"), RECORDED["sysctl_d"]["rows"])
def test_files_are_read_as_the_two_programs_read_them(texts, by_systemd, by_sysctl, systemd):
    files = [(f"/etc/sysctl.d/5{index}.conf", text) for index, text in enumerate(texts)]
    found = kernel_files.Boot(files, OWN, {KEY: "4096"}, systemd).find_value_without_us(KEY)
    assert (found or "4096") == (by_systemd if systemd else by_sysctl)


def kernel_host(live, files, systemd=True):
    """A host with a live somaxconn and files of others."""
    boot = {"/run/systemd/system/.keep": ""} if systemd else {}
    return FakeHost(
        {
            "/proc/sys/net/core/somaxconn": f"{live}\n",
            "/proc/sys/kernel/osrelease": "6.1.0\n",
            **boot,
            **{f"/etc/sysctl.d/{name}": text for name, text in files.items()},
        }
    )


def kernel_planned(host, value=1024, policy="at_least"):
    """The plan for somaxconn, applied."""
    desired = {**KERNEL, "profile": {KEY: {"value": value, "policy": policy}}}
    plan = kernel.plan(desired, kernel.read(host, desired))
    kernel.apply(host, plan)
    assert not kernel.plan(desired, kernel.read(host, desired)).changed
    return plan


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("net.core.somaxconn = 65536 # much", "ok"),
        ("net.core.somaxconn = 0x10000", "ok"),
        ("net.core.somaxconn =\t\t65536\t", "ok"),
        ("net/core/somaxconn=65536\r", "ok"),
        ("net.core.soma* = 65536", "ok"),
        ("net.core.somaxconn = 010", "drift"),
        ("net.core.soma* = 8", "drift"),
    ],
)
@pytest.mark.parametrize("systemd", [True, False])
def test_a_better_value_of_another_file_is_never_lowered(line, status, systemd):
    host = kernel_host(65536, {"60-other.conf": line + "\n"}, systemd)
    plan = kernel_planned(host)
    assert [row.status for row in plan.rows] == [status]
    assert (OWN in host.files) is (status == "drift"), "ours is written where the file of others is worse"
    assert host.files["/proc/sys/net/core/somaxconn"].strip() == "65536"


@pytest.mark.parametrize("name", ["60-other.conf", "95-other.conf"])
def test_a_value_that_the_kernel_refuses_is_reported_and_kept(name):
    host = kernel_host(65536, {name: "# theirs\nnet.core.somaxconn = 64k\n"})
    plan = kernel_planned(host)
    rows = {row.item: row for row in plan.rows}
    row = rows[f"/etc/sysctl.d/{name} line 2"]
    assert (row.configured, row.status) == ("net.core.somaxconn = 64k", "not_readable")
    assert row.why.startswith("found '64k' for net.core.somaxconn, which the kernel refuses; expected whole numbers.")
    assert row.fix == f"sed -i '2s/^/# /' /etc/sysctl.d/{name}"
    assert OWN not in host.files and host.files["/proc/sys/net/core/somaxconn"].strip() == "65536"


def test_a_refused_value_after_ours_keeps_systemd_from_setting_ours():
    late = {"95-other.conf": "net.core.somaxconn = 64k\n"}
    found = {systemd: kernel_planned(kernel_host(128, late, systemd)).rows[0] for systemd in (True, False)}
    assert (found[True].status, found[False].status) == ("drift", "drift")
    again = {systemd: kernel_host(1024, {**late, "90-xitrum.conf": kernel_plan.MARK + "net.core.somaxconn = 1024\n"}, systemd) for systemd in (True, False)}
    rows = {systemd: kernel_planned(host).rows[0] for systemd, host in again.items()}
    assert (rows[True].status, rows[False].status) == ("drift", "ok")
    assert rows[True].why == f"/etc/sysctl.d/95-other.conf line 1 sets it to '64k' at boot, after {OWN}, which the kernel refuses"


def test_a_name_that_is_excluded_after_ours_is_reported():
    host = kernel_host(1024, {"90-xitrum.conf": kernel_plan.MARK + "net.core.somaxconn = 1024\n", "95-other.conf": "-net.core.somaxconn\n"})
    row = kernel_planned(host).rows[0]
    assert (row.status, row.why) == ("drift", f"/etc/sysctl.d/95-other.conf line 1 (-net.core.somaxconn) keeps it from being set at boot, after {OWN}")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("net.core.somaxconn: 5", "found no '='"),
        ("\ufeffnet.core.somaxconn = 5", "found the name '\\\\ufeffnet.core.somaxconn'"),
        ("net.core.somaxconn\xa0= 5", "found the name 'net.core.somaxconn\\\\xa0'"),
        ("--net.core.somaxconn = 5", "found the name '-net.core.somaxconn'"),
    ],
)
def test_a_line_that_sets_nothing_is_reported(line, why):
    rows = list(kernel_planned(kernel_host(4096, {"60-a.conf": f"# \udce4\n{line}\n"})).rows)
    assert [(row.item, row.status) for row in rows] == [(KEY, "ok"), ("/etc/sysctl.d/60-a.conf line 2", "not_readable")]
    assert rows[1].why.startswith(why)


def test_sysctl_conf_is_read_last_without_systemd_though_a_link_leads_to_it():
    files = {"/etc/sysctl.conf": "a.b = 1\n", "/etc/sysctl.d/99-z.conf": "a.b = 2\n"}
    links = {"/etc/sysctl.d/99-sysctl.conf": "../sysctl.conf"}
    for more, last in (({}, "1"), ({"/run/systemd/system/.keep": ""}, "2")):
        texts, _unseen = kernel_files.read(FakeHost({**files, **more}, links=links), OWN)
        assert kernel_files.group_settings(texts)["a.b"][-1].value == last


@pytest.mark.parametrize(("live", "policy"), [("4096 131072", "at_least"), ("many", "at_least"), ("4096 131072", "at_most")])
def test_a_live_value_that_cannot_be_compared_is_kept(live, policy):
    host = kernel_host(live, {})
    row = kernel_planned(host, 1024, policy).rows[0]
    assert (row.status, row.effective) == ("not_readable", live)
    assert host.files["/proc/sys/net/core/somaxconn"].strip() == live


@given(TEXT, TEXT, st.booleans(), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_no_file_breaks_the_plan_or_lowers_a_live_value(early, late, systemd, live, desired):
    host = kernel_host(live, {"60-a.conf": early, "95-z.conf": late}, systemd)
    plan = kernel_planned(host, desired)
    assert int(host.files["/proc/sys/net/core/somaxconn"]) == max(live, desired)
    json.dumps(plan.report()).encode("utf-8")


@given(st.sampled_from(sorted(kernel_values.SHAPES)), TEXT, TEXT)
def test_what_the_kernel_makes_of_a_text_can_be_parsed(key, text, live):
    shown = kernel_values.predict_written_value(key, text, live)
    assert shown is None or kernel_values.predict_written_value(key, shown, live) == shown


# ------------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(("texts", "soft", "hard"), RECORDED["limits"]["rows"])
def test_limits_are_read_as_pam_reads_them(texts, soft, hard):
    host = FakeHost({f"{limits.LIMITS_D}/5{index}.conf": text for index, text in enumerate(texts)})
    read, _hidden = limits.read_lines(host)
    lines = [line for line in read if isinstance(line, limits.Line)]
    exempt = any(line.kind == "none" and line.domain == "deploy" for line in lines)
    found = []
    for kind, default in (("soft", 1024), ("hard", 20000)):
        line = limits.find_line(lines, "deploy", kind) or limits.find_line(lines, "*", kind)
        found.append(default if line is None or exempt else line.value)
    assert [min(found), found[1]] == [soft, hard]


@pytest.mark.parametrize("line", ["* SOFT nofile Unlimited\n* Hard NOFILE INFINITY\n", "* - nofile -1\n", "*\v-\tnofile 1048576 # most\n"])
def test_a_better_limit_in_any_spelling_stays(line):
    host = limits_machine(files={"/etc/security/limits.d/50-a.conf": line})
    assert "* soft nofile 1048576\n* hard nofile 1048576\n" in limits_plan(host).after
    late = limits_machine(files={"/etc/security/limits.d/95-a.conf": line})
    limits.apply(late, limits_plan(late))
    assert limits_plan(late).rows[0].status == "ok", "a later line that is as good is not drift"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("* soft nofile many", "found 'many'; expected a whole number or unlimited. PAM skips it"),
        ("* - nofile 1024k", "found '1024k', which PAM reads as 1024; expected a whole number"),
        ("* both nofile 4096", "found no line of limits.conf(5)"),
        ("* nofile 4096", "found no line of limits.conf(5)"),
        ("* - nofile 4096" + " " * 1100, "found a line of more than 1023 bytes"),
    ],
)
def test_a_limits_line_that_cannot_be_read_is_reported(line, why):
    host = limits_machine(files={"/etc/security/limits.d/50-a.conf": f"# Größe\n{line}\n"})
    rows = [row for row in limits_plan(host).rows if row.item == "/etc/security/limits.d/50-a.conf line 2"]
    assert [(row.status, row.fix) for row in rows] == [("not_readable", "sed -i '2s/^/# /' /etc/security/limits.d/50-a.conf")]
    assert rows[0].why.startswith(why)


def test_a_user_that_is_exempt_from_all_limits_is_reported():
    host = limits_machine(
        files={"/etc/security/limits.d/50-a.conf": "xitrum -\n@staff -\n"},
        commands={"timeout 10 su -s /bin/sh xitrum -c ulimit -Sn; ulimit -Hn": "Willkommen!\n1024\n524288\n"},
    )
    rows = {row.item: row for row in limits_plan(host, logins=["xitrum"]).rows}
    assert (rows["limits of xitrum"].status, rows["limits of @staff"].status) == ("drift", "ok")
    assert rows["login of xitrum"].effective == "1024 524288"


def test_a_later_line_above_what_can_be_granted_is_no_good():
    host = limits_machine(hard=20000, raises=False, files={"/etc/security/limits.d/95-a.conf": "* - nofile unlimited\n"})
    limits.apply(host, limits_plan(host))
    assert limits_plan(host).rows[0].status == "drift", "PAM could not apply it, and leaves the default"


def test_the_ceiling_after_a_reboot_is_read_as_the_kernel_reads_it():
    host = limits_machine(nr_open=2000000, files={"/etc/sysctl.d/60-a.conf": "fs.nr_open = 0x1e8480 # two millions\n"})
    assert limits.read(host, {"nofile": 1024000, "logins": [], "state": "absent", "path": ""} | limits_defaults())["nr_open_at_boot"] == 2000000


def limits_defaults():
    """The options of the component."""
    return {name: option.get("default") for name, option in limits.SPEC.items()}


@given(TEXT)
def test_no_limits_file_breaks_the_plan(text):
    host = limits_machine(files={"/etc/security/limits.d/50-a.conf": text, "/etc/security/limits.d/95-a.conf": text})
    json.dumps(limits_plan(host).report()).encode("utf-8")


# -------------------------------------------------------------------------------------------------------- supervisord


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[supervisord]\nminfds = 100000\n", 100000),
        ("[supervisord]\nminfds: 100000\n", 100000),
        ("[supervisord]\nMinFDs=100000 ; many\n", 100000),
        ("[supervisord]\nminfds=100000 # many\n", 100000),
        ("[supervisord]\nminfds=\n  100000\n", 100000),
        ("[supervisord]\nminfds=100_000\n", 100000),
        ("[supervisord]\r\nminfds=100000\r\n", 100000),
        ("[DEFAULT]\nminfds=100000\n[supervisord]\n", 100000),
        ("[supervisord]\nminfds=1\n[supervisord]\nminfds=100000\n", 100000),
        ("[supervisord]\n; minfds=100000\n", 0),
        ("[program:a]\nminfds=100000\n", 0),
        ("[supervisord]\nenvironment=A=1\n  minfds=100000\n", 0),
    ],
)
def test_minfds_is_read_as_supervisord_reads_it(text, found):
    """Compared with supervisor.options.ServerOptions of supervisor 4.2.5 and 4.3.0."""
    assert supervisord_config.find_minfds({"f": text}) == found
    assert supervisord_config.find_unread({"f": text}) == []


@pytest.mark.parametrize(
    ("text", "number", "why"),
    [
        ("[supervisord]\n# x\nminfds=%(ENV_FDS)s\n", 3, "found minfds '%(ENV_FDS)s'; expected a whole number"),
        ("[supervisord]\nminfds=many\n", 2, "found minfds 'many'"),
        ("[supervisord]\nminfds 100000\n", 2, "found neither NAME = VALUE nor a [section]"),
        ("minfds=100000\n", 1, "found a line before any [section]"),
        ("\ufeff[supervisord]\n", 1, "found a line before any [section]"),
    ],
)
def test_what_supervisord_does_not_start_with_is_reported(text, number, why):
    ((file, line, shown, message),) = supervisord_config.find_unread({"/etc/supervisor/conf.d/a.conf": text})
    assert (file, line, shown) == ("/etc/supervisor/conf.d/a.conf", number, text.split("\n")[number - 1])
    assert message.startswith(why)


def test_minfds_that_cannot_be_read_lowers_nothing():
    there = services_host(
        {supervisord_config.MAIN: "[supervisord]\nminfds=%(ENV_FDS)s\n[include]\nfiles=conf.d/*.conf\n"},
        nofile="Max open files            26000                40000                files     \n",
    )
    state, plan = services_planned(there, desired_services(nofile=15000))
    assert state["set"]["files"][0]["content"].endswith("minfds=26000\n")
    assert [(row.item, row.status) for row in plan.rows if row.status == "not_readable"] == [(f"{supervisord_config.MAIN} line 2", "not_readable")]


@pytest.mark.parametrize(
    "text",
    [
        "minfds=200000\n[supervisord]\nminfds=200000\n",
        "garbage\n[supervisord]\nminfds=200000\n",
        "[supervisord]\nminfds=200000\nstray\n",
        "\ufeff[supervisord]\nminfds = 200000\n",
    ],
)
def test_a_file_that_cannot_be_read_lowers_nothing(text):
    """A daemon that read the file before its last change still runs with what it had."""
    there = services_host(
        {supervisord_config.MAIN: "[supervisord]\n[include]\nfiles=conf.d/*.conf\n", "/etc/supervisor/conf.d/x.conf": text},
        nofile="Max open files            200000               200000               files     \n",
    )
    state, _plan = services_planned(there, desired_services(nofile=15000))
    assert state["set"]["files"][0]["content"].endswith("minfds=200000\n")
    assert not supervisord_config.keeps_minfds({"f": "[supervisord]\nminfds=200000\n[program:a]\ncommand=b\n"})


def test_programs_in_every_spelling_and_folder_are_found():
    text = "[program: a ]\n[fcgi-program:b]\n[Program:c]\n[group:d]\n[eventlistener:e]\n[unix_http_server]\n"
    assert supervisord_config.find_programs({"f": text}) == dict.fromkeys("abde", "f")
    assert supervisord_config.find_programs({"f": "x\n[program:a]\n"}) == {"a": "f"}, "a file that cannot be read hides no name"
    there = services_host(
        {supervisord_config.MAIN: "[supervisord]\n[include]\nfiles=conf.d/*.conf %(here)s/more/*.ini\n", "/etc/supervisor/more/x.ini": "[program:demo-0]\n"}
    )
    assert list(services.plan(desired_services(), services.read(there, desired_services())).errors) == [
        "/etc/supervisor/more/x.ini has a program demo-0 already: remove it there, or set another xitrum_name"
    ]


def test_a_main_file_that_does_not_include_ours_is_an_error():
    there = services_host({supervisord_config.MAIN: "[supervisord]\n[include]\nfiles = conf.d/*.ini\n"})
    assert list(services_planned(there, desired_services())[1].errors) == [
        "/etc/supervisor/supervisord.conf includes /etc/supervisor/conf.d/*.ini, which does not find /etc/supervisor/conf.d/demo-0.conf: "
        "add /etc/supervisor/conf.d/*.conf to files in its section [include]"
    ]


@given(TEXT)
def test_no_text_breaks_the_reading_of_an_ini_file(text):
    supervisord_config.find_programs({"f": text})
    assert supervisord_config.find_minfds({"f": text}) is not None
    assert all(isinstance(number, int) for _file, number, _text, _why in supervisord_config.find_unread({"f": text}))
    supervisord_config.find_included(text)


@given(st.text(st.sampled_from("[supervisord]minfds=: ;#10_\n\t%()")))
def test_an_ini_file_is_read_as_its_own_library_reads_it(text):
    """The settings of UnhosedConfigParser in supervisor/options.py."""
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))
    try:
        parser.read_string(text)
        value = int(parser.get("supervisord", "minfds", fallback="0"))
    except (configparser.Error, ValueError):
        return
    assert supervisord_config.find_minfds({"f": text}) == max(value, 0)


# ------------------------------------------------------------------------------------------------------- certificates

#: The short names of months in locales of glibc 2.36.
LANGUAGES = {
    "en_US": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(),
    "de_DE": "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez".split(),
    "ja_JP": [f"{month:2d}月" for month in range(1, 13)],
    "vi_VN": [f"Thg {month}" for month in range(1, 13)],
    "tr_TR": "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara".split(),
}


@pytest.fixture(params=sorted(LANGUAGES))
def spoken(request, monkeypatch):
    """The language of the process, which AnsibleModule sets to that of the host: here without its locale being installed."""
    monkeypatch.setattr(calendar, "month_abbr", ["", *LANGUAGES[request.param]])
    monkeypatch.setattr(_strptime, "_TimeRE_cache", _strptime.TimeRE())
    _strptime._regex_cache.clear()
    yield request.param
    _strptime._regex_cache.clear()


def test_the_language_of_the_fixture_is_that_of_strptime(spoken):
    assert datetime.datetime.strptime(LANGUAGES[spoken][4], "%b").month == 5


@pytest.mark.parametrize("month", range(1, 13))
def test_a_date_of_a_certificate_is_read_in_every_language(spoken, month):
    end = datetime.datetime(2027, month, 4, 10, 0, 9, tzinfo=datetime.timezone.utc)
    name = certificates.MONTHS[month - 1]
    assert certificates.parse(f"notAfter={name}  4 10:00:09 2027 GMT\nsha256 Fingerprint=AA\n") == (end, "AA"), spoken


@pytest.mark.parametrize("end", ["Mai  4 10:00:00 2027", "Feb 30 10:00:00 2027", "Bad time value", "Nov 24 24:00:00 2027", "Nov 24 10:00:00 0000"])
def test_a_date_that_is_none_is_no_certificate(end):
    assert certificates.parse(f"notAfter={end} GMT\nsha256 Fingerprint=AA\n") is None


def test_a_leap_second_and_parts_of_a_second():
    assert certificates.parse("notAfter=Dec 31 23:59:60 2027 GMT\nsha256 Fingerprint=AA\n")[0].second == 59
    assert certificates.parse("notAfter=Dec 31 23:59:58.25 9999 GMT\nsha256 Fingerprint=AA\n")[0].year == 9999


@given(st.dates(datetime.date(1950, 1, 1), datetime.date(9999, 12, 31)))
def test_every_day_that_openssl_prints_is_read(day):
    text = f"notAfter={certificates.MONTHS[day.month - 1]} {day.day:2d} 00:00:00 {day.year} GMT\nsha256 Fingerprint=AA\n"
    assert certificates.parse(text)[0].date() == day


def test_flags_of_a_jvm_that_speaks_german():
    """jcmd PID VM.flags of OpenJDK 17.0.15 that was started with LC_ALL=de_DE.UTF-8 and -XX:MaxRAMPercentage=75.5."""
    text = "1234:\n-XX:CICompilerCount=2 -XX:MaxHeapSize=67108864 -XX:MaxRAMPercentage=75,500000 -XX:+UseSerialGC -XX:CompileOnly=a,b\n"
    assert jvm.parse_flags(text) == {
        "CICompilerCount": "2",
        "MaxHeapSize": "67108864",
        "MaxRAMPercentage": "75.500000",
        "UseSerialGC": "true",
        "CompileOnly": "a,b",
    }


def test_no_plugin_asks_for_a_language():
    names = re.compile(r"\.strptime\(|strftime\([^)]*%-?[aAbBcxXpE]|to_datetime")
    files = [path for path in Path(quiet.__file__).parents[2].rglob("*.py") if path.name != "__init__.py"]
    assert [f"{path.name}: {found}" for path in files for found in names.findall(path.read_text(encoding="utf-8"))] == []


def test_no_language_translates_a_command():
    seen = {}
    Host(lambda _argv, _data, environment, *_more: seen.update(environment) or bounded.Run(0, b"", b"")).run(["true"])
    assert (seen["LC_ALL"], seen["LANGUAGE"]) == ("C", "C")


# --------------------------------------------------------------------------------------------------------- redirects


def test_a_warning_before_the_answer_of_nft():
    assert redirects_nft.parse('# Warning: table ip nat is managed by iptables-nft, do not touch!\n{"nftables": [{"metainfo": {}}]}\n') == [{"metainfo": {}}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["match", "left", "right", "op", "redirect", "port", "expr", "chain"]) | st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, JSON)
def test_no_answer_of_nft_breaks_its_reading(found, expr):
    ours = {"rule": {"family": "inet", "table": "xitrum_host", "chain": "prerouting", "expr": expr if isinstance(expr, list) else [expr]}}
    for text in (json.dumps(found), json.dumps({"nftables": found}), json.dumps({"nftables": [ours, {"chain": found}]})):
        try:
            objects = redirects_nft.parse(text)
        except ValueError:
            continue
        redirects_nft.parse_effective({"objects": objects}, ["ipv4", "ipv6"])


def test_a_set_of_interfaces_is_no_rule_of_ours():
    match = {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": {"set": ["eth0", "eth1"]}}
    rule = {"rule": {"family": "inet", "table": "xitrum_host", "chain": "prerouting", "expr": [{"match": match}]}}
    assert [found.origin for found in redirects_nft.parse_effective({"objects": [rule, rule]}, ["ipv4"])] == ["unknown", "unknown"]


@given(TEXT)
def test_no_rules_of_iptables_break_their_reading(text):
    saved = f"*nat\n{text}\nCOMMIT\n"
    redirects_iptables.parse(saved, "ipv4")
    assert redirects_iptables.merge(saved, [], "ipv4").count("COMMIT") >= 1
    redirects_firewalld.parse_runtime_rules(text)


def test_a_comment_of_a_rule_ends_no_line():
    rule = '-A PREROUTING -p tcp -m comment --comment "a\u2028-A XITRUM_HOST_PRE b \\"q\\"" -j ACCEPT\n'
    saved = f"# Generated\n# Warning: iptables-legacy tables present\n*nat\n:PREROUTING ACCEPT [5:300]\n[3:180] {rule}COMMIT\n"
    assert redirects_iptables.parse(saved, "ipv4") == []
    assert redirects_iptables.merge(saved, [], "ipv4") == saved


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_direct_rules_in_another_encoding(encoding):
    rule = '<rule ipv="ipv4" table="nat" chain="PREROUTING" priority="0">-p tcp</rule>'
    data = f'<?xml version="1.0" encoding="{encoding}"?>\n<direct><!-- für alle -->{rule}</direct>'
    assert redirects_firewalld.parse_direct_rules(data.encode(encoding).decode("utf-8", "surrogateescape")) == []


@given(TEXT)
def test_what_is_no_xml_is_reported_it(text):
    try:
        redirects_firewalld.parse_direct_rules(text)
    except ValueError as error:
        assert str(error).startswith(redirects_firewalld.FILE)


# ----------------------------------------------------------------------------------------------------- other readings


def test_hosts_with_umlauts_are_servers_of_their_own():
    names = ["größe1", "grüße1", "サーバ1", "データ1", "web 1"]
    found = [format_server_name(name, 0) for name in names]
    assert len(set(found)) == len(names) and found[-1] == "web_1-0"
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in found), "what HAProxy takes as a name"


def test_what_an_application_answers_a_health_check_breaks_no_table():
    head = "# pxname,svname,status,last_chk,\n"
    for words in ("Service\x0cUnavailable", "a\u2028b", "a\rb", "a\0b", '""quoted""'):
        rows = haproxy_socket.parse_stat(f'{head}app,app1-0,UP,"{words}",\napp,app2-0,DOWN,,\n')
        assert [(row["svname"], row["status"]) for row in rows] == [("app1-0", "UP"), ("app2-0", "DOWN")], words


@given(TEXT)
def test_no_answer_of_haproxy_breaks_its_reading(text):
    haproxy_socket.parse_stat("# pxname,svname,last_chk,\n" + text)
    haproxy_socket.parse_info(text)
    haproxy_socket.parse_servers_state(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('NAME="Debian GNU/Linux"\n', "Debian GNU/Linux"),
        ("NAME='Rocky Linux'\n", "Rocky Linux"),
        ("NAME=Fedora\n", "Fedora"),
        ('NAME="a \\"b\\" \\$c"\n', 'a "b" $c'),
        ('NAME="open\n', "open"),
        ("NAME=\n", ""),
    ],
)
def test_os_release_is_read_as_a_shell_reads_it(text, name):
    assert machine.parse_os_release(text)["NAME"] == name


def test_a_mount_point_with_a_blank_of_unicode():
    found = machine.parse_mounts("/dev/sda1 /srv/データ\u30001 ext4 rw,noexec 0 0\n/dev/sdb1 /mnt/a\\040b ext4 rw 0 0\n")
    assert found == {"/srv/データ\u30001": {"rw", "noexec"}, "/mnt/a b": {"rw"}}
    why = kernel.find_barred_reason(None, "/proc/sys/net/core/somaxconn", "a /srv/デ\u3000ー ext4 rw 0 0\nproc /proc/sys proc ro,nosuid 0 0\n")
    assert why == "/proc/sys is mounted read-only"


def test_a_process_cannot_name_itself_into_the_status():
    assert process.parse_status("Name:\ta\x0cUid:\t0\nPPid:\t7\n") == {"Name": "a\x0cUid:\t0", "PPid": "7"}
    assert process.parse_limits("Max open files            unlimited            many                 files\n") == {}


@given(TEXT)
def test_no_text_breaks_the_other_readings(text):
    machine.parse_os_release(text)
    machine.parse_mounts(text)
    process.parse_status(text)
    process.parse_limits(text)
    process.parse_unit(text)


# ----------------------------------------------------------------------------------------------------------- results


@given(TEXT, TEXT)
def test_every_result_can_be_sent(one, other):
    facts = {"a": {one: [other, (one,)]}, "b": None, "c": 1, "d": True}
    plan = Plan(rows=[Row("kernel", one, why=other)], errors=[one], before=one, after=other, facts=facts)
    for found in (plan.report(), plan.build_diff(one)):
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    assert (plan.report()["b"], plan.report()["c"], plan.report()["d"]) == (None, 1, True)


def test_what_is_utf_8_is_sent_as_it_is():
    assert untrusted_text.make_sendable({"ä": ["日本", "a\udce4b"]}) == {"ä": ["日本", "a\\xe4b"]}


@given(TEXT)
def test_what_is_printed_is_one_line_without_control_characters(text):
    found = untrusted_text.make_printable(text)
    assert found.isprintable() and len(found) <= 123
    found.encode("utf-8")


def test_letters_and_lines_are_those_of_a_program_in_c():
    assert untrusted_text.lower_ascii("SOFTİ\u212aſ") == "softİ\u212aſ"
    assert list(untrusted_text.split_lines("a\x0cb\u2028c\r\nd")) == [(1, "a\x0cb\u2028c\r"), (2, "d")]
    assert list(untrusted_text.split_lines("")) == [] and list(untrusted_text.split_lines("\n")) == [(1, "")]


def test_a_file_full_of_nonsense_is_reported_in_a_few_rows():
    rows = build_unread_rows("kernel", [("/etc/sysctl.d/a b.conf", number, "x\x1b[2J", "no '='") for number in range(1, 101)])
    assert [row.item for row in rows][-2:] == ["/etc/sysctl.d/a b.conf line 5", "/etc/sysctl.d/a b.conf, more lines"]
    assert (rows[0].configured, rows[0].fix) == ("x\\x1b[2J", "sed -i '1s/^/# /' '/etc/sysctl.d/a b.conf'")
    assert rows[-1].why.startswith("found 95 more lines")


@pytest.mark.parametrize("ends", ["exit_json", "fail_json"])
def test_every_module_ends_with_what_can_be_sent(monkeypatch, ends):
    sent = {}
    monkeypatch.setattr(quiet.AnsibleModule, "__init__", lambda self: None)
    monkeypatch.setattr(quiet.AnsibleModule, "exit_json", lambda self, **kwargs: sent.update(kwargs))
    monkeypatch.setattr(quiet.AnsibleModule, "fail_json", lambda self, msg, **kwargs: sent.update(kwargs, msg=msg))
    getattr(quiet.QuietModule(), ends)(msg="gr\udcfcn", diff={"before": "\udcff"})
    assert sent == {"msg": "gr\\xfcn", "diff": {"before": "\\xff"}}


def test_a_warning_of_a_module_acts_on_no_terminal(monkeypatch):
    """Ansible prints it raw."""
    sent = []
    monkeypatch.setattr(quiet.AnsibleModule, "__init__", lambda self: None)
    monkeypatch.setattr(quiet.AnsibleModule, "warn", lambda self, warning: sent.append(warning))
    quiet.Utf8Module().warn("gr\udcfcn \x1b[2J")
    assert sent == ["gr\\xfcn \\x1b[2J"]


def test_no_module_sends_past_it():
    folder = Path(quiet.__file__).parents[2]
    found = [
        path.name
        for path in [*(folder / "modules").glob("*.py"), *(folder / "module_utils").rglob("*.py")]
        if "import AnsibleModule" in path.read_text() and path.name != "quiet.py"
    ]
    assert found == []
