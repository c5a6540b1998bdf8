"""Random programs of all operations, up to 200 deep, against PyTorch's float64: a few at every run, many on demand.

    pytest -m soak -s tests/test_soak.py
"""

import time

import pytest
from needs import torch
from programs import COMPILED, Program, program
from random_graphs import tensor

from micrograd import Value


def differences(made: Program) -> tuple[float, float]:
    """The worst relative difference from PyTorch of a node's number, and of its gradient.

    That of a gradient is relative to what it would be if every local gradient were positive: the same number, except
    where terms of both signs cancel, which leaves of the sum little but its rounding.
    """
    values, tensors = made.run(Value), made.run(tensor)
    values[-1].backward()
    gradients = torch.autograd.grad(tensors[-1], tensors, allow_unused=True)
    sizes = dict.fromkeys(values, 0.0)
    sizes[values[-1]] = 1.0
    for node in reversed(values[-1].topological_order()):
        for operand, slope in zip(node._prev, node._local_gradients(), strict=True):
            sizes[operand] = sizes.get(operand, 0.0) + sizes[node] * abs(slope)
    worst = [0.0, 0.0]
    for value, twin, gradient in zip(values, tensors, gradients, strict=True):
        expected = twin.item(), gradient.item() if gradient is not None else 0.0
        for i, (got, wanted, size) in enumerate(zip(
                (value.data, value.grad), expected, (abs(expected[0]), sizes[value]), strict=True)):
            if got != wanted:
                worst[i] = max(worst[i], abs(got - wanted) / size if size else float('inf'))
    return worst[0], worst[1]


@pytest.mark.parametrize('count', [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_soak_against_torch(count, capsys):
    torch.set_num_threads(1)
    began, steps, deepest, used = time.monotonic(), 0, 0, set()
    worst = {'numbers': (0.0, -1), 'gradients': (0.0, -1)}  # and in which program
    for number in range(count):
        made = program(number)
        found = differences(made)
        for what, difference in zip(worst, found, strict=True):
            assert difference <= 1e-9, f'{what} of program {number} differ by {difference:.1e}: {made}'
            worst[what] = max(worst[what], (difference, number))
        steps, deepest = steps + len(made.steps), max(deepest, made.depth)
        used.update(operation for operation, _, _ in made.steps)
    assert (deepest, len(used)) == (200, len(COMPILED))
    told = ', '.join(f'{difference:.1e} in {what} (program {number})' for what, (difference, number) in worst.items())
    with capsys.disabled():
        print(f'\n{count:,} programs of {steps:,} operations, up to {deepest} deep, '
              f'in {time.monotonic() - began:.0f} s; worst relative difference from PyTorch: {told}')
