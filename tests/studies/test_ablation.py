"""What each setting of a recipe is for: which races there are, and what the results page says of them."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import ntm
from ntm.studies import ablation, results
from ntm.tasks import Case, Recipe
from ntm.tasks.recipe import Loss
from tests.tiny import SMALLEST


def flat(recipe: Recipe) -> dict[str, object]:
    fields = asdict(recipe)
    return fields | fields.pop("loss")


@pytest.mark.parametrize("task", ntm.tasks.names())
def test_one_setting_at_a_time_is_left_out(task: str) -> None:
    recipe = ntm.tasks.get(task).recipes["ntm"]
    without = flat(Recipe(updates=recipe.updates)) | {"training_slots": (), "worst_bit": 0.0}
    if recipe.loss.worst_bit or recipe.loss.focus:
        without["learned_below"] = math.inf
    own = {name for name, value in flat(recipe).items() if value != without[name]} - {"arguments"}
    assert "training_slots" in own
    assert set(ablation.without_each(recipe)) == own
    for name, other in ablation.without_each(recipe).items():
        assert flat(other) == flat(recipe) | {name: without[name]}


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_race_goes_without_the_setting_and_the_page_says_what_came_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = type(ntm.tasks.get("copy"))
    certain = Loss(worst_bit=0.0, focus=0.1, learned_below=math.inf)
    recipe = Recipe(updates=20, batch_size=2, seeds=2, arguments=SMALLEST["ntm"], training_slots=(3, 4), loss=certain)
    monkeypatch.setattr(task, "recipes", {"ntm": recipe})
    monkeypatch.setattr(task, "evaluation", (Case({"length": 2}, bar=0.0), Case({"length": 3})))
    monkeypatch.setattr(ablation, "CHECKPOINTS", tmp_path)
    assert ablation.main(["copy"]) == 0
    assert ablation.main(["copy", "--races", "2"]) == 0
    races = json.loads((tmp_path / ablation.RECORD).read_text())["races"]
    assert [(race["without"], race["seed"]) for race in races] == [
        (name, seed) for seed in (0, 2) for name in ("training_slots", "focus")
    ]
    (tmp_path / ablation.RECORD).write_text(json.dumps({"races": [races[0], races[1] | {"misses": []}]}))
    results.write(tmp_path)
    rows = [line for line in (tmp_path / "README.md").read_text().splitlines() if line.startswith("| copy")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:3] for row in cells] == [["copy", "training slots", "0 of 1"], ["copy", "focus", "1 of 1"]]
    assert "length 2, where 0 is the bar" in cells[0][5]
    assert not cells[1][5]


def test_what_says_which_machine_is_trained_and_how_long_is_not_left_out() -> None:
    recipe = replace(Recipe(updates=7), seed=3, batch_size=16, arguments={"controller": "lstm"})
    assert set(ablation.without_each(recipe)) == {"training_slots", "worst_bit", "learned_below"}
