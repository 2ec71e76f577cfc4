"""What runs the project elsewhere: by the schemas of the tools, and by what the project itself offers."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from eased_project import PROJECT

from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.serving.metrics import exposition

DEPLOY = PROJECT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def containerfile() -> list[list[str]]:
    """Instructions of the Containerfile, split into words."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def pods() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        for document in documents(path):
            if document["kind"] == "Deployment":
                yield document["spec"]["template"]["spec"]
            elif document["kind"] == "CronJob":
                yield document["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_those_of_kubernetes(path: Path) -> None:
    for document in documents(path):
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_the_compose_file_is_one() -> None:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, DEPLOY / "compose.yml"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_all_that_the_kustomization_names_is_there() -> None:
    (kustomization,) = documents(DEPLOY / "kubernetes/kustomization.yaml")
    assert sorted(kustomization["resources"]) == [path.name for path in MANIFESTS]


def commands() -> Iterator[list[str]]:
    """Commands of ours that the files run."""
    compose = documents(DEPLOY / "compose.yml")[0]
    listed = [service.get("command", []) for service in compose["services"].values()]
    listed += [container.get("args", container.get("command")) for pod in pods() for container in pod["containers"]]
    listed += [json.loads(" ".join(words[1:])) for words in containerfile() if words[0] == "CMD"]
    for command in listed:
        inner = command[-1] if command[:2] == ["sh", "-c"] else shlex.join(command)
        for part in re.split(r"&&|;", inner):
            words = shlex.split(part)
            if words[:1] == ["wanderbricks"]:
                yield words[1:]


def test_commands_have_the_options_that_are_named() -> None:
    found = list(commands())
    assert [words[0] for words in found].count("serve") == 3
    for name, *options in found:
        main.commands[name].make_context(name, options)


def test_dashboards_and_alerts_ask_for_metrics_that_there_are() -> None:
    texts = [
        panel["expr"]
        for one in json.loads((DEPLOY / "grafana/dashboards/serving.json").read_text())["panels"]
        for panel in one["targets"]
    ]
    (rules,) = documents(DEPLOY / "prometheus/rules.yml")
    texts += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    asked = set(re.findall(r"wanderbricks_\w+", " ".join(texts)))
    families = dict(re.findall(r"^# TYPE (wanderbricks_\w+) (\w+)$", exposition().decode(), flags=re.MULTILINE))
    there = {
        name + suffix for name, kind in families.items() for suffix in (["_bucket"] if kind == "histogram" else [""])
    }
    assert len(asked) >= 5
    assert asked <= there


def test_nothing_runs_as_root_or_writes_beside_its_volumes() -> None:
    assert [words[1] for words in containerfile() if words[0] == "USER"] == ["10001"]
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"].keys() == {"requests", "limits"}
    compose = documents(DEPLOY / "compose.yml")[0]
    for name, service in compose["services"].items():
        if service["image"] == "wanderbricks-ml":
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_images_of_others_are_of_a_version() -> None:
    images = [words[1] for words in containerfile() if words[0] == "FROM"]
    images += [service["image"] for service in documents(DEPLOY / "compose.yml")[0]["services"].values()]
    assert all(re.search(r":v?\d[\w.-]*$", image) for image in images if image != "wanderbricks-ml")


def test_what_the_image_copies_is_there_and_reaches_the_builder() -> None:
    let_through = [
        line[1:]
        for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    for words in containerfile():
        if words[0] == "COPY" and not words[1].startswith("--from"):
            for name in words[1:-1]:
                assert (PROJECT / name).exists(), name
                assert any(fnmatch.fnmatch(name, pattern) for pattern in let_through), name
    installs = " ".join(" ".join(words) for words in containerfile() if words[0] == "RUN")
    assert installs.count("--require-hashes") == 2


def test_probes_ask_for_paths_that_there_are() -> None:
    source = (PROJECT / "python/wanderbricks_ml/serving/app.py").read_text(encoding="utf-8")
    asked = set(re.findall(r"path: (/\w+), port", (DEPLOY / "kubernetes/serving.yaml").read_text(encoding="utf-8")))
    assert asked == {"/health", "/ready"}
    assert all(f'"{path[1:]}"' in source for path in asked)
