"""What each setting of a recipe is for: races without one of them.

    python -m ntm.studies.ablation
    python -m ntm.studies.ablation copy --races 3

One setting at a time is put to what it is without: to nothing, or to what a recipe that says nothing has. Races are
run as in `ntm.studies.success`, from the same seeds, by the engine as it is built for this processor. What is on record
is in `checkpoints/ablation.json`; `python -m ntm.studies.results` tabulates it.
"""

import math
import sys
from dataclasses import fields, replace
from typing import Any

from ntm.engine import library
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.studies.success import Planned, make_parser, run_all
from ntm.tasks import Recipe
from ntm.training.run import Settings

RECORD = "ablation.json"
# What says which machine is trained, for how long and from where is no setting that it could go without.
_GIVEN = {"updates", "arguments", "batch_size", "seed", "seeds"}
# Where that is not what a recipe has that says nothing: slots of the machine's own number alone, no worst bit, and
# certainty from the beginning.
_WITHOUT: dict[str, Any] = {"training_slots": (), "worst_bit": 0.0, "learned_below": math.inf}


def without_each(recipe: Recipe) -> dict[str, Recipe]:
    """The recipe without one of its settings, by that setting, for each that it has."""
    usual = Recipe(updates=recipe.updates)
    names = {field.name for field in fields(Recipe)} - _GIVEN - {"loss"}
    found = {name: replace(recipe, **{name: _WITHOUT.get(name, getattr(usual, name))}) for name in sorted(names)}
    if recipe.loss.asks_for_certainty:
        for field in fields(recipe.loss):
            value = _WITHOUT.get(field.name, getattr(usual.loss, field.name))
            found[field.name] = replace(recipe, loss=replace(recipe.loss, **{field.name: value}))
    return {name: other for name, other in found.items() if other != recipe}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = make_parser("ablation", "What is each setting of a recipe for?", races=1)
    options = parser.parse_args(arguments)
    try:
        engine = f"native:{library.kind()}"
    except library.EngineUnavailableError as error:
        parser.error(str(error))
    planned = [
        Planned(
            {"task": task.name, "without": name, "engine": engine, "seed": number * recipe.seeds},
            Settings.of(task, seed=number * recipe.seeds, recipe=recipe),
            "native",
        )
        for number in range(options.races)
        for task in options.tasks
        for name, recipe in without_each(task.recipes["ntm"]).items()
    ]
    races = run_all(planned, CHECKPOINTS / RECORD)
    if races is None:
        return 130
    for each in races:
        print(f"{each['task']} without {each['without']}: {'; '.join(each['misses']) or 'learned'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
