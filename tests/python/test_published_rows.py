"""A day is published whole or not at all, and again when its gold was mended."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from gold_fault import Fault
from local_workspace import Workspace

BUILD = ("run", "--select", "+demand_predictions")
DAYS = "select scoring_date, count(distinct property_id) from demand_predictions group by scoring_date order by 1"


def ended(tenths: int) -> Fault:
    """Gold in which some tenths of the properties ended two months ago."""
    some = f"is_current and property_id % 10 < {tenths}"
    changed = (
        f"case when {some} then timestamp '2025-06-01' else effective_to end as effective_to, "
        f"is_current and not ({some}) as is_current"
    )
    return Fault("ended", {"dim_property": f"select * replace ({changed}) from dim_property"}, ())


def test_a_day_is_published_whole_and_again_when_asked(
    yesterday: Workspace, gold: Path, today: date, tmp_path: Path
) -> None:
    workspace = yesterday.copy(tmp_path / "workspace", gold=ended(6).write(gold, tmp_path / "most_ended"))
    (before,) = workspace.query(DAYS)
    assert before[0] == today - timedelta(days=1)

    assert workspace.dbt(*BUILD) == 1
    assert f"are scored for {today}, and {before[1]} were for {before[0]}" in workspace.log, workspace.log
    assert workspace.query(DAYS) == [before]

    workspace.gold = ended(1).write(gold, tmp_path / "some_ended")
    assert workspace.dbt(*BUILD) == 0, workspace.log
    day, properties = workspace.query(DAYS)[1]
    assert day == today
    assert before[1] * 0.8 < properties < before[1]
    on_offer = "select count(*) from demand_predictions where property_id % 10 = 0 and scoring_date = "
    assert workspace.query(f"{on_offer} date '{today}'") == [(0,)]

    workspace.gold = gold
    assert workspace.dbt(*BUILD) == 0, workspace.log
    assert workspace.query(f"{on_offer} date '{today}'") == [(0,)], "a day stays as it was published"
    assert workspace.dbt(*BUILD, "--vars", f"{{rescore: {today}}}") == 0, workspace.log
    assert workspace.query(DAYS) == [before, (today, before[1])]
    assert workspace.query("select count(*) from demand_predictor") == [(1,)], "nothing is fitted for it"


def test_a_day_is_scored_again_as_of_itself(gold: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, gold)
    code = workspace.dbt("run", "--select", "point_in_time", "--vars", "{rescore: 2025-07-01, as_of: 2025-07-02}")
    assert code != 0
    assert "var rescore is '2025-07-01' and var as_of '2025-07-02'" in workspace.log
