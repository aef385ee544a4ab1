"""What a visitor takes away of a run, besides its pictures: all its numbers, and Python that repeats it."""

from pathlib import Path

import numpy as np

from ntm import tasks
from ntm.tasks import Question
from ntm.ui.run import Run

_SNIPPET = '''\
import ntm

text = """
{text}
"""
task = ntm.tasks.{task}
batch = task.ask(text{number}).batch  # inputs, targets, mask: (T, 1, ...)
model = ntm.load({source!r}{revision})
{rewind}trace = model.trace(batch.inputs, model.initial_state(1{slots}))

output = trace.logits[batch.mask] > 0
print(output.int().tolist())
print("{error}:", round(task.errors(trace.logits, batch).item(), 1))
'''
_REWIND = """\
model.load_state_dict(load_file({path!r}))  # as it was after update {update:,}
"""


def write_trace(run: Run, path: Path) -> None:
    """Write everything that happened in a run as a compressed `.npz`.

    Args:
        run: the batch's one sequence; arrays are named as the fields of `ntm.Trace`, (T, ...), besides `inputs`,
            `targets`, `mask` and `initial_memory` (N, M).
        path: the file to write.
    """
    of_the_batch = {**run.batch._asdict(), **run.trace._asdict()}
    arrays = {name: tensor[:, 0].cpu().numpy() for name, tensor in of_the_batch.items()}
    np.savez_compressed(path, initial_memory=run.initial_memory.cpu().numpy(), **arrays)


def write_snippet(question: Question, source: str, *, slots: int | None = None, snapshot: Path | None = None) -> str:
    """Python that repeats a run.

    Args:
        question: one that can be asked.
        source: where the machine is, a folder or a Hub id, with "@" and a revision if it is not the newest.
        slots: how many slots of memory it has; the machine's own number when None.
        snapshot: the weights to put in place of the finished ones.
    """
    path = tasks.path_of(question.task)
    name, _, revision = source.partition("@")
    guesses = tasks.ask(question).batch
    measure = "wrong bits" if tasks.get(question.task).optimal_errors(guesses) is None else "bits of surprise"
    snippet = _SNIPPET.format(
        error=measure,
        text=question.text.strip(),
        task=f"get({question.task!r})" if path is None else f"load({str(path)!r})",
        number="" if question.number is None else f", {int(question.number)}",
        source=name,
        revision=f", revision={revision!r}" if revision else "",
        rewind="" if snapshot is None else _REWIND.format(path=str(snapshot), update=int(snapshot.stem)),
        slots="" if slots is None else f", memory_slots={slots}",
    )
    return snippet if snapshot is None else f"from safetensors.torch import load_file\n\n{snippet}"
