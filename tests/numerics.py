"""What several test files need to draw tensors and to compare values and gradients."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from torch import Tensor, nn

# No deadline and no complaint about slow draws: how fast a machine is says nothing about what is right.
PROPERTY = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def seeded(seed: int = 0) -> torch.Generator:
    """A generator of its own for every test, so that none depends on which ran before it."""
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=seeded(seed), dtype=dtype)


def uniform(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Numbers in [0, 1)."""
    return torch.rand(shape, generator=seeded(seed), dtype=dtype)


def simplex(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Positive numbers that sum to 1 over the last dimension."""
    return normal(*shape, seed=seed, dtype=dtype).softmax(-1)


def one_hot(index: int, size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """1 at one place, 0 elsewhere."""
    return torch.eye(size, dtype=dtype)[index]


@st.composite
def weightings(draw: st.DrawFn, heads: int, slots: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Weightings (1, H, N) as a machine meets them: any mixture of large, tiny and exactly zero weights."""
    rows = []
    for _ in range(heads):
        weights = draw(st.lists(st.floats(0, 1), min_size=slots, max_size=slots))
        weights[draw(st.integers(0, slots - 1))] += 1  # never all zero
        rows.append([weight / sum(weights) for weight in weights])
    return torch.tensor([rows], dtype=dtype)


def randomise(module: nn.Module, scale: float = 0.5, seed: int = 0) -> None:
    """Fill all parameters with normal numbers, whatever the state of torch's own generator."""
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))


def leaves(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Copies to differentiate with respect to."""
    return [tensor.detach().clone().requires_grad_() for tensor in tensors]


def gradients(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of a number in which every entry of every output has a random weight of its own, always the same."""
    loss = torch.zeros((), dtype=outputs[0].dtype)
    for seed, output in enumerate(outputs):
        loss = loss + (normal(*output.shape, seed=seed).to(output.dtype) * output).sum()
    return list(torch.autograd.grad(loss, inputs, materialize_grads=True))


def assert_all_close(actual: Iterable[Tensor], expected: Iterable[Tensor], tolerance: float = 1e-9) -> None:
    """Same number of tensors, same shapes and dtypes, and equal to within the tolerance, absolute and relative."""
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def assert_all_finite(tensors: Iterable[Tensor]) -> None:
    """No NaN and no infinity anywhere."""
    for index, tensor in enumerate(tensors):
        assert torch.isfinite(tensor).all(), f"tensor {index} holds {tensor[~torch.isfinite(tensor)][:5]}"


def flatten(state: object) -> Iterator[Tensor]:
    """The tensors of a state, whose controller part is a tuple of its own."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from flatten(part)
