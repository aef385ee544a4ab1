"""Repeat copy (section 4.2 of the paper): say a sequence of bit vectors a given number of times, then stop."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from ntm.tasks.base import Answer, Case, Question, Task
from ntm.tasks.bits import half_skewed_bits, random_bits
from ntm.tasks.forms import Number, Rows, Typed
from ntm.tasks.layout import Batch, Count, Given, Layout, Part
from ntm.tasks.recipe import Curriculum, Loss, Recipe
from ntm.tasks.text import InputError, count, format_bits

_MOST_VECTORS = 500


class RepeatCopy(Task):
    """Rows: a start flag; the vectors; the number of repeats; empty rows, on which the repeats and an end marker are
    due."""

    name = "repeat-copy"
    section = "4.2"
    tells = "It sees vectors and a number, says the vectors that often, and then has to stop."
    bits = 8
    start_channel = 8
    count_channel = 9
    end_marker_channel = 8
    input_size = 10
    output_size = 9
    sizes: ClassVar = {"length": range(1, 11), "repeats": range(1, 11)}
    # The count is fed in with mean 0 and variance 1 over the training range.
    count_mean = 5.5
    count_deviation = 2.8723
    # In training a count is off by up to this share of itself, and the answer still that to the whole number beside it:
    # a machine that takes this in its stride has slack left when it counts further.
    count_noise = 0.045
    # At 0.5 another whole number would be as near.
    largest_count_noise = 0.45
    recipes: ClassVar = {
        "ntm": Recipe(
            updates=10_000,
            arguments={
                "controller_size": 128,
                "memory_slots": 64,
                "extension": {"register": {"channel": count_channel, "mean": count_mean, "deviation": count_deviation}},
            },
            training_slots=(24, 40, 64),
            loss=Loss(focus=0.005),
        ),
        # The size of the paper's (its table 3).
        "lstm": Recipe(
            updates=20_000,
            arguments={"hidden_size": 512, "num_layers": 3},
            batch_size=16,
            learning_rate=1e-3,
            gradient_norm=1.0,
            curriculum=Curriculum(first_limit=2),
        ),
    }
    validation = (
        *(
            Case({"length": length, "repeats": repeats})
            for length, repeats in enumerate((10, 5, 4, 7, 2, 9, 3, 6, 8, 10), start=1)
        ),
        Case({"length": 10, "repeats": 1}),
    )
    evaluation = (
        *(Case({"length": length, "repeats": repeats}, bar=0.1) for length in range(1, 11) for repeats in range(1, 11)),
        *(Case({"length": length, "repeats": 10}, bar=1.0) for length in (12, 15, 20)),
        Case({"length": 30, "repeats": 10}),
        *(Case({"length": 10, "repeats": repeats}, bar=1.0) for repeats in (12, 15, 20)),
        Case({"length": 10, "repeats": 30}),
        Case({"length": 20, "repeats": 20}),
    )

    form = Rows(
        bits=bits,
        offered=range(1, 31),
        number=Number(
            name="repeats",
            label="How often to say it",
            noun="The number of repeats",
            choices=range(1, _MOST_VECTORS + 1),
            offered=range(1, 31),
            first=12,
        ),
    )
    layout = Layout(
        parts=(
            Part(caption="start flag", flag=start_channel),
            Part(caption="vector {place} of {of} comes in", comes="all"),
            Part(
                caption="the count, {number}",
                count=Count(channel=count_channel, mean=count_mean, deviation=count_deviation),
            ),
            Part(caption="vector {vector} is due, time {time}", due="repeated"),
            Part(caption="the end marker is due", marker=end_marker_channel),
        ),
        most_due=_MOST_VECTORS + 1,
    )

    def encode(self, vectors: Tensor, repeats: int) -> Batch:
        """The sequence that asks for these vectors so many times.

        Args:
            vectors: (L, B, 8), bits.
            repeats: R.
        """
        return self.layout.encode(Given(vectors, repeats), self.input_size, self.output_size)

    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins."""
        vectors = random_bits((sizes["length"], batch_size, self.bits), generator, device)
        return self.encode(vectors, sizes["repeats"])

    def draw_training(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw as for validation, with noisy counts."""
        batch = self.draw_validation(batch_size, generator, device, **sizes)
        largest = min(self.count_noise * sizes["repeats"], self.largest_count_noise)
        noise = largest * (2 * torch.rand(batch_size, generator=generator, device=device) - 1)
        batch.inputs[sizes["length"] + 1, :, self.count_channel] += noise / self.count_deviation
        return batch

    def draw_validation(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins for one half of the batch, and for the other few ones or few zeros."""
        vectors = half_skewed_bits((sizes["length"], batch_size, self.bits), generator, device)
        return self.encode(vectors, sizes["repeats"])

    def encode_typed(self, typed: Typed) -> Batch:
        """The sequence that asks a question.

        Raises:
            InputError: if the answer would be too long.
        """
        length, repeats = len(typed.rows), typed.number
        assert repeats is not None
        if length * repeats > _MOST_VECTORS:
            raise InputError(
                f"{count(length, 'vector')} {repeats:,} times is {length * repeats:,} vectors; up to {_MOST_VECTORS} "
                "fit."
            )
        return self.encode(typed.rows.unsqueeze(1), repeats)

    def captions(self, typed: Typed) -> list[str]:
        """What each step is about."""
        return self.layout.captions(typed)

    def report(self, question: Question, answer: Answer) -> dict[str, Any]:
        """Output and target in the form of the question, bit_errors (those of the end marker count), probabilities, and
        end_markers: the numbers of the rows on which the machine said that it has finished; one, the row after the last
        vector, is right.
        """
        marker = self.end_marker_channel
        marked = answer.output[:, marker].nonzero().flatten() + 1
        return super().report(question, answer) | {
            "output": format_bits(answer.output[:-1, :marker]),
            "target": format_bits(answer.target[:-1, :marker]),
            "probabilities": answer.probabilities[:-1, :marker].tolist(),
            "end_markers": marked.tolist(),
        }
