"""What may know what, read off the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import wanderbricks_ml

PACKAGE = Path(wanderbricks_ml.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules that a tree imports, also by name given as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w.]+", node.value):
            yield node.value


def test_only_the_registry_knows_mlflow() -> None:
    knowing = {
        path.relative_to(PACKAGE).parts[0]
        for path in MODULES
        if any(name.split(".")[0] == "mlflow" for name in imported(ast.parse(path.read_text())))
    }
    assert knowing == {"registry"}


def test_no_module_is_too_long_to_read() -> None:
    assert not [path for path in MODULES if len(path.read_text().splitlines()) > MOST_LINES]
