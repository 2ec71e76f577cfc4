"""A product's tasks in the jobs of the asset bundle, beside those that there are."""

from __future__ import annotations

import re
from pathlib import Path

TASK = """\
        - <<: *task
          task_key: {name}
          depends_on: [{{task_key: shared}}]
          dbt_task:
            <<: *dbt
            commands:
              - dbt build --target ${{bundle.target}} --select path:models/{name}{excluded} --vars '${{var.dbt_vars}}'

"""

AFTER_PRODUCTS = re.compile(r"((?:            - \{task_key: \w+\}\n){2,})")
"""What waits for all products, one a line."""


def with_training(path: Path, text: str, name: str) -> str:
    """The job that trains, with a task more.

    Raises
    ------
    ValueError
        When the file is not laid out as this package knows it.
    """
    if "&task\n" not in text or "&dbt\n" not in text:
        raise ValueError(f"{path} has no task that others are made after (&task, &dbt); add one for {name} by hand")
    return text.rstrip("\n") + "\n\n" + TASK.format(name=name, excluded="").rstrip("\n") + "\n"


def with_scoring(path: Path, text: str, name: str) -> str:
    """The job that scores, with a task more, which what comes after the products waits for.

    Raises
    ------
    ValueError
        When the file is not laid out as this package knows it.
    """
    last, waiting = "        - task_key: monitoring\n", AFTER_PRODUCTS.findall(text)
    if text.count(last) != 1 or not waiting:
        raise ValueError(f"{path} has no task monitoring that waits for the products; add one for {name} by hand")
    text = AFTER_PRODUCTS.sub(rf"\1            - {{task_key: {name}}}\n", text)
    return text.replace(last, TASK.format(name=name, excluded=" --exclude tag:training") + last)


JOBS = {Path("resources/training.yml"): with_training, Path("resources/scoring.yml"): with_scoring}
"""Where products have tasks, and how one more is written."""
