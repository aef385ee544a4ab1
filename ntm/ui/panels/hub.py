"""The panel that brings a machine of the visitor's own from the Hub."""

from html import escape

import gradio as gr
from gradio.blocks import Block

from ntm.storage import hub
from ntm.storage.checkpoint import Checkpoint
from ntm.storage.untrusted import CheckpointError
from ntm.ui.events import QUIET, alert
from ntm.ui.guard import PULLING
from ntm.ui.machines import Machines

_EXPLANATION = """
<p>Type the Hub id of anyone's machine for this task. It is used on this page for you alone. Its weights are read as
safetensors and checked first; nothing that is downloaded is ever executed.</p>
"""


def add_hub(machines: Machines, key: gr.State, task: gr.Radio) -> None:
    """The panel.

    Args:
        machines: those of the page, which keep the pulled ones as well.
        key: the key of the visitor's own machine.
        task: the task that it is to be for.
    """

    def pull(
        used: str | None,
        task: str,
        name: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
    ) -> dict[Block, str | None]:
        def report(done: int, total: int) -> None:
            progress((done, total), desc="pulling", unit="bytes")

        try:
            pulled = machines.keep(name, hub.pull(name, task=task, on_progress=report))
        except CheckpointError as error:
            return {facts: alert(f"{error}. The machine in use stays in use.")}
        return {key: pulled, facts: tell_facts(machines, pulled, task)}

    def tell(used: str | None, task: str) -> str:
        return tell_facts(machines, used, task)

    with gr.Accordion("Another machine, from the Hugging Face Hub", open=False):
        gr.HTML(_EXPLANATION)
        name = gr.Textbox(label="Hub id", placeholder="NAMESPACE/ntm-copy or NAMESPACE/ntm-copy@v2")
        with gr.Row():
            pull_button = gr.Button("Use this machine", size="md")
            own_button = gr.Button("Back to the page's own", size="md")
        facts = gr.HTML(tell_facts(machines, None, task.value), elem_id="machine")
    for trigger in (pull_button.click, name.submit):
        trigger(pull, [key, task, name], [key, facts], api_visibility="private", concurrency_id=PULLING)
    own_button.click(lambda: None, None, key, **QUIET)
    gr.on([task.change, key.change], tell, [key, task], facts, **QUIET)


def tell_facts(machines: Machines, key: str | None, task: str) -> str:
    """What is known of the machine that a visitor uses for a task, or why it cannot be used; HTML."""
    try:
        machine = machines.get(task, key)
        name = "The page's own" if machine is machines.get(task, None) else machines.source(task, key)
    except CheckpointError as error:
        return alert(error)
    return describe(name, machine)


def describe(name: str, machine: Checkpoint) -> str:
    """What is known of a machine, in a few words; HTML."""
    config = machine.model.config
    words = [f"{sum(parameter.numel() for parameter in machine.model.parameters()):,} weights"]
    if "controller" in config:
        words += [
            f"{config['controller']} controller of {config['controller_size']}",
            f"{config['memory_slots']} slots of {config['memory_width']}",
            f"{config['read_heads']} read and {config['write_heads']} write heads",
        ]
    if "sequences" in machine.training:
        words.append(f"trained on {machine.training['sequences']:,} sequences")
    return f"<p><b>{escape(name)}</b>: {escape('; '.join(words))}.</p>"
