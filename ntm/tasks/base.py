"""What a task is. A new one is a subclass of `Task` in a file of its own, beside this one or anywhere else."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ntm.machine.checks import check_whole_number
from ntm.machine.models import Architecture
from ntm.tasks.forms import Form, Typed
from ntm.tasks.layout import Batch, Layout
from ntm.tasks.recipe import Recipe
from ntm.tasks.text import InputError

Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Question:
    """What is asked of a machine, small enough for a link."""

    task: str
    """its name"""
    text: str
    """in the task's form"""
    number: float | None = None
    """where the form has one, as it was typed: how often to repeat, say"""


class Asked(NamedTuple):
    """A question as the machine gets it."""

    batch: Batch
    """one sequence"""
    captions: list[str]
    """(T), what each step is about, in words"""
    sizes: Sizes
    trained: bool
    """whether machines are trained on sequences of these sizes"""


class Answer(NamedTuple):
    """What a machine made of a question."""

    batch: Batch
    """one sequence"""
    logits: Tensor
    """(T, 1, out)"""

    @property
    def target(self) -> Tensor:
        """(S, out), the bits that should come out on the S scored steps."""
        return self.batch.targets[:, 0][self.batch.mask[:, 0]]

    @property
    def probabilities(self) -> Tensor:
        """(S, out), the machine's probability that each of those bits is 1."""
        return self.logits[:, 0][self.batch.mask[:, 0]].sigmoid()

    @property
    def output(self) -> Tensor:
        """(S, out), the bits that came out."""
        return (self.probabilities > 0.5).to(self.target.dtype)

    @property
    def bit_errors(self) -> int:
        """How many of them are wrong."""
        return int((self.output != self.target).sum())


class Case(NamedTuple):
    """One point at which a model is judged: sizes, and the number of memory slots if not the model's own."""

    sizes: Sizes
    memory_slots: int | None = None
    bar: float | None = None
    """the most that a mean error, or what of it is above the least possible one, may be here for a machine that has
    learned its task; None where nothing is promised"""


class Task(ABC):
    """A kind of sequence problem: its encoding, its sizes, how a model is trained and judged on it, how it is asked.

    A task whose questions are rows of bits takes this much, in a file of its own:

        class Reverse(Task):
            name = "reverse"
            input_size, output_size = 9, 8
            sizes = {"length": range(1, 11)}
            recipes = {"ntm": Recipe(updates=10_000, arguments={"controller": "lstm"})}
            validation = (Case({"length": 10}),)
            evaluation = (*validation, Case({"length": 20}))
            form = Rows(bits=8)

            def encode(self, vectors): ...  # (L, B, 8) to a Batch
            def draw(self, batch_size, generator, device, **sizes):
                return self.encode(random_bits((sizes["length"], batch_size, 8), generator, device))
            def captions(self, typed):
                rows = len(typed.rows)
                return [*caption_each("vector", rows, "comes in"), "flag", *caption_each("vector", rows, "is due")]

    `ntm.tasks.load` brings it in from anywhere, and so do `train.py` and `app.py`, given the file's path.
    """

    name: str
    """short and plain, such as "repeat-copy": it names files, checkpoints and, with underscores, the endpoint"""
    tells: str = ""
    """what a machine does here, in a sentence for the page and the endpoint"""
    section: str = ""
    """the section of the paper, such as "4.1"; empty for a task of one's own"""
    input_size: int
    output_size: int
    sizes: ClassVar[Mapping[str, range]]
    """the sizes that a sequence has, each with its training range"""
    smallest: ClassVar[Mapping[str, int]] = {}
    """the least that a size can be, where that is not 1"""
    recipes: ClassVar[Mapping[Architecture, Recipe]]
    validation: tuple[Case, ...]
    """where weights are chosen while training"""
    evaluation: tuple[Case, ...]
    """where published weights are judged, on sequences never used to choose them"""
    form: Form
    """how it is asked, as text and on the page. What it counts is the first of the sizes"""
    layout: Layout | None = None
    """how its sequences are made, for a page to make them as well; the page asks the server where it is None"""
    error_name: str = "bit errors"
    excess_name: str = "bit errors"
    """the name of what an error is above the least possible one, which is what curves show"""

    @property
    def title(self) -> str:
        """What the page calls it."""
        return self.name.replace("-", " ").capitalize()

    @abstractmethod
    def encode(self, *args: Any, **kwargs: Any) -> Batch:
        """The sequences that ask for what the arguments hold, which each task has its own of."""

    @abstractmethod
    def captions(self, typed: Typed) -> list[str]:
        """What each step of the sequence is about that asks a question, (T), in words."""

    @abstractmethod
    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw sequences of exactly these sizes with tensor operations only."""

    def draw_training(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw sequences to learn from: as `draw`, unless a task shows rare but possible ones more often."""
        return self.draw(batch_size, generator, device, **sizes)

    def draw_validation(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw sequences to choose weights on: as `draw_training`, unless that makes them harder than they are."""
        return self.draw_training(batch_size, generator, device, **sizes)

    def sample(
        self,
        batch_size: int,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        **sizes: int,
    ) -> Batch:
        """Draw a batch of sequences, all of one size.

        Args:
            batch_size: B.
            generator: the source of all randomness; torch's own when None. Numbers are drawn on its device, so that
                one seed gives the same batch wherever the batch goes.
            device: where the batch goes; the generator's own device, or the CPU, when None.
            **sizes: sizes by name; those not given are drawn from the training range.

        Raises:
            ValueError: if a size is not one of this task's or is too small for it.
            TypeError: if a size is no whole number.
        """
        self.check_sizes(sizes)
        check_whole_number("batch_size", batch_size)
        if device is None and generator is not None:
            device = generator.device
        return self.draw(batch_size, generator, device, **(self.draw_sizes(generator) | sizes))

    def draw_sizes(self, generator: torch.Generator | None, limit: int | None = None) -> dict[str, int]:
        """One size of each kind from the training range, none above the limit."""
        device = generator.device if generator is not None else None
        return {
            name: int(torch.randint(choices.start, _stop(choices, limit), (), generator=generator, device=device))
            for name, choices in self.sizes.items()
        }

    @property
    def largest(self) -> int:
        """The largest size of any kind in the training range."""
        return max(choices.stop - 1 for choices in self.sizes.values())

    def longest(self) -> int:
        """How many steps the longest sequences of the training range have."""
        sizes = {name: choices.stop - 1 for name, choices in self.sizes.items()}
        return self.draw(1, torch.Generator(), None, **sizes).inputs.shape[0]

    def check_sizes(self, sizes: Sizes) -> None:
        """Refuse sizes that this task does not have.

        Raises:
            ValueError: if a size is not one of this task's or is too small for it.
            TypeError: if a size is no whole number.
        """
        for name, size in sizes.items():
            if name not in self.sizes:
                raise ValueError(f"{self.name} has no size {name!r}; its sizes are {', '.join(self.sizes)}")
            check_whole_number(name, size, self.smallest.get(name, 1))

    def errors(self, logits: Tensor, batch: Batch) -> Tensor:
        """The error of each sequence, (B,): wrong bits over the scored steps, after rounding at 0.5."""
        wrong = ((logits > 0) != (batch.targets > 0.5)) | logits.isnan()
        return (wrong & batch.mask.unsqueeze(-1)).sum((0, 2)).float()

    def optimal_errors(self, batch: Batch) -> Tensor | None:
        """The error of the best that can be done on each sequence, (B,), for tasks where that is known and not zero.

        Errors of such a task are log loss in bits, which the page calls bits of surprise.
        """
        return None

    def optimal_probabilities(self, inputs: Tensor) -> Tensor | None:
        """The best possible estimate of each bit being 1 from the inputs so far, (T, B, out), where that is known.

        Args:
            inputs: (T, B, in).
        """
        return None

    def ask(self, text: str, number: float | None = None) -> Asked:
        """The sequence that asks a question.

        Args:
            text: as people type it, see `form`.
            number: where the form has one.

        Raises:
            InputError: if it cannot be asked.
        """
        typed = self.form.parse(text, number)
        sizes = self.sizes_of(typed)
        trained = all(size in self.sizes[name] for name, size in sizes.items())
        return Asked(self.encode_typed(typed), self.captions(typed), sizes, trained)

    def encode_typed(self, typed: Typed) -> Batch:
        """The one sequence that asks a question; as it stands for tasks that encode their rows or bits alone.

        Raises:
            InputError: if it cannot be asked.
        """
        return self.encode(typed.rows.unsqueeze(1))

    def sizes_of(self, typed: Typed) -> dict[str, int]:
        """The sizes of a question: what the form counts, and its number where that is one."""
        counted = {next(iter(self.sizes)): len(typed.rows)}
        number = self.form.number
        if number is None or number.name not in self.sizes or typed.number is None:
            return counted
        return counted | {number.name: typed.number}

    @property
    def offered(self) -> dict[str, range]:
        """The sizes that random questions can have."""
        offered = {next(iter(self.sizes)): self.form.sizes}
        number = self.form.number
        if number is None or number.name not in self.sizes or number.choices is None:
            return offered
        return offered | {number.name: number.offered or number.choices}

    def draw_question(self, generator: torch.Generator | None, **sizes: int) -> Question:
        """Draw a question of these sizes.

        Args:
            generator: the source of all randomness; torch's own when None.
            **sizes: every size, see `offered`.

        Raises:
            InputError: if a size is not one that is offered.
        """
        for name, offered in self.offered.items():
            if sizes.get(name) not in offered:
                raise InputError(
                    f"{name.capitalize()} can be {offered[0]} to {offered[-1]} here, not {sizes.get(name)}."
                )
        typed = self.draw_typed(generator, **sizes)
        return Question(self.name, self.form.write(typed), typed.number)

    def draw_typed(self, generator: torch.Generator | None, **sizes: int) -> Typed:
        """Draw what a question of these sizes holds: fair coins, unless the task has another source."""
        size = sizes[next(iter(self.sizes))]
        number = None if self.form.number is None else sizes.get(self.form.number.name)
        return self.form.draw(size, number, generator)

    def report(self, question: Question, answer: Answer) -> dict[str, Any]:
        """Output and target in the form of the question, bit_errors, and probabilities: a row of numbers for each row
        of output.

        This is what the task's endpoint returns, as JSON; the words above are what the endpoint says of it.
        """
        return {
            "output": self.form.write_answer(answer.output, question.text),
            "target": self.form.write_answer(answer.target, question.text),
            "bit_errors": answer.bit_errors,
            "probabilities": answer.probabilities.tolist(),
        }


def _stop(choices: range, limit: int | None) -> int:
    return choices.stop if limit is None else min(choices.stop, max(limit, choices.start) + 1)
