"""Pages that people browse: what they link to and what they tell to type exists."""

from __future__ import annotations

import importlib
import itertools
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from eased_project import PROJECT
from pages import PAGES, commands, page_id, text_of

from wanderbricks_ml.commands.cli import main

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAME = re.compile(r"^\w[\w.-]*$")
FILE = re.compile(r"(?:docs|models|macros|seeds|tests|benchmarks|python|deploy)/[\w./-]+\.(?:md|sql|py|yml|csv|lock)")


def anchors(page: Path) -> set[str]:
    """The anchors that a repository's browser gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def selectors() -> set[str]:
    document = yaml.safe_load((PROJECT / "selectors.yml").read_text(encoding="utf-8"))
    return {selector["name"] for selector in document["selectors"]}


def node_names() -> set[str]:
    paths = [path for folder in ("models", "seeds", "tests") for path in (PROJECT / folder).rglob("*")]
    return {path.stem for path in paths if path.suffix in (".sql", ".py", ".csv")}


def option_values(words: list[str], option: str) -> list[str]:
    """What stands behind an option of a command, up to the next one."""
    if option not in words:
        return []
    values = words[words.index(option) + 1 :]
    stop = next((place for place, word in enumerate(values) if word.startswith("--")), len(values))
    return values[:stop]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(text_of(page)):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_files_that_are_named_exist(page: Path) -> None:
    named = set(FILE.findall(text_of(page)))
    assert sorted(name for name in named if not (PROJECT / name).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_python_names_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"\bwanderbricks_ml\.([a-z_.]*[a-z_])\b(?!-)", text_of(page)):
        if name in node_names():  # the schema has the package's name
            continue
        module, _, function = f"wanderbricks_ml.{name}".rpartition(".")
        assert hasattr(importlib.import_module(module), function), name


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_page_shows_what_dbt_would_render(page: Path) -> None:
    assert not re.search(r"\{% (?:docs|enddocs)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_exist(page: Path) -> None:
    unknown: list[str] = []
    for command in commands(page):
        tool, *rest = command.words
        if tool == "make":
            unknown += [f"make {word}" for word in rest if NAME.match(word) and word not in make_targets()]
        elif tool == "wanderbricks":
            unknown += unknown_of_cli(rest)
        elif tool == "dbt":
            unknown += unknown_of_dbt(rest)
    assert unknown == []


def test_every_variable_of_the_environment_is_described() -> None:
    sources = [*(PROJECT / "python").rglob("*.py"), *(PROJECT / "macros").rglob("*.sql")]
    sources += [PROJECT / "profiles.yml", PROJECT / "dbt_project.yml", PROJECT / "models/gold/_gold.yml"]
    texts = [source.read_text(encoding="utf-8") for source in sources]
    read = {name for text in texts for name in re.findall(r"\bWANDERBRICKS_[A-Z_]+[A-Z]\b", text)}
    described = "".join(
        (PROJECT / "docs" / name).read_text(encoding="utf-8") for name in ("settings.md", "databricks.md")
    )
    # by which a server tells its workers what it was started with
    read.remove("WANDERBRICKS_SERVING")
    assert len(read) > 10
    assert sorted(name for name in read if not re.search(rf"\b{name}\b", described)) == []


def test_the_hooks_of_a_commit_are_what_lint_runs() -> None:
    document = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"] for repository in document["repos"] for hook in repository["hooks"]]
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)", ".venv/bin")
    for entry in entries:
        target = re.search(r"make --quiet ([a-z-]+)", entry)
        assert target[1] in make_targets() if target else entry in makefile, entry


def test_code_owners_own_something() -> None:
    lines = (PROJECT / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    patterns = [line.split()[0].strip("/") for line in lines if line and not line.startswith("#")]
    assert len(patterns) > 1
    assert [pattern for pattern in patterns if not any(PROJECT.glob(pattern))] == []


def test_the_picture_is_the_graph(manifest: dict[str, Any]) -> None:
    picture = re.findall(r"```mermaid\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)[
        0
    ]
    edges = {
        pair
        for line in picture.splitlines()
        if "-->" in line
        for pair in itertools.pairwise(re.findall(r"(?:^|--> ) *(\w+)", line))
    }
    nodes = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")}
    between_nodes = {(parent, child) for parent, child in edges if parent in nodes and child in nodes}
    assert len(between_nodes) >= 12
    for parent, child in sorted(between_nodes):
        assert nodes[parent]["unique_id"] in nodes[child]["depends_on"]["nodes"], f"{parent} --> {child}"
    folders = {name for edge in edges for name in edge if name not in nodes}
    assert all((PROJECT / "models" / name).is_dir() for name in folders), folders


def unknown_of_cli(words: list[str]) -> list[str]:
    """Sub-commands and options of `wanderbricks` that do not exist."""
    command: click.Command = main
    words = list(words)
    while isinstance(command, click.Group) and words and NAME.match(words[0]):
        name = words.pop(0)
        found = command.commands.get(name)
        if found is None:
            return [f"wanderbricks {name}"]
        command = found
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
    return [f"{command.name} {word}" for word in words if word.startswith("--") and word not in options]


def unknown_of_dbt(words: list[str]) -> list[str]:
    """Selectors, nodes, vars and operations of a dbt command that the project does not have."""
    unknown = [name for name in option_values(words, "--selector") if name not in selectors()]
    for given in option_values(words, "--select"):
        for part in given.split(","):
            name = part.strip("+").removeprefix("test_type:unit")
            if NAME.match(name) and "." not in name and "…" not in name and name not in node_names():
                unknown.append(name)
    declared: dict[str, Any] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    for given in option_values(words, "--vars"):
        unknown += [name for name in yaml.safe_load(given) if name not in declared]
    if words[:1] == ["run-operation"] and NAME.match(words[1]):
        macros = {path.stem for path in (PROJECT / "macros").rglob("*.sql")}
        unknown += [words[1]] if words[1] not in macros else []
    return unknown
