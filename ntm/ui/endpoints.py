"""The demo's HTTP interface: an endpoint a task, which MCP clients find as tools."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from torch import Tensor

from ntm.machine.model import SequenceModel
from ntm.tasks.repeat_copy import RepeatCopy
from ntm.ui.questions import Question
from ntm.ui.run import Run, run_question
from ntm.ui.text import InputError, format_bits


def make_endpoints(models: Mapping[str, SequenceModel]) -> dict[str, Callable[..., dict[str, Any]]]:
    """The functions behind the endpoints, by the endpoint's name, for the tasks of which there is a machine.

    Args:
        models: machines by the task they were trained on.
    """

    def copy(bits: str) -> dict[str, Any]:
        """Let a trained Neural Turing Machine write down bit vectors and say them again.

        Args:
            bits: the vectors, one a line, 8 bits each, such as "10110010"; 1 to 250 of them.

        Returns:
            output and target in the same form, bit_errors, and probabilities: a row of numbers for each row of output.
        """
        return _answer(_run(models, Question("copy", bits)))

    def repeat_copy(bits: str, repeats: float) -> dict[str, Any]:
        """Let a trained Neural Turing Machine say bit vectors a number of times, and then stop.

        Args:
            bits: the vectors, one a line, 8 bits each, such as "10110010".
            repeats: how often to say them, a whole number; at most 500 vectors in all.

        Returns:
            output and target in the same form, bit_errors (those of the end marker count), probabilities, and
            end_markers: the numbers of the rows on which the machine said that it has finished; one, the row after the
            last vector, is right.
        """
        run = _run(models, Question("repeat-copy", bits, repeats))
        marker = RepeatCopy.end_marker_channel
        rows = range(1, len(run.output) + 1)
        answer = _answer(run, lambda values: values[:-1, :marker])
        return answer | {"end_markers": [row for row, bits in zip(rows, run.output, strict=True) if bits[marker]]}

    def associative_recall(items: str, query: float) -> dict[str, Any]:
        """Show a trained Neural Turing Machine a list of items, then one of them; it says the one that follows.

        Args:
            items: two or more, with an empty line between them; an item is 3 lines of 6 bits, such as "101100".
            query: the number of the item to ask about, from 1; never the last.

        Returns:
            output and target as 3 lines of 6 bits, bit_errors, and probabilities: a row of numbers for each row of
            output.
        """
        return _answer(_run(models, Question("associative-recall", items, query)))

    def dynamic_ngrams(bits: str) -> dict[str, Any]:
        """Let a trained Neural Turing Machine predict each bit of a stream from those before it.

        Args:
            bits: 6 to 500 bits, such as "0110111", on one line or on several.

        Returns:
            target: the bits from the sixth on; output: what the machine held more likely; bit_errors: how many differ;
            probabilities of a 1, a row for each bit, and those of the optimal estimator; and the log loss of both in
            bits.
        """
        run = _run(models, Question("dynamic-ngrams", bits))
        between = "\n" if "\n" in bits.strip() else ""
        return _answer(run) | {
            "output": format_bits(run.output).replace("\n", between),
            "target": format_bits(run.target).replace("\n", between),
            "optimal_probabilities": run.optimal_probabilities.tolist(),
            "log_loss": run.error,
            "optimal_log_loss": run.optimal_error,
        }

    def priority_sort(bits: str) -> dict[str, Any]:
        """Let a trained Neural Turing Machine say vectors in the order of their priorities, all but the lowest four.

        Args:
            bits: 5 to 60 vectors, one a line, 8 bits and a priority from -1 to 1, such as "10110010 0.25".

        Returns:
            output and target, one vector a line, highest priority first; bit_errors; and probabilities: a row of
            numbers for each row of output.
        """
        return _answer(_run(models, Question("priority-sort", bits)))

    every = (copy, repeat_copy, associative_recall, dynamic_ngrams, priority_sort)
    return {each.__name__: each for each in every if each.__name__.replace("_", "-") in models}


def _run(models: Mapping[str, SequenceModel], question: Question) -> Run:
    try:
        return run_question(models[question.task], question)
    except InputError as error:
        raise gr.Error(str(error), print_exception=False) from None


def _answer(run: Run, part: Callable[[Tensor], Tensor] = lambda values: values) -> dict[str, Any]:
    return {
        "output": format_bits(part(run.output)),
        "target": format_bits(part(run.target)),
        "bit_errors": run.bit_errors,
        "probabilities": part(run.probabilities).tolist(),
    }
