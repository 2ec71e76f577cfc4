"""Pages that people browse, and what they tell to type."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eased_project import PROJECT

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "docs/*.ipynb", ".github/*.md", "tests/databricks/README.md")
    for path in PROJECT.glob(pattern)
)
SQL = re.compile(r"(?:select|with|copy)\s", flags=re.IGNORECASE)
VARIABLE = re.compile(r"([A-Z_]+)=(.*)", flags=re.DOTALL)


@dataclass(frozen=True)
class Code:
    """What stands in backticks, or in a block of its own.

    Attributes
    ----------
    text
        As it is written, without the indent.
    is_block
        Whether it has lines of its own.
    """

    text: str
    is_block: bool


@dataclass(frozen=True)
class Command:
    """A command of a shell: the variables before it, and its words, without the comment behind it."""

    variables: dict[str, str]
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """As one would type it on one line, but for quotation marks."""
        return " ".join(" ".join(word.split()) for word in (*map("=".join, self.variables.items()), *self.words))


@dataclass(frozen=True)
class Query:
    """A statement of SQL."""

    text: str


def page_id(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def text_of(page: Path) -> str:
    """The Markdown of a page; of a notebook that of its cells."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def codes(page: Path) -> Iterator[Code]:
    """All code of a page in its order."""
    block: list[str] = []
    prose: list[str] = []
    fenced = False
    for line in [*text_of(page).splitlines(), ""]:
        is_fence = line.lstrip().startswith("```")
        is_code = not is_fence and (fenced or line.startswith("    "))
        if is_code:
            yield from _inline(prose)
            block.append(line)
        elif line.strip() and not is_fence:
            yield from _blocks(block)
            # a heading, an item and a row of a table are paragraphs of their own
            if re.match(r"\s*(?:[#|*-]|\d+\.)", line):
                yield from _inline(prose)
            prose.append(line)
        else:
            yield from _blocks(block)
            yield from _inline(prose)
        fenced = fenced != is_fence
    yield from _blocks(block)


def _blocks(lines: list[str]) -> Iterator[Code]:
    text = "\n".join(line.strip() for line in lines)
    lines.clear()
    if text:
        yield Code(text, is_block=True)


def _inline(lines: list[str]) -> Iterator[Code]:
    text = " ".join(line.strip() for line in lines)
    lines.clear()
    for found in re.findall(r"`([^`]+)`", text):
        yield Code(found, is_block=False)


def typed(page: Path) -> Iterator[Command | Query]:
    """Each command and SQL statement of a page in their order; prose may be among the commands."""
    for code in codes(page):
        if SQL.match(code.text):
            yield Query(code.text)
            continue
        lines = re.sub(r"\\\n\s*", "", code.text).splitlines() if code.is_block else [code.text]
        while lines:
            statement, lines = _statement(lines)
            for words in _parts(statement):
                command = _command(words)
                if command.words:
                    yield command


def commands(page: Path) -> Iterator[Command]:
    """Each command of a page; see `typed`."""
    return (found for found in typed(page) if isinstance(found, Command))


def _statement(lines: list[str]) -> tuple[str, list[str]]:
    """The first line, with those that follow up to the quotation mark that it leaves open; and what is left."""
    for last in range(1, len(lines) + 1):
        text = "\n".join(re.sub(r"\s#\s.*$", "", line) for line in lines[:last])
        try:
            shlex.split(text)
        except ValueError:
            continue
        return text, lines[last:]
    return "", lines[1:]


def _parts(statement: str) -> Iterator[list[str]]:
    """The words of each command of a line, which `;`, `&&` and `||` part outside of quotation marks."""
    lexer = shlex.shlex(statement, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word in (";", "&&", "||"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _command(words: list[str]) -> Command:
    variables = {}
    while words and (found := VARIABLE.fullmatch(words[0])):
        variables[found[1]] = found[2]
        words = words[1:]
    if words:
        words = [words[0].removeprefix(".venv/bin/"), *words[1:]]
    return Command(variables, tuple(words))
