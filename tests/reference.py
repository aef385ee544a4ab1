"""The Neural Turing Machine of Graves, Wayne and Danihelka 2014 (arXiv 1410.5401), written to be checked by eye.

This is the definition of right that `ntm` is held against. It shares no code with it: one sequence at a time, one head
at a time, one slot at a time, in float64, each function one numbered equation of the paper's section 3. Vectors are 1-D
tensors and numbers 0-D ones, so that autograd gives the gradients too.

What the paper leaves open is settled here as the project settles it:

- A head's raw outputs are clipped to [-20, 20], then squashed: key and add by tanh, strength by softplus, gate and
  erase by the logistic function, shift by a softmax, sharpening by 1 + softplus.
- In a step all heads address memory as the previous step left it; then the write heads write at once, their erasures
  multiplied and their additions summed; then the read heads read what is there now (M_t in equation 2).
- Before the first step every head is one-hot on slot 0, and the machine has read what is there.

An analog machine departs from the paper in three places: its controller, and the layer that gives the logits, see
tanh(3 x) wherever they would see an input or a read x (the layer sees the controller's output as it is); its heads see
the input, as it is, after the controller's output; and what they add is clipped but not squashed.

A machine with a register departs from it in five others. The channel c of the input that brings a count gives way to
deviation * c + mean - 1/2 where it is not 0. The controller, and the layer that gives the logits, see tanh(3 x) as
above. Equations 5 and 6 look at all numbers of a key and of a slot but the first. And of each erase and add vector the
first raw numbers, squashed by the logistic function to p and t, become an erasure of 0 and an addition of p c - t. The
first number of each read is the sum over i of the first of M(i), whatever the weighting.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


# Reading and writing, sections 3.1 and 3.2.


def read(memory: Tensor, weighting: Tensor) -> Tensor:
    """Equation 2: r = sum over i of w(i) M(i). Memory is (N, M), the weighting (N)."""
    result = torch.zeros_like(memory[0])
    for i in range(len(memory)):
        result = result + weighting[i] * memory[i]
    return result


def erase(memory: Tensor, weighting: Tensor, erase_vector: Tensor) -> Tensor:
    """Equation 3: M~(i) = M(i) [1 - w(i) e]."""
    return torch.stack([memory[i] * (1 - weighting[i] * erase_vector) for i in range(len(memory))])


def add(memory: Tensor, weighting: Tensor, add_vector: Tensor) -> Tensor:
    """Equation 4: M(i) = M~(i) + w(i) a."""
    return torch.stack([memory[i] + weighting[i] * add_vector for i in range(len(memory))])


def write(memory: Tensor, weightings: list[Tensor], erases: list[Tensor], adds: list[Tensor]) -> Tensor:
    """All write heads at once: every erasure (equation 3), then every addition (equation 4)."""
    for weighting, erase_vector in zip(weightings, erases, strict=True):
        memory = erase(memory, weighting, erase_vector)
    for weighting, add_vector in zip(weightings, adds, strict=True):
        memory = add(memory, weighting, add_vector)
    return memory


# Addressing, section 3.3.


def cosine_similarity(u: Tensor, v: Tensor) -> Tensor:
    """Equation 6: K[u, v] = u . v / (|u| |v|), and 0 where it is undefined."""
    if not u.any() or not v.any():
        return u.new_zeros(())
    return (u * v).sum() / ((u * u).sum().sqrt() * (v * v).sum().sqrt())


def content_weighting(memory: Tensor, key: Tensor, strength: Tensor) -> Tensor:
    """Equation 5: w_c(i) = exp(beta K[k, M(i)]) / sum over j of exp(beta K[k, M(j)])."""
    powers = [torch.exp(strength * cosine_similarity(key, memory[i])) for i in range(len(memory))]
    return torch.stack([power / sum(powers) for power in powers])


def interpolate(content: Tensor, previous: Tensor, gate: Tensor) -> Tensor:
    """Equation 7: w_g = g w_c + (1 - g) w_(t-1)."""
    return gate * content + (1 - gate) * previous


def shift(weighting: Tensor, shift_weighting: Tensor) -> Tensor:
    """Equation 8: w~(i) = sum over j of w_g(j) s(i - j), all indices modulo N; s is 0 beyond the allowed shifts.

    The entries of `shift_weighting` are s(-k), ..., s(0), ..., s(k).
    """
    slots = len(weighting)
    reach = len(shift_weighting) // 2
    s = {distance % slots: shift_weighting[distance + reach] for distance in range(-reach, reach + 1)}
    shifted = []
    for i in range(slots):
        total = weighting.new_zeros(())
        for j in range(slots):
            if (i - j) % slots in s:
                total = total + weighting[j] * s[(i - j) % slots]
        shifted.append(total)
    return torch.stack(shifted)


def sharpen(weighting: Tensor, sharpening: Tensor) -> Tensor:
    """Equation 9: w(i) = w~(i)^gamma / sum over j of w~(j)^gamma."""
    powers = [weight**sharpening for weight in weighting]
    return torch.stack([power / sum(powers) for power in powers])


class Head(NamedTuple):
    """What one head emits for its addressing: k, beta, g, s, gamma."""

    key: Tensor
    strength: Tensor
    gate: Tensor
    shift: Tensor
    sharpening: Tensor


def address(head: Head, memory: Tensor, previous: Tensor, hidden: int = 0) -> Tensor:
    """Figure 2 of the paper: equations 5 to 9, one after the other; the first `hidden` columns are not looked at."""
    content = content_weighting(memory[:, hidden:], head.key[hidden:], head.strength)
    gated = interpolate(content, previous, head.gate)
    shifted = shift(gated, head.shift)
    return sharpen(shifted, head.sharpening)


# The networks, section 3.4, and what they emit.


def logistic(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + torch.exp(-x))


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x))."""
    return torch.log1p(torch.exp(x))


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    """W x + b."""
    return weights[f"{name}.weight"].mv(x) + weights[f"{name}.bias"]


def emit_head(raw: Tensor, width: int, shift_range: int) -> Head:
    """A head's addressing parameters from its raw outputs: M of key, 1 of strength, 1 of gate, 2k + 1 of shift, 1 of
    sharpening."""
    raw = raw.clamp(-20, 20)
    shift_powers = torch.exp(raw[width + 2 : width + 2 + 2 * shift_range + 1])
    return Head(
        key=torch.tanh(raw[:width]),
        strength=softplus(raw[width]),
        gate=logistic(raw[width + 1]),
        shift=shift_powers / shift_powers.sum(),
        sharpening=1 + softplus(raw[-1]),
    )


def emit_erase_and_add(raw: Tensor, width: int, analog: bool = False) -> tuple[Tensor, Tensor]:
    """A write head's erase and add vectors from its raw outputs: M of erase, M of add."""
    raw = raw.clamp(-20, 20)
    return logistic(raw[:width]), raw[width:] if analog else torch.tanh(raw[width:])


def emit_erase_and_add_with_register(raw: Tensor, width: int, count: Tensor) -> tuple[Tensor, Tensor]:
    """The same where the first column is a register, into which the count can be put."""
    erase_vector, add_vector = emit_erase_and_add(raw, width)
    put, take = logistic(raw[0].clamp(-20, 20)), logistic(raw[width].clamp(-20, 20))
    added = put * count - take
    return torch.cat([torch.zeros_like(added.view(1)), erase_vector[1:]]), torch.cat([added.view(1), add_vector[1:]])


def read_beside_register(memory: Tensor, weighting: Tensor) -> Tensor:
    """The same where the first column is a register."""
    result = read(memory, weighting)
    result[0] = sum(slot[0] for slot in memory)
    return result


def restore(x: Tensor, register: Mapping[str, Any]) -> Tensor:
    """The input with its count as it was before it was normalised, less one half."""
    channel = register["channel"]
    count = register["deviation"] * x[channel] + register["mean"] - 0.5 if x[channel] != 0 else x[channel]
    return torch.cat([x[:channel], count.view(1), x[channel + 1 :]])


def sense(quantities: Tensor, config: Mapping[str, Any]) -> Tensor:
    """What a network sees of inputs and reads."""
    return quantities if config["extension"] is None else torch.tanh(3 * quantities)


def lstm_cell(
    x: Tensor, hidden: Tensor, cell: Tensor, w_input: Tensor, w_hidden: Tensor, b_input: Tensor, b_hidden: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM; PyTorch stacks the rows of its weights as input, forget, cell and output gate."""
    raw = w_input.mv(x) + b_input + w_hidden.mv(hidden) + b_hidden
    size = len(hidden)
    input_gate = logistic(raw[:size])
    forget_gate = logistic(raw[size : 2 * size])
    candidate = torch.tanh(raw[2 * size : 3 * size])
    output_gate = logistic(raw[3 * size :])
    cell = forget_gate * cell + input_gate * candidate
    return output_gate * torch.tanh(cell), cell


def feedforward_controller(weights: Weights, prefix: str, layers: int, x: Tensor) -> Tensor:
    """Linear layers with rectifiers."""
    for layer in range(layers):
        x = linear(weights, f"{prefix}layers.{layer}.0", x).clamp(min=0)
    return x


def lstm_controller(
    weights: Weights, prefix: str, layers: int, x: Tensor, state: list[tuple[Tensor, Tensor]]
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """LSTM cells on top of each other; the state is a pair of hidden and cell for each."""
    next_state = []
    for layer in range(layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        x, cell = lstm_cell(x, *state[layer], *(weights[f"{prefix}cells.{layer}.{name}"] for name in names))
        next_state.append((x, cell))
    return x, next_state


# Whole sequences.


class Run(NamedTuple):
    """All steps of a batch of sequences."""

    logits: Tensor
    """(T, B, out)"""
    memory: Tensor
    """(T, B, N, M), after writing"""
    weights: Tensor
    """(T, B, R + W, N), read heads first"""
    reads: Tensor
    """(T, B, R, M)"""
    controller: list[Tensor]
    """after the last step, (B, size) each: hidden and cell of the first layer, of the second, ..."""


def run(config: Mapping[str, Any], weights: Weights, inputs: Tensor, memory: Tensor) -> Run:
    """Run a machine from its first step.

    Args:
        config: the arguments of `ntm.NTM`.
        weights: by the names of its state_dict, float64.
        inputs: (T, B, in).
        memory: (B, N, M), the initial memory.
    """
    sequences = [_run_sequence(config, weights, inputs[:, b], memory[b]) for b in range(inputs.shape[1])]
    return Run(
        logits=torch.stack([sequence.logits for sequence in sequences], dim=1),
        memory=torch.stack([sequence.memory for sequence in sequences], dim=1),
        weights=torch.stack([sequence.weights for sequence in sequences], dim=1),
        reads=torch.stack([sequence.reads for sequence in sequences], dim=1),
        controller=[torch.stack(parts) for parts in zip(*(one.controller for one in sequences), strict=True)],
    )


def _run_sequence(config: Mapping[str, Any], weights: Weights, inputs: Tensor, memory: Tensor) -> Run:
    """One sequence: inputs (T, in), memory (N, M)."""
    slots, width = memory.shape
    read_heads, write_heads, layers = config["read_heads"], config["write_heads"], config["controller_layers"]
    analog = config["extension"] == "analog"
    register = None if analog or config["extension"] is None else config["extension"]["register"]

    first = torch.zeros(slots, dtype=memory.dtype)
    first[0] = 1
    focus = [first] * (read_heads + write_heads)
    read_one = read if register is None else read_beside_register
    reads = [read_one(memory, weighting) for weighting in focus[:read_heads]]
    zeros = torch.zeros(config["controller_size"], dtype=memory.dtype)
    lstm_state = [(zeros, zeros)] * layers if config["controller"] == "lstm" else []

    all_logits, all_memory, all_weights, all_reads = [], [], [], []
    for x in inputs:
        if register is not None:
            x = restore(x, register)
        seen = sense(torch.cat([x, *reads]), config)
        if config["controller"] == "lstm":
            output, lstm_state = lstm_controller(weights, "cell.controller.", layers, seen, lstm_state)
        else:
            output = feedforward_controller(weights, "cell.controller.", layers, seen)

        said = torch.cat([output, x]) if analog else output
        raw_heads = linear(weights, "cell.heads.addressing", said).chunk(read_heads + write_heads)
        heads = [emit_head(raw, width, config["shift_range"]) for raw in raw_heads]
        raw_writes = linear(weights, "cell.heads.writing", said).chunk(write_heads)
        writes = [emit_erase_and_add(raw, width, analog) for raw in raw_writes]
        if register is not None:
            count = x[register["channel"]]
            writes = [emit_erase_and_add_with_register(raw, width, count) for raw in raw_writes]

        hidden = 0 if register is None else 1
        focus = [address(head, memory, previous, hidden) for head, previous in zip(heads, focus, strict=True)]
        memory = write(memory, focus[read_heads:], [pair[0] for pair in writes], [pair[1] for pair in writes])
        reads = [read_one(memory, weighting) for weighting in focus[:read_heads]]

        all_logits.append(linear(weights, "cell.output", torch.cat([output, sense(torch.cat(reads), config)])))
        all_memory.append(memory)
        all_weights.append(torch.stack(focus))
        all_reads.append(torch.stack(reads))
    return Run(
        torch.stack(all_logits),
        torch.stack(all_memory),
        torch.stack(all_weights),
        torch.stack(all_reads),
        [tensor for pair in lstm_state for tensor in pair],
    )


def run_lstm_baseline(config: Mapping[str, Any], weights: Weights, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Run the baseline: logits (T, B, out) and the last hidden and cell, (L, B, C) each."""
    logits, hiddens, cells = [], [], []
    for b in range(inputs.shape[1]):
        zeros = torch.zeros(config["hidden_size"], dtype=inputs.dtype)
        state = [(zeros, zeros)] * config["num_layers"]
        sequence = []
        for x in inputs[:, b]:
            for layer in range(config["num_layers"]):
                names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                x, cell = lstm_cell(x, *state[layer], *(weights[f"lstm.{name}_l{layer}"] for name in names))
                state[layer] = (x, cell)
            sequence.append(linear(weights, "output", x))
        logits.append(torch.stack(sequence))
        hiddens.append(torch.stack([hidden for hidden, _ in state]))
        cells.append(torch.stack([cell for _, cell in state]))
    return torch.stack(logits, dim=1), torch.stack(hiddens, dim=1), torch.stack(cells, dim=1)
