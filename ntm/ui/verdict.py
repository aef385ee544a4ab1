"""The verdict on a run: how well it went, in words."""

from html import escape

from ntm.tasks.text import count, format_word
from ntm.ui.run import Run

_CLOSE = 0.1
"""a log loss so little above that of the guesser that is best on average is good"""


def summary(run: Run, *, as_word: bool = False) -> str:
    """What came back where a word went in, and how well it went, in words; HTML."""
    verdict = count_wrong_bits(run.bit_errors, run.target.numel())
    good = not run.bit_errors
    if run.optimal_error is not None:
        share = run.error / run.optimal_error - 1
        verdict = (
            f"{run.error:.1f} bits of surprise; the guesser that is best on average has {run.optimal_error:.1f} "
            f"({share:+.1%})."
        )
        good = share < _CLOSE
    size = ", ".join(f"{name} {size}" for name, size in run.sizes.items())
    beyond = "" if run.trained else f' <span class="beyond">{size}: more than it was trained on</span>'
    mark = "good" if good else "bad"
    said = _say("This machine", run, as_word)
    return f'<p class="verdict {mark}" role="status">{said}<span class="score">{verdict}</span>{beyond}</p>'


def comparison(run: Run, *, as_word: bool = False) -> str:
    """What the LSTM made of the same input; HTML."""
    if run.optimal_error is not None:
        words = f"{run.error:.1f} bits of surprise."
    else:
        words = count_wrong_bits(run.bit_errors, run.target.numel())
    return f'<p class="comparison">{_say("A plain LSTM", run, as_word)}<span class="score">{words}</span></p>'


def _say(who: str, run: Run, as_word: bool) -> str:
    """Who answers, and the word that came back with its wrong letters marked, where a word went in; HTML."""
    if not as_word:
        return f'<span class="who">{who}:</span> '
    wrong = (run.output != run.target).any(-1).tolist()
    letters = zip(map(escape, format_word(run.output)), wrong, strict=True)
    said = "".join(f"<mark>{letter}</mark>" if is_wrong else letter for letter, is_wrong in letters)
    return f'<span class="who">{who} says</span> <q class="said">{said}</q> '


def count_wrong_bits(errors: int, bits: int) -> str:
    """The count of wrong bits in words."""
    if errors == 0:
        return f"Not one of {bits:,} bits is wrong."
    return f"{count(errors, 'bit')} of {bits:,} {'is' if errors == 1 else 'are'} wrong."
