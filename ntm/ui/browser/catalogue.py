"""What the page is told of its tasks and machines, as JSON: all that it takes to ask and to run them there."""

from typing import Any

import torch

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM
from ntm.storage import snapshots
from ntm.storage.checkpoint import CHECKPOINTS, SNAPSHOTS
from ntm.storage.load import read
from ntm.tasks import Task
from ntm.ui.browser.serve import Weights
from ntm.ui.budget import admit, weigh
from ntm.ui.machines import Machines, baseline_of, updates_kept

# Larger ones are run by the server: a visitor would wait longer for the weights than for the run.
_LARGEST = 8 * 2**20
# Nothing waits for what the LSTM says, so its weights may take their time. A larger one is left out.
_LARGEST_BASELINE = 32 * 2**20


def make_catalogue(machines: Machines, weights: Weights) -> dict[str, Any]:
    """All tasks of which the page has a machine, by name."""
    return {"tasks": {name: _describe_task(tasks.get(name), machines, weights) for name in machines.tasks}}


def _describe_task(task: Task, machines: Machines, weights: Weights) -> dict[str, Any]:
    baseline = baseline_of(task.name)
    return {
        "name": task.name,
        "title": task.title,
        "inputSize": task.input_size,
        "outputSize": task.output_size,
        "sizes": {name: [sizes[0], sizes[-1]] for name, sizes in task.sizes.items()},
        "form": task.form.describe(),
        "layout": None if task.layout is None else task.layout.describe(),
        "machine": describe_machine(machines.get(task.name, None).model, task, weights),
        "snapshots": _describe_snapshots(task.name, weights),
        "baseline": None if baseline is None else _describe_baseline(baseline, weights),
    }


def describe_machine(model: SequenceModel, task: Task, weights: Weights) -> dict[str, Any]:
    """A machine's arguments, the address of its weights, which is None where the server is to run it, and how many
    steps before an output that is read which it is made of."""
    address = weights.offer(model) if _bytes(model) <= _LARGEST else None
    return {"config": model.config, "weights": address, "readDelay": find_read_delay(model, task)}


def _describe_baseline(model: SequenceModel, weights: Weights) -> dict[str, Any] | None:
    if _bytes(model) > _LARGEST_BASELINE:
        return None
    return {"config": model.config, "weights": weights.offer(model)}


def _bytes(model: SequenceModel) -> int:
    return sum(each.nbytes for each in model.state_dict().values())


@torch.no_grad()
def find_read_delay(model: SequenceModel, task: Task) -> int:
    """How many steps before an output that is read which it is made of: 0 where the layer of the logits looks at what
    was just read, 1 where the controller does, in its next step.

    By which of the two adds more to the logits, on sequences of the largest sizes of training.
    """
    if not isinstance(model, NTM):
        return 0
    sizes: dict[str, Any] = {name: trained[-1] for name, trained in task.sizes.items()}
    batch = task.sample(4, generator=torch.Generator().manual_seed(0), **sizes)
    admit(weigh(model, len(batch.mask), batch.mask.shape[1]))
    trace = model.trace(batch.inputs, model.initial_state(4))
    reads = model.extension.sense(trace.reads.flatten(2))
    from_reads = reads @ model.cell.output.weight[:, -reads.shape[-1] :].T
    from_controller = trace.logits - from_reads
    return int(from_controller[batch.mask].norm() > from_reads[batch.mask].norm())


def _describe_snapshots(task: str, weights: Weights) -> dict[str, Any]:
    """The arguments of the embedded machine, and of each snapshot of its training the update and the address."""
    folder = CHECKPOINTS / f"ntm-{task}"
    kept = [(update, weights.offer(snapshots.path(folder / SNAPSHOTS, update))) for update in updates_kept(task)]
    return {"config": read(folder).model.config if kept else None, "kept": kept}
