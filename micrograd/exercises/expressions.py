"""Random expressions for paper and blackboard: every number and every gradient is a small integer or a half."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterable

from micrograd.engine import Value
from micrograd.graph.gradients import engine_gradients

LEVELS = (1, 2, 3)
LARGEST_NUMBER = 24  # of the numbers and gradients of an expression
NUMBERS = (-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0, 4.0)
LEAVES, RESULTS = 'abc', 'pqrst'
BUILT_BY: dict[str, Callable[..., Value]] = {
    '+': operator.add, '-': operator.sub, '*': operator.mul, '**2': lambda v: v**2, 'relu': Value.relu}
SHAPES = {  # leaves, operations, and of which kinds
    1: (3, 2, ('+', '-', '*', '*')),
    2: (2, 3, ('+', '-', '*', '*')),
    3: (3, 5, ('+', '-', '*', '*', '**2', 'relu')),
}


def random_expression(seed: object, level: int = 1) -> Value:
    """A small random graph to work out by hand: the same for the same seed and level.

    Leaves are labelled a, b, c, results p, q, …, and the output L. Every number, every gradient and every local
    gradient is a whole number or a half, other than 0, and at most 24 in size. level: 1 two operations, each value used
    once; 2 three operations and a value that is used twice; 3 five operations on three leaves, with squares and relu,
    and a result that is used twice. ValueError for another level.

    >>> from micrograd import explain
    >>> explain(random_expression(seed=1))  # doctest: +ELLIPSIS
    forward pass...
    """
    if level not in LEVELS:
        raise ValueError(f'level is one of {LEVELS}, not {level!r}')
    source = random.Random(f'{seed!r} at level {level}')
    while True:
        output = _drawn(source, *SHAPES[level])
        if _is_worth_it(output, level) and _is_pleasant(output):
            return output


def _drawn(source: random.Random, leaves: int, operations: int, kinds: tuple[str, ...]) -> Value:
    """A random graph in which every operation but the last is used by a later one, with a chance."""
    nodes = [Value(source.choice(NUMBERS), label=name) for name in LEAVES[:leaves]]
    for i in range(operations):
        kind = source.choice(kinds)
        newest = nodes[-1] if i else source.choice(nodes)  # so that nothing is computed in vain
        others = [newest] if kind in ('**2', 'relu') else source.sample([newest, source.choice(nodes)], 2)
        nodes.append(BUILT_BY[kind](*others))
        nodes[-1].label = RESULTS[i] if i < operations - 1 else 'L'
    return nodes[-1]


def _is_worth_it(output: Value, level: int) -> bool:
    """Whether all leaves are in it, a product too, and as many values are used twice as the level asks for."""
    order = output.topological_order()
    uses = [operand for node in order for operand in node._prev]
    twice = {node for node in order if uses.count(node) > 1}
    leaves, operations, _ = SHAPES[level]
    if len(order) != leaves + operations or not {'*', '**2'} & {node._op for node in order}:
        return False
    if level == 1:
        return not twice
    return any(node._prev for node in twice) if level == 3 else bool(twice)


def _is_pleasant(output: Value) -> bool:
    """Whether every number and every gradient is a small integer or a half, and not 0."""
    order = output.topological_order()
    return _are_pleasant(node.data for node in order) and _are_pleasant(engine_gradients(output, order))


def _are_pleasant(numbers: Iterable[float]) -> bool:
    return all(number and abs(number) <= LARGEST_NUMBER and (2 * number).is_integer() for number in numbers)
