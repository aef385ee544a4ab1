"""Dynamic N-grams (section 4.4 of the paper): predict the next bit of a source whose table has to be learned first."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ntm.tasks.base import Answer, Case, Question, Task
from ntm.tasks.forms import Stream, Typed
from ntm.tasks.layout import Batch, Given, Layout, Part
from ntm.tasks.recipe import Recipe


class DynamicNgrams(Task):
    """Rows: the bits so far, one a row; the next one is due on every row from the first that has a whole context."""

    name = "dynamic-ngrams"
    title = "Predict"
    section = "4.4"
    tells = (
        "It sees a stream of bits and says how likely the next is a 1, going by what came after the same five bits "
        "before."
    )
    context = 5
    input_size = 1
    output_size = 1
    sizes: ClassVar = {"length": range(200, 201)}
    smallest: ClassVar = {"length": context + 1}
    error_name = "bits"
    excess_name = "bits above optimal"
    recipes: ClassVar = {
        "ntm": Recipe(
            updates=4_000,
            arguments={"controller": "lstm", "memory_slots": 32, "memory_init": "learned"},
        ),
        # The size of the paper's (its table 3).
        "lstm": Recipe(
            updates=7_000, arguments={"hidden_size": 128, "num_layers": 3}, learning_rate=2e-3, gradient_norm=1.0
        ),
    }
    validation = (Case({"length": 200}),)
    evaluation = (
        *(Case({"length": length}) for length in (50, 100)),
        Case({"length": 200}, bar=2.5),
        *(Case({"length": length}) for length in (400, 800)),
    )

    form = Stream(
        fewest=context + 1,
        most=500,
        needs=f"it takes {context + 1} to 500, for the machine is asked about a bit from the {context} before it",
        offered=range(20, 501),
    )
    layout = Layout(
        parts=(
            Part(
                caption="bit {vector} is {bit}; what will bit {next} be?",
                comes="all but the last",
                due="all but the first",
                unscored=context - 1,
            ),
        ),
        context=context,
    )

    def encode(self, bits: Tensor) -> Batch:
        """The sequence that asks for each of these bits after those before it.

        Args:
            bits: (L, B).
        """
        return self.layout.encode(Given(bits.unsqueeze(-1)), self.input_size, self.output_size)

    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw a table of probabilities from Beta(1/2, 1/2) for each sequence, and its bits from the table."""
        source = generator.device if generator is not None else device
        # The sine squared of a uniform angle is distributed as Beta(1/2, 1/2), the arcsine distribution.
        angles = torch.rand(2**self.context, batch_size, generator=generator, device=source) * (math.pi / 2)
        table = angles.sin().square()
        chances = torch.rand(sizes["length"], batch_size, generator=generator, device=source)
        bits = (chances < 0.5).long()
        # What every context would lead to, for all steps at once: one look-up a step is left to do in turn.
        shifted = 2 * torch.arange(len(table), device=source).unsqueeze(-1) % len(table)
        contexts = [self._contexts(bits[: self.context])]
        for leads_to in (shifted + (chances[self.context :].unsqueeze(1) < table)).unbind():
            contexts.append(leads_to.gather(0, contexts[-1]))
        # The newest bit of a context is its last.
        bits = torch.cat([bits[: self.context], *contexts[1:]]) % 2
        return self.encode(bits.float().to(device))

    def errors(self, logits: Tensor, batch: Batch) -> Tensor:
        """Log loss of each sequence in bits, (B,), summed over the scored steps."""
        losses = functional.binary_cross_entropy_with_logits(logits, batch.targets, reduction="none")
        return self._sum_in_bits(losses, batch)

    def optimal_errors(self, batch: Batch) -> Tensor:
        """The log loss of the optimal estimator on the same sequences, (B,): no model can do better on average."""
        return self._log_loss(self.optimal_probabilities(batch.inputs), batch)

    def optimal_probabilities(self, inputs: Tensor) -> Tensor:
        """The optimal Bayesian estimate of the next bit being 1, equation 10: (n1 + 1/2) / (n0 + n1 + 1).

        Args:
            inputs: (T, B, 1), bits.

        Returns:
            (T, B, 1), in double precision; 1/2 on the rows before the first whole context.
        """
        bits = inputs.squeeze(-1)
        estimates = torch.full(bits.shape, 0.5, dtype=torch.float64, device=bits.device)
        counts = torch.zeros(2, 2**self.context, bits.shape[1], dtype=torch.float64, device=bits.device)
        contexts = self._contexts(bits.long()) if len(bits) >= self.context else ()
        for row, context in enumerate(contexts, start=self.context - 1):
            zeros, ones = counts.gather(1, context.expand(2, 1, -1)).squeeze(1)
            estimates[row] = (ones + 0.5) / (zeros + ones + 1)
            if row + 1 < len(bits):
                seen = torch.stack([1 - bits[row + 1], bits[row + 1]]).double()
                counts.scatter_add_(1, context.expand(2, 1, -1), seen.unsqueeze(1))
        return estimates.unsqueeze(-1)

    def captions(self, typed: Typed) -> list[str]:
        """What each step is about."""
        return self.layout.captions(typed)

    def draw_typed(self, generator: torch.Generator | None, **sizes: int) -> Typed:
        """Draw a stream from a table of its own."""
        batch = self.sample(1, generator=generator, length=sizes["length"])
        return Typed(torch.cat([batch.inputs[:, 0, 0], batch.targets[-1, 0]]))

    def report(self, question: Question, answer: Answer) -> dict[str, Any]:
        """Target: the bits from the sixth on; output: what the machine held more likely; bit_errors: how many differ;
        probabilities of a 1, a row for each bit, and those of the optimal estimator; and the log loss of both in bits.
        """
        batch = answer.batch
        estimates = self.optimal_probabilities(batch.inputs)
        return super().report(question, answer) | {
            "optimal_probabilities": estimates[batch.mask].tolist(),
            "log_loss": self.errors(answer.logits, batch).item(),
            "optimal_log_loss": self._log_loss(estimates, batch).item(),
        }

    def _contexts(self, bits: Tensor) -> Tensor:
        """The number that each window of five bits spells, first bit highest: (T, B) to (T - 4, B)."""
        values = 2 ** torch.arange(self.context - 1, -1, -1, device=bits.device)
        return (bits.unfold(0, self.context, 1) * values).sum(-1)

    def _log_loss(self, estimates: Tensor, batch: Batch) -> Tensor:
        losses = functional.binary_cross_entropy(estimates, batch.targets.double(), reduction="none")
        return self._sum_in_bits(losses, batch).float()

    def _sum_in_bits(self, losses: Tensor, batch: Batch) -> Tensor:
        return ((losses / math.log(2)).squeeze(-1) * batch.mask).sum(0)
