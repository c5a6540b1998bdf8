"""An engine whose nodes keep their local gradients as a tuple of numbers, computed on the way forward.

That is the form of the engine in the well-known GPT of 200 lines, written anew for the comparison: no closures, no
errors of its own, a topological order by recursion. What the package's nn, losses and optim ask for it has, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

NUMBER = float, int


class Value:
    """A number, its gradient, and the nodes that it was made from, with d(this)/d(node) for each."""

    __slots__ = ('_prev', 'data', 'grad', 'locals')

    def __init__(self, data: float, children: tuple[Value, ...] = (), locals: tuple[float, ...] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self._prev = children
        self.locals = locals

    def __add__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n: float) -> Value:
        return Value(self.data ** n, (self,), (n * self.data ** (n - 1),))

    def exp(self) -> Value:
        out = math.exp(self.data)
        return Value(out, (self,), (out,))

    def log(self) -> Value:
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> Value:
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> Value:
        return self * -1

    def __sub__(self, other: Value | float) -> Value:
        return self + -other

    def __truediv__(self, other: Value | float) -> Value:
        return self * other ** -1

    def __radd__(self, other: float) -> Value:
        return self + other

    def __rmul__(self, other: float) -> Value:
        return self * other

    def __rsub__(self, other: float) -> Value:
        return other + -self

    def __rtruediv__(self, other: float) -> Value:
        return other * self ** -1

    def backward(self) -> None:
        """Add d(self)/d(node) to the `grad` of every node of the graph."""
        order: list[Value] = []
        seen: set[Value] = set()

        def visit(node: Value) -> None:
            if node not in seen:
                seen.add(node)
                for child in node._prev:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node._prev, node.locals):
                child.grad += local * node.grad


Constant = Value


def dot(ws: Iterable[Value | float], xs: Iterable[Value | float]) -> Value:
    """The inner product, each product and each sum a node of its own: such an engine has no other."""
    return sum(w * x for w, x in zip(ws, xs, strict=True))
