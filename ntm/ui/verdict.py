"""What came out of a run, in words and as a table."""

from html import escape

from ntm.tasks.text import count, format_bits, format_word
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


def table(run: Run) -> str:
    """Every vector: what went in and should come out, what came out, and the probability behind each bit; HTML."""
    targets, outputs = (format_bits(bits).split("\n") for bits in (run.target, run.output))
    rows = zip(targets, outputs, run.probabilities.tolist(), strict=True)
    body = "".join(_row(number, *row) for number, row in enumerate(rows, start=1))
    titles = ("row", "should come out", "came out", "probability of each bit being 1")
    head = "<tr>" + "".join(f"<th scope='col'>{title}</th>" for title in titles) + "</tr>"
    whole = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
    return f'<div class="rows-table" tabindex="0" role="group" aria-label="Every row">{whole}</div>'


def count_wrong_bits(errors: int, bits: int) -> str:
    """The count of wrong bits in words."""
    if errors == 0:
        return f"Not one of {bits:,} bits is wrong."
    return f"{count(errors, 'bit')} of {bits:,} {'is' if errors == 1 else 'are'} wrong."


def _row(number: int, target: str, output: str, probabilities: list[float]) -> str:
    bits = "".join(
        bit if bit == due else f'<mark title="wrong: {due} was due">{bit}</mark>'
        for bit, due in zip(output, target, strict=True)
    )
    numbers = " ".join(f"{probability:.2f}" for probability in probabilities)
    return f"<tr><th scope='row'>{number}</th><td>{target}</td><td>{bits}</td><td>{numbers}</td></tr>"
