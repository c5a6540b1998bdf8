"""Whether the numbers in a graph are what they seem: computed once more, and compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from micrograd.engine import Value
from micrograd.graph.formulas import formula_of
from micrograd.graph.gradients import ON_NUMBERS, engine_gradients, operation


def stale(order: Sequence[Value]) -> dict[Value, float]:
    """The results that are out of date, since a leaf was changed after the forward pass: each with its number of now.

    order: a graph, as `topological_order()` gives it. Of the results that have changed, only the first ones are named,
    those whose operands are still what they were but for the leaves. A number that is not defined any more is NaN; an
    operation without a row in `formulas.py` is taken at its word. No number and no gradient changes.
    """
    now: dict[Value, float] = {}
    changed: set[Value] = set()
    first: dict[Value, float] = {}
    for node in order:
        now[node] = float(node.data)
        if formula_of(node):
            op, operands = operation(node, now)
            try:
                now[node] = ON_NUMBERS[op](*operands)
            except (ArithmeticError, ValueError):
                now[node] = math.nan
            if not _same(now[node], node.data):
                changed.add(node)
                if changed.isdisjoint(node._prev):
                    first[node] = now[node]
    return first


def strange_gradients(output: Value, order: Sequence[Value]) -> dict[Value, float]:
    """The nodes whose `grad` is not what one `output.backward()` gives, each with what that gives.

    So it is where passes have added up in the leaves, and where another output over the same leaves has left its own.
    order: the output's graph. A `grad` of 0 is none yet, and a graph without gradients that are defined has no strange
    ones either. It runs a backward pass, and leaves every gradient as it was.
    """
    if not any(node.grad for node in order):
        return {}
    try:
        expected = engine_gradients(output, order)
    except (ArithmeticError, ValueError, TypeError):
        return {}
    return {node: gradient for node, gradient in zip(order, expected, strict=True)
            if node.grad and not _same(node.grad, gradient)}


def _same(a: float, b: float) -> bool:
    """Whether two numbers are one to all the digits that anybody looks at; NaN is NaN."""
    return a == b or math.isclose(a, b, rel_tol=1e-12) or (math.isnan(a) and math.isnan(b))
