"""How fast training is here: `python -m ntm.studies.speed`.

A row is one whole update (draw nothing; forward, backward, clipping, optimiser) on the task's recipe at its largest
training size, done over and over for a second or more; the median counts. Every row is measured in a process of its
own, so that its peak memory is its own: on the CPU the highest resident set above what Python and torch took before
the model was built, on a GPU the highest allocation, in a browser what the engine holds.

"of limit" is the time that the arithmetic or the traffic of an update must take, whichever is longer, at the rates of a
matrix product and of a copy of fitting size on as many threads or the GPU, divided by the time it took
(`ntm.studies.roofline`). "native:x86-64-v3" is the engine as a processor without AVX-512 runs it.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ntm import tasks
from ntm.engine import library
from ntm.engine.choose import fastest, older_engines
from ntm.engine.cuda_graphs import CUDAGraphs, Step, replayed
from ntm.machine.ntm import NTM
from ntm.reports import tables
from ntm.studies import browser, roofline
from ntm.tasks import Recipe, Task
from ntm.training.run import Settings, TrainingRun
from ntm.training.update import update_weights

_SECONDS = 1.0
_FEWEST_UPDATES = 5
_BATCH = 32
_MEGABYTE = 2**20


PATHS = {"cpu": ("eager", "compiled", "native"), "cuda": ("eager", "compiled", "kernel", "graph")}
"""the ways of a device to do an update: the engines of `ntm.engine.choose`, and on a GPU the compiled one in a graph"""
BROWSER = "browser"
"""one more way of a CPU: the native engine as a browser runs it"""


@dataclass(frozen=True)
class Setting:
    """One thing to measure."""

    task: str
    device: str
    path: str
    threads: int = 1
    batch: int = _BATCH
    sizes: Mapping[str, int] = field(default_factory=dict)
    """instead of the largest training sizes"""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """the arguments of the model, instead of the recipe's"""
    varies: str | None = None
    """what this one is one of several values of"""


def measure(setting: Setting, seconds: float = _SECONDS) -> dict[str, Any]:
    """Measure one setting in this process: a row of the benchmark."""
    torch.set_num_threads(setting.threads)
    device = torch.device(setting.device)
    before = _resident()
    task = tasks.get(setting.task)
    settings = Settings(task.name, "ntm", _recipe(task, setting))
    run = TrainingRun.start(settings, Path(), device)  # a folder that nothing is written to
    sizes = {name: choices[-1] for name, choices in task.sizes.items()} | dict(setting.sizes)
    generator = torch.Generator(device)
    batch = task.draw_training(setting.batch, generator, device, **sizes)
    if setting.path == BROWSER:
        assert isinstance(run.model, NTM)
        times, peak = browser.time_updates(run.model, batch, seconds, _FEWEST_UPDATES)
    else:
        step = _make_step(run, setting.path)
        for _ in range(3):  # compiles, captures, warms up
            step(batch, None, generator)
        times = _times(lambda: step(batch, None, generator), device, seconds)
        peak = _peak(device, before)
    took, steps = statistics.median(times), len(batch.inputs)
    limit = roofline.least_seconds(run.model.config, setting.batch, steps, device)
    return {
        "task": task.name,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "path": setting.path,
        "threads": setting.threads,
        "batch": setting.batch,
        "length": next(iter(sizes.values())),
        "sizes": sizes,
        "steps": steps,
        "memory_slots": run.model.config["memory_slots"],
        "memory_width": run.model.config["memory_width"],
        "heads": run.model.config["read_heads"] + run.model.config["write_heads"],
        "varies": setting.varies,
        "milliseconds_per_update": 1e3 * took,
        "sequences_per_second": setting.batch / took,
        "microseconds_per_step": 1e6 * took / steps,
        "peak_memory_mb": peak / _MEGABYTE,
        "share_of_limit": limit / took,
    }


def _recipe(task: Task, setting: Setting) -> Recipe:
    recipe = task.recipes["ntm"]
    slots = recipe.training_slots[-1] if recipe.training_slots else None
    arguments = {**recipe.arguments, **({"memory_slots": slots} if slots else {}), **setting.arguments}
    return replace(recipe, arguments=arguments, training_slots=(), batch_size=setting.batch)


def _make_step(run: TrainingRun, path: str) -> Step:
    forward = fastest(run.model, "compiled" if path == "graph" else path)

    def step(batch: tasks.Batch, slots: int | None, generator: torch.Generator) -> torch.Tensor:
        return update_weights(run, forward, batch, slots, generator)

    return replayed(step, CUDAGraphs()) if path == "graph" else step


def _times(work: Callable[[], object], device: torch.device, seconds: float) -> list[float]:
    found: list[float] = []
    while len(found) < _FEWEST_UPDATES or sum(found) < seconds:
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - start)
    return found


def _resident() -> int:
    """The highest resident set so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _peak(device: torch.device, before: int) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _resident() - before


def settings_of(names: Sequence[str], *, in_browser: bool = False) -> list[Setting]:
    """All that the benchmark measures: each task on each device and path, then how the cost of copying grows."""
    found = []
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        last = PATHS[device][-1]
        for name in names:
            found += [Setting(name, device, path) for path in PATHS[device]]
            if device == "cpu":
                found += _more_of_a_cpu(Setting(name, device, last), in_browser)
        if "copy" in names:
            found += _growth(Setting("copy", device, last))
    return found


def _more_of_a_cpu(native: Setting, in_browser: bool) -> Iterator[Setting]:
    """The native engine on two threads, as older processors run it, and in a browser."""
    if torch.get_num_threads() > 1:
        yield replace(native, threads=2)
    for engine in older_engines() if library.available() else ():
        yield replace(native, path=engine)
    if in_browser:
        yield replace(native, path=BROWSER)


def _growth(base: Setting) -> Iterator[Setting]:
    for length in (5, 10, 20, 40, 80):
        yield replace(base, sizes={"length": length}, varies="length")
    for slots in (32, 128, 512, 2048):
        yield replace(base, arguments={"memory_slots": slots}, varies="memory_slots")
    for width in (10, 20, 40):
        yield replace(base, arguments={"memory_width": width}, varies="memory_width")
    for heads in (1, 2, 4):
        yield replace(base, arguments={"read_heads": heads, "write_heads": heads}, varies="heads")
    for batch in (1, 8, 32, 128):
        yield replace(base, batch=batch, varies="batch")


def run_all(settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """Measure settings one after another, each in a process of its own; those that cannot run are left out."""
    rows = []
    context = multiprocessing.get_context("spawn")
    with tqdm(settings, unit="row", leave=False) as bar:
        for setting in bar:
            bar.set_postfix_str(f"{setting.task}, {setting.path}")
            with ProcessPoolExecutor(1, mp_context=context) as alone:
                try:
                    rows.append(alone.submit(measure, setting).result())
                except Exception as error:  # whatever is missing here: a compiler, or enough memory
                    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                    bar.write(f"note: {setting.task}, {setting.path} left out: {reason}", file=sys.stderr)
    return rows


def report(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as tables, for reading."""
    parts = []
    compared = [row for row in rows if row["varies"] is None]
    for device, name in dict.fromkeys((row["device"], row["task"]) for row in compared):
        chosen = [row for row in compared if (row["device"], row["task"]) == (device, name)]
        sizes = ", ".join(f"{size} {value}" for size, value in chosen[0]["sizes"].items())
        heading = f"{name} on {device}: {sizes}, batch {chosen[0]['batch']}, {chosen[0]['steps']} steps an update"
        eager = next((row["milliseconds_per_update"] for row in chosen if row["path"] == "eager"), None)
        titles = ["path", "threads", "ms a sequence", "sequences/s", "µs a step", "faster", "peak MB", "of limit"]
        parts.append(f"{heading}\n\n{tables.markdown(titles, [_cells(row, eager) for row in chosen])}\n")
    for varies in dict.fromkeys(row["varies"] for row in rows if row["varies"] is not None):
        chosen = [row for row in rows if row["varies"] == varies]
        titles = [varies.replace("_", " "), "ms a sequence", "sequences/s", "µs a step", "peak MB"]
        cells = [[str(row[varies]), *(_cells(row, None)[column] for column in (2, 3, 4, 6))] for row in chosen]
        heading = f"copy, {chosen[0]['path']} on {chosen[0]['device']}, as {titles[0]} grows"
        parts.append(f"{heading}\n\n{tables.markdown(titles, cells, words=0)}\n")
    return "\n".join([*parts, *_verdicts(compared)])


def _verdicts(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Which way each task is best trained here, and how far that is from what could be."""
    for device, task in dict.fromkeys((row["device"], row["task"]) for row in rows):
        here = [row for row in rows if (row["device"], row["task"], row["threads"]) == (device, task, 1)]
        ways = [row for row in here if row["path"] in (*PATHS["cpu"], *PATHS["cuda"])]
        best = min(ways, key=lambda row: row["milliseconds_per_update"])
        yield (
            f"{task} on {device}: {best['path']} is the fastest, at {best['share_of_limit']:.0%} "
            "of the speed that the measured ceilings allow"
        )


def _cells(row: Mapping[str, Any], eager: float | None) -> list[str]:
    update = row["milliseconds_per_update"]
    return [
        row["path"],
        str(row["threads"]),
        f"{update / row['batch']:.3f}",
        f"{row['sequences_per_second']:,.0f}",
        f"{row['microseconds_per_step']:,.0f}",
        f"{eager / update:.2f}x" if eager else "",
        f"{row['peak_memory_mb']:,.0f}",
        f"{row['share_of_limit']:.0%}",
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ntm.studies.speed", description="How fast training is here.")
    parser.add_argument("--task", choices=tasks.names(), help="only this one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    options = parser.parse_args(arguments)
    try:
        if options.json is not None:
            options.json.touch()  # rather now than after minutes
        if lacking := browser.missing():
            print(f"note: no row for the browser: {lacking}", file=sys.stderr)
        rows = run_all(settings_of([options.task] if options.task else tasks.names(), in_browser=not lacking))
        print(report(rows))
        if options.json is not None:
            options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
