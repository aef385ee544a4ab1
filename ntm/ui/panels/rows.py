"""The panel with every row of an answer: what was due, what came out, and the probabilities behind it."""

import gradio as gr

from ntm.tasks.text import format_bits
from ntm.ui.events import Updates
from ntm.ui.run import Run


def add_rows(first: Run) -> Updates:
    """The panel, which shows a first run."""
    with gr.Accordion("Every row with its probabilities", open=False):
        table = gr.HTML(draw_table(first), elem_id="table")
    return {table: lambda outcome: draw_table(outcome.run)}


def draw_table(run: Run) -> str:
    """Every vector: what went in and should come out, what came out, and the probability behind each bit; HTML."""
    targets, outputs = (format_bits(bits).split("\n") for bits in (run.target, run.output))
    rows = zip(targets, outputs, run.probabilities.tolist(), strict=True)
    body = "".join(_row(number, *row) for number, row in enumerate(rows, start=1))
    titles = ("row", "should come out", "came out", "probability of each bit being 1")
    head = "<tr>" + "".join(f"<th scope='col'>{title}</th>" for title in titles) + "</tr>"
    whole = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
    return f'<div class="rows-table" tabindex="0" role="group" aria-label="Every row">{whole}</div>'


def _row(number: int, target: str, output: str, probabilities: list[float]) -> str:
    bits = "".join(
        bit if bit == due else f'<mark title="wrong: {due} was due">{bit}</mark>'
        for bit, due in zip(output, target, strict=True)
    )
    numbers = " ".join(f"{probability:.2f}" for probability in probabilities)
    return f"<tr><th scope='row'>{number}</th><td>{target}</td><td>{bits}</td><td>{numbers}</td></tr>"
