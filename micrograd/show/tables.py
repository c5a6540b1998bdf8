"""Which Values are drawn as one table: a `dot` with the leaves that it alone uses, its bias and its activation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from micrograd.engine import Value
from micrograd.graph.formulas import formula_of

FEWEST_PAIRS = 3
MOST_PAIRS = 12  # what is longer is cut in the middle


@dataclass(frozen=True)
class Table:
    """A `dot`, the bias that is added to it and the function of their sum where there are any, as one table.

    own: the leaves that are used here and nowhere else, once, which live in their rows.
    """

    dot: Value
    bias: Value | None
    total: Value
    result: Value
    own: frozenset[Value]

    @property
    def members(self) -> Iterator[Value]:
        """Every Value that has no box of its own, the result among them."""
        return itertools.chain(self.own, {self.dot: None, self.total: None, self.result: None})

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The places of each pair among the operands of the dot."""
        half = len(self.dot._prev) // 2
        return [(i, half + i) for i in range(half)]

    @property
    def rows(self) -> tuple[list[tuple[int, int]], int, list[tuple[int, int]]]:
        """The pairs that are shown at the top, how many are left out, and those that are shown below them."""
        pairs, half = self.pairs, MOST_PAIRS // 2
        return (pairs, 0, []) if len(pairs) <= MOST_PAIRS else (pairs[:half], len(pairs) - 2 * half, pairs[-half:])

    @property
    def kind(self) -> tuple[object, ...]:
        """What tables that stand in one column have in common."""
        return len(self.dot._prev), self.bias is None, self.result._op


def find_tables(order: Sequence[Value]) -> dict[Value, Table]:
    """The table that each Value of a topological order is drawn in; Values with boxes of their own have none."""
    users: dict[Value, list[Value]] = {node: [] for node in order}
    for node in order:
        for operand in node._prev:
            users[operand].append(node)

    def only_user(node: Value) -> Value | None:
        user = users[node][0] if len(users[node]) == 1 else None
        return user if user is not None and formula_of(user) else None  # a step written by hand is drawn as it is

    found: dict[Value, Table] = {}
    for node in order:
        if node._op != 'dot' or len(node._prev) < 2 * FEWEST_PAIRS or not formula_of(node):
            continue
        own = {operand for operand in node._prev if not operand._prev and len(users[operand]) == 1}
        bias, total = None, node
        user = only_user(node)
        if user is not None and user._op == '+':
            other = user._prev[user._prev[0] is node]
            if not other._prev and len(users[other]) == 1:
                bias, total = other, user
                own.add(other)
        function = only_user(total)
        result = function if function is not None and len(function._prev) == 1 and function._op.isalpha() else total
        table = Table(node, bias, total, result, frozenset(own))
        found |= dict.fromkeys(table.members, table)
    return found


def common_start(names: Sequence[str]) -> str:
    """What two or more dotted names begin with, up to a dot: 'layers.0.' of layers.0.w and layers.0.b."""
    parts = [name.split('.')[:-1] for name in names]
    same = itertools.takewhile(lambda step: len(set(step)) == 1, zip(*parts, strict=False))
    start = ''.join(f'{step[0]}.' for step in same) if len(names) > 1 else ''
    return start if start.strip('.') else ''
