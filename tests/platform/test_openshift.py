# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source tree for OpenShift: the hooks of the DIY cartridge are run, and the cluster's files are held to their schemas."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shlex
import socket
import subprocess

import kubernetes_validate
import pytest
import yaml

from tests.lib import demo_instance
from tests.platform.conftest import CONFIG, ENVIRONMENT, make_tree, read_contents, run_git, run_playbook, start_process, wait_for_answer

HOOKS = (".openshift/action_hooks/build", ".openshift/action_hooks/start", ".openshift/action_hooks/stop")
WINDOWS = (CONFIG, "config/logback.xml", "build.sbt")


@pytest.fixture(scope="module")
def port():
    return demo_instance.find_free_port()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, port):
    """A tree with Windows line ends and both layouts: inspected, prepared twice in a row, and then with an Ingress."""
    tree = make_tree(tmp_path_factory.mktemp("openshift") / "shop", WINDOWS)
    desired = {"openshift_path": str(tree), "openshift_image": "images.example.com/shop:1", "openshift_layouts": ["diy", "kubernetes"],
               "xitrum_name": "of-another", "openshift_port": port, "openshift_trusted_proxies": ["10.128.0.0/14", "127.0.0.1"], "openshift_start_timeout": 60}
    before, runs = read_contents(tree), {}
    runs["check"] = run_playbook("openshift", ["--check", "--diff"], **desired)
    runs["untouched"] = read_contents(tree) == before
    runs["twice"] = run_playbook("openshift", times=2, **desired)
    runs["route"] = (tree / "deploy" / "route.yaml").read_text()
    runs["ingress"] = run_playbook("openshift", openshift_expose="ingress", openshift_host="shop.example.com", openshift_tls_secret="shop-tls",
                                   openshift_allow_uncommitted=True, **desired)
    return tree, runs


@pytest.fixture(scope="module")
def manifests(prepared):
    """Kind to its manifest."""
    texts = [path.read_text() for path in sorted((prepared[0] / "deploy").glob("*.yaml"))] + [prepared[1]["route"]]
    found = [yaml.safe_load(text) for text in texts]
    return {each["kind"]: each for each in found}


@pytest.fixture(name="gear")
def fixture_gear(prepared, package, tmp_path):
    """The environment of a gear; what runs in it at the end is killed by the number that the hook wrote down."""
    port = demo_instance.find_free_port()
    yield {"OPENSHIFT_DIY_IP": "127.0.0.1", "OPENSHIFT_DIY_PORT": str(port), "OPENSHIFT_REPO_DIR": f"{prepared[0]}/", "OPENSHIFT_DATA_DIR": f"{tmp_path}/",
           "DEMO_PACKAGE": str(package), "SBT_ARGUMENTS": str(tmp_path / "arguments")}
    with contextlib.suppress(OSError):
        os.kill(int((tmp_path / "shop.pid").read_text().split()[0]), 9)


def run_hook(name, tree, environment):
    """Runs a hook as the platform does, and returns its code and what it reported."""
    done = subprocess.run([str(tree / ".openshift" / "action_hooks" / name)], cwd="/", env={**ENVIRONMENT, **environment}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=90, check=False)
    return done.returncode, done.stdout + done.stderr


def runs(pid):
    """Whether a process runs; one that has ended, and that nobody waited for, does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_check_mode_shows_all_and_changes_nothing(prepared):
    run = prepared[1]["check"]
    assert (run.code, run.changed, prepared[1]["untouched"]) == (0, 1, True), run.text
    # The name is the project's, not that of an inventory which the clone's ansible.cfg names.
    assert "The application's name is shop, from build.sbt." in run.text and "of-another" not in run.text
    assert "  oc create secret generic shop --from-literal=secure-key=" in run.text
    assert "+kind: Deployment" in run.text and "${OPENSHIFT_DIY_PORT}" in run.text


def test_the_tree_is_prepared_once_and_keeps_its_line_ends(prepared):
    tree, runs = prepared
    assert (runs["twice"].code, runs["twice"].changed) == (0, 1), runs["twice"].text
    for name in WINDOWS:
        text = (tree / name).read_bytes()
        assert text.count(b"\r\n") == text.count(b"\n")
    text = (tree / CONFIG).read_text()
    assert "    http  = ${OPENSHIFT_DIY_PORT}\n    #https = 4430\n" in text and "  interface = ${OPENSHIFT_DIY_IP}\n}" in text


def test_the_other_entrance_takes_the_place_of_the_first(prepared):
    run = prepared[1]["ingress"]
    assert (run.code, run.changed) == (0, 1), run.text
    assert sorted(path.stem for path in (prepared[0] / "deploy").iterdir()) == ["configmap", "deployment", "ingress", "service"]


def test_uncommitted_work_is_refused_unless_allowed(prepared):
    run = run_playbook("openshift", openshift_path=str(prepared[0]), openshift_layouts=["diy"], openshift_name="other")
    assert run.code == 2 and run.changed == 0
    assert "has uncommitted changes in" in " ".join(run.text.split())


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_the_manifests_are_valid(manifests, version):
    assert sorted(manifests) == sorted(["ConfigMap", "Deployment", "Ingress", "Route", "Service"])
    for kind in sorted(set(manifests) - {"Route"}):
        kubernetes_validate.validate(manifests[kind], version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifests["Service"], "spec": {"prots": []}}, version, strict=True)


def test_the_manifests_fit_together_and_fit_xitrum(manifests, port):
    pod = manifests["Deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    names = {port["name"] for port in container["ports"]}
    assert manifests["Service"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert manifests["Deployment"]["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    probed = {container[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "readiness", "liveness")}
    assert {manifests["Service"]["spec"]["ports"][0]["targetPort"]} == names == probed
    backend = manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": manifests["Service"]["metadata"]["name"], "port": {"name": manifests["Service"]["spec"]["ports"][0]["name"]}}
    assert container["envFrom"][0]["configMapRef"]["name"] == manifests["ConfigMap"]["metadata"]["name"]
    assert container["ports"][0]["containerPort"] == port
    # The JVM's own time to stop, after the pod has waited.
    assert pod["spec"]["terminationGracePeriodSeconds"] - int(container["lifecycle"]["preStop"]["exec"]["command"][1]) == 30
    # All that it writes to is there, since the rest cannot be written.
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/app/tmp", "/app/log", "/tmp"}


def test_the_route_is_one(manifests):
    """There is no schema of it in Kubernetes: what OpenShift's documentation of the API asks for."""
    route = manifests["Route"]
    assert route["apiVersion"] == "route.openshift.io/v1"
    assert set(route["spec"]) <= {"host", "path", "to", "port", "tls", "wildcardPolicy", "alternateBackends", "subdomain"}
    assert route["spec"]["to"] == {"kind": "Service", "name": manifests["Service"]["metadata"]["name"], "weight": 100}
    assert route["spec"]["port"]["targetPort"] == manifests["Service"]["spec"]["ports"][0]["name"]
    assert route["spec"]["tls"] == {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}
    assert all(isinstance(value, str) for value in route["metadata"]["annotations"].values())


def read_container_environment(tree, manifests):
    """The variables that a container of the Deployment has, from the image and from the cluster."""
    image = dict(re.findall(r'(?m)^ENV (\w+)="(.*)"$', (tree / "Containerfile").read_text()))
    secrets = {item["name"]: f"of-the-secret-{item['valueFrom']['secretKeyRef']['key']}-{'x' * 40}"
               for item in manifests["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]}
    return {**image, **manifests["ConfigMap"]["data"], **secrets}


def test_the_image_starts_what_the_probes_ask_for(prepared, manifests, package, port, tmp_path):
    """The image's command with the environment of a pod, without a container around it: what the files report is what runs."""
    tree = prepared[0]
    text = (tree / "Containerfile").read_text()
    command = [word for name in ("ENTRYPOINT", "CMD") for word in yaml.safe_load(re.search(rf"(?m)^{name} (.*)$", text).group(1))]
    assert re.findall(r"(?m)^(?:FROM|COPY|USER|EXPOSE) .*$", text) == ["FROM eclipse-temurin:17-jre", "COPY . ./", "USER 1001", f"EXPOSE {port}"]
    root = demo_instance.copy_package(package, tmp_path / "app")
    for name in (CONFIG, "config/logback.xml"):
        (root / name).write_bytes((tree / name).read_bytes())
    container = manifests["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    environment = read_container_environment(tree, manifests)
    with start_process(command, root, environment) as started:
        answer = wait_for_answer(port, lambda: started.poll() is None, container["readinessProbe"]["httpGet"]["path"])
        client = demo_instance.request(port, "/client", headers={"X-Forwarded-For": "192.0.2.7"}).text
        key = environment["CONFIG_FORCE_xitrum_metrics_apiKey"]
        assert (answer.status, demo_instance.request(port, f"/xitrum/metrics/viewer?api_key={key}").status) == (200, 200)
        assert "192.0.2.7" in client
        started.terminate()
        assert started.wait(30) in (143, -15)
    output = (root / "output").read_text()
    assert "started in production mode" in output and "HTTPS server started" not in output
    assert "example" not in output.lower()


def test_the_hooks_can_be_executed_and_are_clean(prepared):
    assert [name for name in HOOKS if not os.access(prepared[0] / name, os.X_OK)] == []
    subprocess.run(["shellcheck", "-x", "-P", "SCRIPTDIR", ".openshift/lib.sh", *HOOKS], cwd=prepared[0], check=True)


@pytest.mark.parametrize("name", ["build", "start", "stop"])
def test_a_hook_outside_of_openshift_reports_what_is_missing(prepared, name):
    code, output = run_hook(name, prepared[0], {"OPENSHIFT_DIY_IP": "127.0.0.1"})
    assert (code, output) == (1, f"{name}: OPENSHIFT_DIY_PORT is not set. OpenShift's DIY cartridge sets it and runs this hook; elsewhere set it yourself.\n")


def test_the_hooks_start_and_stop_it(prepared, gear, tmp_path):
    tree, port = prepared[0], int(gear["OPENSHIFT_DIY_PORT"])
    code, output = run_hook("build", tree, gear)
    assert code == 0, output
    assert (tmp_path / "arguments").read_text().split() == [
        f"-Duser.home={tree}/fakehome", f"-Dsbt.ivy.home={tmp_path}/.ivy2", f"-Divy.home={tmp_path}/.ivy2", "xitrumPackage"]

    code, output = run_hook("start", tree, gear)
    assert code == 0, output
    # It waited, so the first request is answered.
    assert demo_instance.request(port, "/").status == 200
    pid = int((tmp_path / "shop.pid").read_text().split()[0])
    assert b"quickstart.Boot" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    assert runs(pid) and os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "java"
    code, output = run_hook("start", tree, gear)
    assert (code, output) == (0, f"start: it runs already, as process {pid}.\n")

    code, output = run_hook("stop", tree, gear)
    assert (code, output) == (0, "")
    assert not runs(pid) and not (tmp_path / "shop.pid").exists()
    with pytest.raises(ConnectionRefusedError):
        demo_instance.request(port, "/")
    assert "started in production mode" in (tmp_path / "shop.log").read_text()
    assert run_hook("stop", tree, gear) == (0, "stop: it does not run.\n")


def test_a_number_that_another_process_has_by_now_is_left_alone(prepared, gear, tmp_path):
    (tmp_path / "shop.pid").write_text(f"{os.getpid()} 1\n")
    assert run_hook("stop", prepared[0], gear) == (0, "stop: it does not run.\n")


def test_a_port_that_is_held_is_reported_before_anything_starts(prepared, gear, tmp_path):
    with socket.create_server(("127.0.0.1", int(gear["OPENSHIFT_DIY_PORT"]))):
        code, output = run_hook("start", prepared[0], gear)
    assert code == 1 and "is held by another process" in output
    assert not (tmp_path / "shop.pid").exists()


def test_an_application_that_ends_shows_the_end_of_its_log(prepared, gear):
    # An address that this machine does not have.
    code, output = run_hook("start", prepared[0], {**gear, "OPENSHIFT_DIY_IP": "192.0.2.1"})
    assert code == 1
    assert "start: it ended while it started; the end of" in output and "Could not open port" in output


def test_the_tree_can_be_committed(prepared):
    """What git keeps of a mode is enough: a clone has hooks that can be executed."""
    run_git(prepared[0], "add", "-A")
    modes = dict(line.split("\t")[::-1] for line in run_git(prepared[0], "ls-files", "-s", "--", *HOOKS).splitlines())
    assert {shlex.split(mode)[0] for mode in modes.values()} == {"100755"}
    assert len(modes) == len(HOOKS)


def test_every_wrong_value_is_reported_at_once(prepared):
    run = run_playbook("openshift", openshift_path=str(prepared[0]), openshift_heap="foo", openshift_imag="a:1", openshift_name="My Shop")
    assert (run.code, run.changed) == (2, 0)
    output = " ".join(run.text.split())
    for sentence in ("the variable openshift_imag is set, and no role knows it: did you mean openshift_image?",
                     "openshift_heap is 'foo': expected a size as -Xmx takes it, such as 512m or 2g", "openshift_name is 'My Shop': expected small letters",
                     "openshift_image is empty: expected the image"):
        assert output.count(sentence) == 1, run.text
    assert "human_to_bytes" not in output
