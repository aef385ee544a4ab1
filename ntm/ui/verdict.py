"""The verdict on a run: how well it went, in words."""

from html import escape

from ntm.tasks.text import count, format_word
from ntm.ui.run import Run

_CLOSE = 0.1
"""a log loss so little above that of the guesser that is best on average is good"""


def summary(run: Run, *, as_word: bool = False) -> str:
    """How well it went, in words, and the word that came back where one went in; HTML."""
    verdict = count_wrong_bits(run.bit_errors, run.target.numel())
    good = not run.bit_errors
    if run.optimal_error is not None:
        share = run.error / run.optimal_error - 1
        verdict = (
            f"{run.error:.1f} bits of surprise; the guesser that is best on average has {run.optimal_error:.1f} "
            f"({share:+.1%})."
        )
        good = share < _CLOSE
    word = f"It says “{escape(format_word(run.output))}”. " if as_word else ""
    size = ", ".join(f"{name} {size}" for name, size in run.sizes.items())
    beyond = "" if run.trained else f' <span class="beyond">{size}: more than it was trained on</span>'
    return f'<p class="verdict {"good" if good else "bad"}" role="status">{word}{verdict}{beyond}</p>'


def comparison(run: Run) -> str:
    """What the LSTM made of the same input; HTML."""
    if run.optimal_error is not None:
        words = f"{run.error:.1f} bits of surprise"
    else:
        words = f"{run.bit_errors:,} of {run.target.numel():,} bits wrong" if run.bit_errors else "no bit wrong"
    return f'<p class="comparison">A plain LSTM on the same input: {words}.</p>'


def count_wrong_bits(errors: int, bits: int) -> str:
    """The count of wrong bits in words."""
    if errors == 0:
        return f"Not one of {bits:,} bits is wrong."
    return f"{count(errors, 'bit')} of {bits:,} {'is' if errors == 1 else 'are'} wrong."
