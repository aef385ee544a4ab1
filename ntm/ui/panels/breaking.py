"""The panel to break a run in: memory or a head is changed at the step on show, and both runs are compared."""

from typing import Any

import gradio as gr
from gradio.blocks import Block

from ntm.storage.untrusted import CheckpointError
from ntm.tasks.text import InputError, count
from ntm.ui import links
from ntm.ui.browser.pack import pack_run
from ntm.ui.events import QUIET, alert
from ntm.ui.machines import Machines
from ntm.ui.outcome import run_again
from ntm.ui.panels.intervention import ChangedRun, Intervention, intervene
from ntm.ui.run import Run
from ntm.ui.tape import make_tape

_CLEAR, _SCRAMBLE, _MOVE, _HOLD = "Clear slots", "Scramble slots", "Put a head elsewhere", "Force a gate"
_STEP_ON_SHOW = """
(query, step, ...others) => [window.ntm.query(), window.ntm.step, ...others]
"""
_EXPLANATION = """
Pause at any step and reach into the machine before it takes that step: the run goes on from there. Click a slot of the
tape above to choose it.
"""


def add_breaking(machines: Machines, key: gr.State, task: gr.Radio, tape: gr.HTML) -> None:
    """The panel below a tape.

    Args:
        machines: those of the page.
        key: the key of the visitor's own machine.
        task: the choice of the task.
        tape: the tape on which a slot can be picked.
    """

    def break_it(
        query: str, step: int, key: str | None, what: str, slots: str, head: int, to: float | None, gate: float
    ) -> dict[Block, Any]:
        try:
            link = links.read_query(query)
            intervention = read_intervention(step, what, slots, head, to, gate)
            original = run_again(machines, link, key)
            model = machines.model_for(link, key)
            changed = intervene(model, original, intervention)
        except (InputError, CheckpointError) as error:
            return {verdict: alert(error)}
        tape = gr.HTML(pack_run(model, changed, original=original), visible=True)
        return {verdict: compare(original, changed), changed_tape: tape}

    def choose(what: str) -> dict[Block, Any]:
        of_slots = what in (_CLEAR, _SCRAMBLE)
        return {
            slots: gr.Textbox(visible=of_slots),
            head: gr.Dropdown(visible=not of_slots),
            to: gr.Number(visible=what == _MOVE),
            gate: gr.Slider(visible=what == _HOLD),
        }

    def pick(event: gr.EventData) -> dict[Block, Any]:
        return {slots: str(int(event.slot)), to: int(event.slot)}

    gr.Markdown(_EXPLANATION)
    query, step = gr.Textbox(visible=False), gr.Number(0, visible=False)
    what = gr.Radio([_CLEAR, _SCRAMBLE, _MOVE, _HOLD], value=_CLEAR, label="What to do")
    with gr.Row():
        slots = gr.Textbox("0", label="Slots", info="such as 3 or 0-4, 9", elem_id="break-slots")
        heads = _heads_of(machines, task.value)
        head = gr.Dropdown(heads, value=0, label="Head", visible=False, elem_id="break-head")
        to = gr.Number(0, precision=0, label="To slot", visible=False, elem_id="break-to")
        gate = gr.Slider(0, 1, 1, step=0.05, label="Gate from here on", visible=False, elem_id="break-gate")
    button = gr.Button("Do it at the step on show", variant="primary")
    verdict = gr.HTML(elem_id="broken-summary")
    changed_tape = make_tape(elem_id="broken-tape", visible=False)
    chosen = [slots, head, to, gate]
    what.input(choose, what, chosen, **QUIET)
    button.click(break_it, [query, step, key, what, *chosen], [verdict, changed_tape], js=_STEP_ON_SHOW, **QUIET)
    tape.pick(pick, None, [slots, to], **QUIET)

    task.change(lambda task: gr.Dropdown(_heads_of(machines, task), value=0), task, head, **QUIET)


def read_intervention(step: int, what: str, slots: str, head: int, to: float | None, gate: float) -> Intervention:
    """What the controls say.

    Raises:
        InputError: if they say nothing that can be done.
    """
    if what in (_CLEAR, _SCRAMBLE):
        hit = _read_slots(slots)
        return Intervention(step, clear=hit) if what == _CLEAR else Intervention(step, scramble=hit)
    if what == _MOVE:
        if to is None:
            raise InputError("Say which slot the head goes to.")
        return Intervention(step, move=(head, int(to)))
    return Intervention(step, gate=(head, gate))


def compare(original: Run, changed: ChangedRun) -> str:
    """What became of the answer, in words; HTML."""
    different = int((changed.output != original.output).sum())
    bits = changed.output.numel()
    step = changed.intervention.step + 1
    if not different:
        said = f"Changed at step {step}, and not one of {count(bits, 'bit')} of the answer is different."
    else:
        said = f"Changed at step {step}: {different:,} of {count(bits, 'bit')} of the answer came out differently."
    wrong = f" Wrong bits: {original.bit_errors:,} before, {changed.bit_errors:,} now."
    return f'<p class="verdict" role="status">{said}{wrong if original.optimal_error is None else ""}</p>'


def _read_slots(written: str) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for part in written.replace(",", " ").split():
        first, dash, last = part.partition("-")
        numbers = (first, last) if dash else (first, first)
        if not all(number.isascii() and number.isdecimal() and len(number) <= 4 for number in numbers):
            raise InputError(f"“{part[:20]}” is not a slot: write numbers, such as 3 or 0-4, 9.")
        low, high = map(int, numbers)
        if low > high:
            raise InputError(f"“{part[:20]}” goes backwards: write the smaller slot first.")
        found |= dict.fromkeys(range(low, high + 1))
    if not found:
        raise InputError("Say which slots, such as 3 or 0-4, 9.")
    return tuple(found)


def _heads_of(machines: Machines, task: str) -> list[tuple[str, int]]:
    """The names and numbers of the heads of the page's own machine, read heads first."""
    config = machines.get(task, None).model.config
    reads, writes = config.get("read_heads", 0), config.get("write_heads", 0)
    return [(name, index) for index, name in enumerate([*_name("read", reads), *_name("write", writes)])]


def _name(kind: str, heads: int) -> list[str]:
    return [f"{kind} head"] if heads == 1 else [f"{kind} head {index}" for index in range(1, heads + 1)]
