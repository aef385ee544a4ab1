"""What came out of a run, in words and as a table."""

from html import escape

from ntm.ui.run import Run
from ntm.ui.text import count_wrong_bits, format_bits, format_word


def summary(run: Run, *, as_word: bool = False) -> str:
    """The count of wrong bits in words, and the word that came back where one went in; HTML."""
    verdict = count_wrong_bits(run.bit_errors, run.target.numel())
    word = f"It says “{escape(format_word(run.output))}”. " if as_word else ""
    return f'<p class="verdict {"bad" if run.bit_errors else "good"}" role="status">{word}{verdict}</p>'


def table(run: Run) -> str:
    """Every vector: what went in and should come out, what came out, and the probability behind each bit; HTML."""
    targets, outputs = (format_bits(bits).split("\n") for bits in (run.target, run.output))
    rows = zip(targets, outputs, run.probabilities.tolist(), strict=True)
    body = "".join(_row(number, *row) for number, row in enumerate(rows, start=1))
    titles = ("row", "went in, should come out", "came out", "probability of each bit being 1")
    head = "<tr>" + "".join(f"<th scope='col'>{title}</th>" for title in titles) + "</tr>"
    return f'<div class="rows" tabindex="0"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _row(number: int, target: str, output: str, probabilities: list[float]) -> str:
    bits = "".join(
        bit if bit == due else f'<mark title="wrong: {due} was due">{bit}</mark>'
        for bit, due in zip(output, target, strict=True)
    )
    numbers = " ".join(f"{probability:.2f}" for probability in probabilities)
    return f"<tr><th scope='row'>{number}</th><td>{target}</td><td>{bits}</td><td>{numbers}</td></tr>"
