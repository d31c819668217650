"""The files in infra/run fit the program: its commands, options, figures and paths."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from gatekeeper.cli import app
from gatekeeper.service.config import parse_config
from gatekeeper.service.metrics import Metrics

RUN = Path(__file__).resolve().parents[2] / "infra" / "run"
UNITS = sorted(RUN.glob("*.service"))
GLOBAL = {"--store", "--policy", "--region", "--lang"}


def unit(path):
    """A unit's sections; a key may stand several times."""
    found, section = {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            assert line.endswith("]"), line
            section = found.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        assert equals, f"{path.name}: {line}"
        assert section is not None, f"{path.name}: {line}"
        section.setdefault(key, []).append(value)
    return found


def check_command(words):
    """The words after ``gatekeeper`` name a command, and options that it has."""
    group, rest = app, list(words)
    while hasattr(group, "list_commands"):
        name = rest.pop(0)
        assert name in group.list_commands(None), f"no command {name}"
        group = group.get_command(None, name)
    known = {option for parameter in group.params for option in parameter.opts}
    given = {word.split("=")[0] for word in rest if word.startswith("--")}
    assert given <= known | GLOBAL


def manifests():
    text = (RUN / "kubernetes.yaml").read_text(encoding="utf-8")
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def pods():
    found = manifests()
    yield found["Deployment"]["spec"]["template"]["spec"]
    yield found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_there_is(path):
    service = unit(path)["Service"]
    (start,) = service["ExecStart"]
    program, *words = shlex.split(start)
    assert program == "/opt/gatekeeper/bin/gatekeeper"
    check_command(words)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_may_do_little(path):
    service = unit(path)["Service"]
    for key, value in {
        "User": "gatekeeper",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
        "UMask": "0077",
        "StateDirectoryMode": "0700",
    }.items():
        assert service[key] == [value], key
    # The holders of leases are looked up in /proc: one that is hidden would count as gone.
    assert not {"ProtectProc", "ProcSubset"} & service.keys()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_given_time_to_end(path):
    (seconds,) = unit(path)["Service"]["TimeoutStopSec"]
    assert int(seconds) > 30


def test_the_timer_has_a_service_and_a_calendar():
    timer = unit(RUN / "gatekeeper-audit.timer")
    assert (RUN / "gatekeeper-audit.service").is_file()
    assert re.fullmatch(r"\*:0/\d+", timer["Timer"]["OnCalendar"][0])
    assert unit(RUN / "gatekeeper-audit.service")["Service"]["SuccessExitStatus"] == ["3"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("name", ["gatekeeper.service", "gatekeeper-audit.service"])
def test_systemd_knows_every_key(name, tmp_path):
    text = (RUN / name).read_text(encoding="utf-8")
    copy = tmp_path / name
    copy.write_text(text.replace("/opt/gatekeeper/bin/gatekeeper", "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not re.findall(r"^.*(?:Unknown|Failed to parse|Invalid).*$", done.stderr, re.MULTILINE)


def test_the_container_says_that_it_is_untested_and_starts_the_service():
    text = (RUN / "Containerfile").read_text(encoding="utf-8")
    assert text.startswith("# Untested")
    entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1])
    words = json.loads(re.search(r"^CMD (.*)$", text, re.MULTILINE)[1])
    assert entry == ["gatekeeper"]
    check_command(words)
    copied = re.search(r"^COPY (constraints.*) \./$", text, re.MULTILINE)[1].split()
    for name in copied:
        assert (RUN.parents[1] / name).is_file(), name
    assert re.search(r"^USER 10001", text, re.MULTILINE)


def test_kubernetes_runs_commands_that_there_are():
    for pod in pods():
        for container in pod["containers"]:
            check_command(container["args"])


def test_kubernetes_lets_the_pods_do_little():
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_kubernetes_asks_where_the_service_listens():
    found = manifests()
    config = parse_config(found["ConfigMap"]["data"]["service.yaml"])
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert config.http.listen is not None
    assert container["ports"][0]["containerPort"] == config.http.listen[1]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert found["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 30
    assert found["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"


def every_figure():
    """The page of a service in which everything happened once."""
    metrics = Metrics()
    at = datetime(2026, 5, 4, tzinfo=UTC)
    metrics.job_finished("audit", "ok", 1.0, at)
    metrics.findings([])
    metrics.exposed(1)
    metrics.account_read("111122223333", at)
    metrics.applied(["done"])
    metrics.events("handled", 1)
    metrics.outbox({})
    metrics.holder("audit", "a", True)
    metrics.aws_call("ec2:DescribeVpcs", "throttled")
    return metrics


def test_the_dashboard_shows_figures_that_there_are():
    metrics = every_figure()
    told = {
        sample.name: set(sample.labels)
        for one in metrics.registry.collect()
        for sample in one.samples
    }
    board = json.loads((RUN / "grafana.json").read_text(encoding="utf-8"))
    shown = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            names = set(re.findall(r"\b(?:gatekeeper|process)_[a-z_]+\b", target["expr"]))
            assert names, target["expr"]
            assert names <= told.keys(), target["expr"]
            shown |= names
            labels = set().union(*(told[name] for name in names)) | {"instance"}
            used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for inside in re.findall(r"(?:by|on|group_left) \(([^)]*)\)", target["expr"]):
                used |= {name.strip() for name in inside.split(",")}
            used |= set(re.findall(r"(\w+)=\"", target["expr"]))
            assert used <= labels, target["expr"]
    ours = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for name in told
        if name.startswith("gatekeeper_") and not name.endswith("_created")
    }
    assert ours == {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for name in shown
        if name.startswith("gatekeeper_")
    }, "a figure that no panel shows"


def test_the_dashboard_lies_flat():
    board = json.loads((RUN / "grafana.json").read_text(encoding="utf-8"))
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_figure_is_described():
    text = (RUN.parents[1] / "docs" / "running.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(gatekeeper_\w+)` \|([^|]*)\|", text, re.MULTILINE))
    told = {}
    for one in every_figure().registry.collect():
        if one.name.startswith("gatekeeper_"):
            name = f"{one.name}_total" if one.type == "counter" else one.name
            labels = set(one.samples[0].labels) - {"le"}
            told[name] = labels
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()} == told


def test_every_file_is_described():
    text = (RUN.parents[1] / "docs" / "running.md").read_text(encoding="utf-8")
    assert [path.name for path in RUN.iterdir() if f"`{path.name}`" not in text] == []
