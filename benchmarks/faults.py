"""What a run may meet: kills at any moment, bad gold, and machines and people that get in the way.

Each fault strikes a copy of one database that demand's yesterday was built in, or all products'. It holds where nothing
good is lost and the next `dbt build` makes of the day what an undisturbed run makes of it: the same predictions, no
version without a verdict, no table left over, MLflow in step. Bad gold (tests/bad_gold.py) holds where the run says
what is wrong, and no product fits or publishes anything from what it may not.

    python benchmarks/faults.py [--kills 100] [--seed 7] [--kind KIND] [--only WORDS] [--part 1/4] [--work FOLDER]

Prints what was tried and what held, and every failure with the command that shows it; exits with 1 where one fails. A
FOLDER keeps the undisturbed runs, so that a part or a single fault costs no more than itself.
"""

from __future__ import annotations

import argparse
import csv
import functools
import logging
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from surroundings import surroundings
from undisturbed_runs import DEMAND, PROJECT, FaultFound, Runs

from bad_gold import FAULTS  # isort: skip
from forked_dbt import KILLED, Kill  # isort: skip
from gold_fault import Fault  # isort: skip
from local_workspace import Workspace  # isort: skip

logger = logging.getLogger("faults")

Strike = Callable[[], None]

POINTS = {
    "features": (r"START \w+ \w+ model \S+property_features", 0.3, "all"),
    "fitting": (r"fitting [\d,]+ rows", 2.0, "fit"),
    "registering": (r"fitted on [\d,]+ rows", 3.5, "fit"),
    "between fit and verdict": (r"START \w+ \w+ model \S+demand_backtest", 0.2, "fit"),
    "measuring": (r"START \w+ \w+ model \S+demand_metrics", 0.1, "fit"),
    "judging": (r"START \w+ \w+ model \S+demand_champion", 0.1, "all"),
    "scoring": (r"START \w+ \w+ model \S+demand_scores", 0.15, "all"),
    "publishing": (r"START \w+ \w+ model \S+demand_predictions", 0.1, "all"),
}
"""Lines of dbt at which a build is killed, within how many seconds from then, and whether only a fit comes there."""

SECONDS = {"no fit due": 4, "a fit due": 12, "the first fit due": 15}
"""About how long such a run takes."""


def kills(runs: Runs, count: int, seed: int) -> Iterator[tuple[str, Strike]]:
    """Kills at each named point and at random seconds, with a fit due and without."""

    def strike(name: str, begun: str, moment: Kill) -> None:
        start = runs.starts[begun]
        workspace = runs.disturbed(name, start.before)
        code = workspace.dbt("build", *DEMAND, *start.arguments, kill=moment)
        if code not in (0, KILLED) or not re.search(moment.pattern, workspace.log):
            raise FaultFound(f"exit code {code}, not at that point:\n{workspace.log[-800:]}")
        runs.recovers(workspace, start)

    chance = random.Random(seed)
    starts = ("no fit due", "a fit due", "the first fit due")
    # the first of them comes to fewer points
    named = [(point, start) for point, (_, _, when) in POINTS.items() for start in starts[when == "fit" :]]
    for number in range(count):
        # three of four at a named point, in turns
        turn, at_random = divmod(number, 4)
        if at_random < 3:
            point, start = named[(3 * turn + at_random) % len(named)]
            pattern, within, _ = POINTS[point]
            moment = Kill(chance.uniform(0, within), pattern)
        else:
            point, start = "at random", starts[turn % 3]
            moment = Kill(chance.uniform(0.3, 1) * SECONDS[start])
        name = f"kill {number}: {point}, {moment.seconds:.2f} s, {start}"
        yield name, functools.partial(strike, name, start, moment)


def bad_gold(runs: Runs) -> Iterator[tuple[str, Strike]]:
    """Every kind of bad gold, over all products."""
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        products = list(csv.DictReader(file))

    def state(workspace: Workspace) -> list[tuple[object, ...]]:
        """Of each product its versions, their metrics, and what is published."""
        counted = [
            f"(select count(*) from {table})"
            for product in products
            for table in (product["model_name"], f"{product['product']}_metrics", product["predictions_table"])
        ]
        newest = [f"(select max(scored_at) from {product['predictions_table']})" for product in products]
        return workspace.query("select " + ", ".join([*counted, *newest]))

    def strike(fault: Fault, place: int) -> None:
        workspace = runs.disturbed("bad gold", runs.all_before)
        shutil.rmtree(runs.work / "bad", ignore_errors=True)
        workspace.gold = fault.write(runs.gold, runs.work / "bad")
        before = state(workspace)
        code = workspace.dbt("build", "--exclude-resource-type", "test")
        if not any(all(word in line for word in fault.says) for line in workspace.log.splitlines()):
            raise FaultFound(f"exit code {code}, and nothing said of {' '.join(fault.says)}:\n{workspace.log[-800:]}")
        if fault.stops and code == 0:
            raise FaultFound("said, but exit code 0")
        if fault.stops and state(workspace) != before:
            raise FaultFound("something was fitted or published")
        if place % 10 == 0:
            workspace.gold = runs.gold
            if not fault.stops:
                # the day was published without what was set aside, and a day is scored once unless asked
                workspace.dbt("build", *DEMAND, "--vars", f"{{rescore: {runs.today}}}")
            runs.recovers(workspace)

    for place, fault in enumerate(FAULTS):
        yield f"gold: {fault.name}", functools.partial(strike, fault, place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the kills' moments (default %(default)s)")
    parser.add_argument("--kind", choices=("kills", "surroundings", "bad gold"), help="these alone")
    parser.add_argument("--only", default="", metavar="WORDS", help="faults whose name holds the words")
    parser.add_argument("--part", default="1/1", help="2/4: the second, sixth, tenth ... fault")
    parser.add_argument("--work", type=Path, help="folder to work in; a temporary one without it")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    part, parts = (int(number) for number in given.part.split("/"))
    work = (given.work or Path(tempfile.mkdtemp(prefix="faults-"))).resolve()
    runs = Runs(work)
    tried, held = Counter[str](), Counter[str]()
    failures = []
    kinds = {
        "kills": kills(runs, given.kills, given.seed),
        "surroundings": surroundings(runs),
        "bad gold": bad_gold(runs),
    }
    for kind, faults in kinds.items():
        if given.kind not in (None, kind):
            continue
        for place, (name, strike) in enumerate(faults):
            if given.only not in name or place % parts != part - 1:
                continue
            tried[kind] += 1
            try:
                strike()
                held[kind] += 1
                logger.info("held    %s", name)
            except FaultFound as found:
                failures.append(name)
                shown = f"python benchmarks/faults.py --seed {given.seed} --work {work} --only '{name}'"
                logger.info("FAILED  %s\n        %s\n        %s", name, str(found).replace("\n", "\n        "), shown)
            shutil.rmtree(work / "runs", ignore_errors=True)
    for kind in kinds:
        logger.info("%-14s %4d tried, %4d held", kind, tried[kind], held[kind])
    if failures:
        sys.exit(1)
    if given.work is None:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
