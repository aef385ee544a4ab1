"""The machine and the training of Collier and Beel 2018 (arXiv 1807.08518), for the study of initial memory.

As in their paper and the code that they published with it:

- 128 slots of 20, one head each way, an LSTM controller of 100 units, its forget gates open at first.
- What the heads read before the first step is learned, and so is where they are. All weightings start nearly even.
- Memory is learned from each of three starts: 1e-6 everywhere; small values; or a normal draw with deviation 0.5. The
  last two go through a hyperbolic tangent.
- The cross entropy is summed over a sequence, logits are cut off at 20, and the gradient is cut down to a norm of 50.
- Adam at 1e-3 without a schedule, 32 sequences an update, 31,250 updates; judged every 200 on 640 fresh sequences.

Two things are this project's: what marks the phases of a sequence (see `ntm.tasks`), and that a head reads after the
writing of its step and not before it.
"""

import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ntm import tasks
from ntm.engine.choose import fastest
from ntm.machine.memory import MemoryInit
from ntm.machine.ntm import NTM, NTMState
from ntm.storage.checkpoint import write_json
from ntm.tasks import Batch
from ntm.tasks.streams import Purpose, make_generator, seed_generator
from ntm.training.update import bit_losses

UPDATES = 31_250
BATCH_SIZE = 32
UPDATES_AN_EVALUATION = 200
_EVALUATION_BATCHES = 20
_LEARNING_RATE = 1e-3
_GRADIENT_NORM = 50.0
_LARGEST_LOGIT = 20.0
_CONSTANT, _DEVIATION = 1e-6, 0.5


class LearnedStart(NTM):
    """Their machine: all of the state before the first step is learned, but for the controller's.

    Args:
        input_size: channels in.
        output_size: channels out.
        scheme: where the contents of memory start from.
    """

    def __init__(self, input_size: int, output_size: int, scheme: MemoryInit) -> None:
        super().__init__(input_size, output_size, controller="lstm")
        slots, width = self.memory_slots, self.config["memory_width"]
        self.scheme = scheme
        self.start_memory = nn.Parameter(_first_contents(scheme, slots, width))
        self.start_reads = nn.Parameter(_small(self.cell.read_heads, width, fan_out=width))
        self.start_weights = nn.Parameter(_small(self.head_count, slots, fan_out=slots))
        _initialise(self.cell)

    def initial_state(
        self, batch_size: int, memory_slots: int | None = None, *, generator: torch.Generator | None = None
    ) -> NTMState:
        """The state before the first step, the same for every sequence.

        Raises:
            ValueError: if another number of slots is asked for than the weightings were learned for.
        """
        if memory_slots not in (None, self.memory_slots):
            raise ValueError(f"this machine has learned where its heads are among {self.memory_slots} slots")
        contents = self.start_memory if self.scheme == "constant" else self.start_memory.tanh()
        return NTMState(
            memory=contents.expand(batch_size, -1, -1),
            weights=self.start_weights.softmax(-1).expand(batch_size, -1, -1),
            reads=self.start_reads.tanh().expand(batch_size, -1, -1),
            controller=self.cell.controller.initial_state(batch_size, self.start_memory),
        )


def _first_contents(scheme: MemoryInit, slots: int, width: int) -> Tensor:
    if scheme == "constant":
        return torch.full((slots, width), _CONSTANT)
    if scheme == "random":
        return _DEVIATION * torch.randn(slots, width)
    return _small(slots, width, fan_out=slots * width)


def _small(rows: int, columns: int, *, fan_out: int) -> Tensor:
    """Glorot and Bengio's uniform values for a layer from a single 1 to so many outputs."""
    limit = math.sqrt(6 / (1 + fan_out))
    return torch.empty(rows, columns).uniform_(-limit, limit)


@torch.no_grad()
def _initialise(cell: nn.Module) -> None:
    """The first weights that TensorFlow and they gave to layers."""
    for layer in cell.modules():
        if isinstance(layer, nn.Linear):
            deviation = 1 / math.sqrt(layer.in_features)
            nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            layer.bias.zero_()
        elif isinstance(layer, nn.LSTMCell):
            limit = math.sqrt(6 / (layer.input_size + 5 * layer.hidden_size))
            for weight in (layer.weight_ih, layer.weight_hh):
                weight.uniform_(-limit, limit)
            layer.bias_hh.zero_()
            layer.bias_ih.zero_()
            layer.bias_ih[layer.hidden_size : 2 * layer.hidden_size] = 1  # the forget gates'


@dataclass
class Run:
    """One training, kept as a file when it is done."""

    task: str
    scheme: MemoryInit
    seed: int
    updates: int
    folder: Path
    errors: list[float] = field(default_factory=list)
    """wrong bits a sequence at every evaluation"""

    def __post_init__(self) -> None:
        if self._path.exists():
            self.errors = json.loads(self._path.read_text())["errors"]

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.task}-{self.scheme}-{self.seed}-{self.updates}.json"

    @property
    def done(self) -> bool:
        """Whether it has been trained to the end, now or before."""
        return len(self.errors) == self.updates // UPDATES_AN_EVALUATION

    def keep(self) -> None:
        """Write the file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._path, {"errors": self.errors})

    def build(self) -> LearnedStart:
        """The machine before its first update, which takes PyTorch's own generator."""
        task = tasks.get(self.task)
        with torch.random.fork_rng(devices=[]):
            seed_generator(torch.default_generator, "weights", self.seed)
            return LearnedStart(task.input_size, task.output_size, self.scheme)


def train(run: Run, model: LearnedStart, on_evaluation: Callable[[], object], stopping: Callable[[], bool]) -> bool:
    """Train a machine from its first update; one that is stopped begins anew the next time.

    Args:
        run: gets the errors, and writes its file at the end.
        model: from `run.build`.
        on_evaluation: called after every evaluation.
        stopping: asked before every update.

    Returns:
        Whether the last update was reached.
    """
    forward = fastest(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    run.errors = []
    for update in range(1, run.updates + 1):
        if stopping():
            return False
        batch = _draw(run, "training", update)
        logits, _ = forward(batch.inputs, model.initial_state(BATCH_SIZE))
        losses = bit_losses(logits.clamp(-_LARGEST_LOGIT, _LARGEST_LOGIT), batch)
        optimizer.zero_grad()
        torch.autograd.backward(losses.sum() / BATCH_SIZE)
        nn.utils.clip_grad_norm_(model.parameters(), _GRADIENT_NORM)
        optimizer.step()
        if update % UPDATES_AN_EVALUATION == 0:
            run.errors.append(_evaluate(run, model, update))
            on_evaluation()
    run.keep()
    return True


def train_all(runs: Sequence[Run], on_evaluation: Callable[[], object], stopping: Callable[[], bool]) -> bool:
    """Train those that are not done, as many at once as there are threads; whether all are now."""
    left = [(run, run.build()) for run in runs if not run.done]
    with ThreadPoolExecutor(torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return all(list(pool.map(lambda each: train(each[0], each[1], on_evaluation, stopping), left)))


def _draw(run: Run, purpose: Purpose, index: int) -> Batch:
    return tasks.get(run.task).sample(BATCH_SIZE, generator=make_generator(purpose, run.seed, index))


@torch.no_grad()
def _evaluate(run: Run, model: LearnedStart, update: int) -> float:
    errors = []
    for part in range(_EVALUATION_BATCHES):
        batch = _draw(run, "validation", update * _EVALUATION_BATCHES + part)
        logits, _ = model(batch.inputs)
        errors.append(tasks.get(run.task).errors(logits, batch))
    return round(torch.cat(errors).mean().item(), 4)
