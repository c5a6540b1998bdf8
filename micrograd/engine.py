"""The engine: `Value`, a number that remembers how it was made, and `backward()`, the chain rule over that memory.

It imports nothing but the standard library, so this file can be copied into a lesson on its own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from numbers import Real
from typing import Any


def _binary(operation: Callable[[Value, Value], Value], takes: str = '') -> Callable[[Value, Value | float], Value]:
    """Let an operation on two Values take a plain number as the second, and say what it takes where it is undefined."""
    @wraps(operation)
    def method(self: Value, other: Value | float) -> Any:
        if not isinstance(other, Value):
            if not isinstance(other, Real):
                return NotImplemented  # which has Python ask `other`: a NumPy array then takes us element by element
            other = Constant(other)
        try:
            return operation(self, other)
        except (ArithmeticError, ValueError) as error:
            raise _located(error, operation.__name__.strip('_'), (self, other), f'it takes {takes}') from None
    return method


def _reflected(method: Callable[[Value, Value | float], Value]) -> Callable[[Value, float], Value]:
    """The same operation with a plain number on the left, as in `3 - v`."""
    return lambda self, other: method(Constant(other), self) if isinstance(other, Real) else NotImplemented


def _comparison(compare: Callable[[float, float], bool]) -> Callable[[Value, Value | float], bool]:
    """A comparison by number."""
    return lambda self, other: compare(self.data, other.data if isinstance(other, Value) else other)


def _defined(function: Callable[[float], float], operand: Value, takes: str) -> float:
    """The function of the operand's number; where it has no value, an error that says at which, and what it takes."""
    try:
        return function(operand.data)
    except (ArithmeticError, ValueError) as error:
        raise _located(error, function.__name__, (operand,), f'it takes {takes}') from None


def _located(error: Exception, name: str, operands: Sequence[Value], advice: str) -> Exception:
    """The same error once more, with the operands' numbers and labels in it."""
    numbers = ', '.join(f'{v.label} = {v.data}' if v.label else f'{v.data}' for v in operands)
    return type(error)(f'{name}({numbers}): {error}; {advice}')


class Value:
    """A number, its gradient, and how it was made.

    data: the number, a float; from any real number, NumPy's scalars included. TypeError for anything else.
    grad: d(output)/d(this), filled in by `output.backward()`.
    label: a name for people to read.
    _prev, _op: the operands in their order, and the operation's symbol; empty for a leaf.
    local_gradients: a function of no arguments that gives d(this)/d(operand) for each operand, in their order.
    """

    __slots__ = ('data', 'grad', 'label', '_prev', '_op', '_local_gradients', '_by_hand', '__weakref__')

    def __init__(self, data: float, _children: Iterable[Value] = (), _op: str = '', label: str = '',
                 local_gradients: Callable[..., Sequence[float]] | None = None) -> None:
        self.data = data if type(data) is float else _real(data, label)
        self.grad = 0.0
        self.label = label
        self._prev = _children if type(_children) is tuple else tuple(_children)
        self._op = _op
        self._local_gradients = local_gradients or tuple  # a leaf has none, and tuple() is ()
        self._by_hand: Callable[[], None] | None = None

    # Each operation: the result, its operands, its symbol, no label, and a closure for the local gradients. The closure
    # holds operands or numbers, never the result: those two would keep each other alive until a garbage collection. It
    # holds them as defaults (`a=self`), which takes a third less memory and time than a closure's cells.

    @_binary
    def __add__(self, other: Value) -> Value:
        """The sum self + other; local gradients 1 and 1."""
        return Value(self.data + other.data, (self, other), '+', '', _of_sum)

    @_binary
    def __sub__(self, other: Value) -> Value:
        """The difference self - other; local gradients 1 and -1."""
        return Value(self.data - other.data, (self, other), '-', '', _of_difference)

    @_binary
    def __mul__(self, other: Value) -> Value:
        """The product self * other; local gradients other and self."""
        return Value(self.data * other.data, (self, other), '*', '', lambda a=self, b=other: (b.data, a.data))

    @partial(_binary, takes='a divisor other than 0')
    def __truediv__(self, other: Value) -> Value:
        """The quotient self / other; local gradients 1 / other and -self / other**2."""
        return Value(self.data / other.data, (self, other), '/', '',
                     lambda a=self, b=other: (1 / b.data, -a.data / b.data / b.data))

    @partial(_binary, takes='a base above 0, or a whole exponent (above 0 for 0), and a result below 1.8e308')
    def __pow__(self, other: Value) -> Value:
        """The power self ** other; local gradients other * self**(other-1) and self**other * ln(self)."""
        out = math.pow(self.data, other.data)  # `**` would answer a negative base with a complex number
        if isinstance(other, Constant):  # a plain exponent is part of the operation, as in s², and no operand
            return Value(out, (self,), f'**{other.data!r}'.removesuffix('.0'), '',
                         lambda a=self, n=other.data: (n and n * math.pow(a.data, n - 1),))
        return Value(out, (self, other), '**', '', lambda a=self, b=other, out=out: (
            b.data and b.data * math.pow(a.data, b.data - 1), out * math.log(a.data) if a.data else 0.0))

    __rsub__, __rmul__ = _reflected(__sub__), _reflected(__mul__)
    __rtruediv__, __rpow__ = _reflected(__truediv__), _reflected(__pow__)

    def __radd__(self, other: float) -> Value:
        """other + self; but 0 + self is self, because the builtin sum() begins so."""
        return self if type(other) is int and other == 0 else _reflected(Value.__add__)(self, other)

    def __neg__(self) -> Value:
        """The negative -self; local gradient -1."""
        return Value(-self.data, (self,), 'neg', '', lambda: (-1.0,))

    def __abs__(self) -> Value:
        """The absolute value of self; local gradient the sign of self, 0 at 0."""
        return Value(abs(self.data), (self,), 'abs', '', lambda a=self: (float((a.data > 0) - (a.data < 0)),))

    def exp(self) -> Value:
        """The exponential e ** self; local gradient e ** self."""
        out = _defined(math.exp, self, 'at most 709.78, where floats end')
        return Value(out, (self,), 'exp', '', lambda out=out: (out,))

    def log(self) -> Value:
        """The natural logarithm; local gradient 1 / self."""
        out = _defined(math.log, self, 'a number above 0')
        return Value(out, (self,), 'log', '', lambda a=self: (1 / a.data,))

    def sqrt(self) -> Value:
        """The square root; local gradient 1 / (2 * sqrt(self)), which 0 does not have."""
        out = _defined(math.sqrt, self, 'a number not below 0')
        return Value(out, (self,), 'sqrt', '', lambda out=out: (1 / (2 * out),))

    def sin(self) -> Value:
        """The sine; local gradient cos(self)."""
        out = _defined(math.sin, self, 'a finite number')
        return Value(out, (self,), 'sin', '', lambda a=self: (math.cos(a.data),))

    def cos(self) -> Value:
        """The cosine; local gradient -sin(self)."""
        out = _defined(math.cos, self, 'a finite number')
        return Value(out, (self,), 'cos', '', lambda a=self: (-math.sin(a.data),))

    def tanh(self) -> Value:
        """The hyperbolic tangent of self; local gradient 1 - tanh(self)**2."""
        out = math.tanh(self.data)
        return Value(out, (self,), 'tanh', '', lambda out=out: (1 - out * out,))

    def sigmoid(self) -> Value:
        """The logistic function 1 / (1 + e**-self); local gradient sigmoid(self) * (1 - sigmoid(self))."""
        small = math.exp(-abs(self.data))  # at most 1, so nothing overflows on either side
        out = (1.0 if self.data >= 0 else small) / (1.0 + small)
        return Value(out, (self,), 'sigmoid', '', lambda out=out: (out * (1 - out),))

    def relu(self) -> Value:
        """The larger of self and 0; local gradient 1 above 0, and 0 below and at 0."""
        return Value(0.0 if self.data < 0 else self.data, (self,), 'relu', '', lambda a=self: (float(a.data > 0),))

    def topological_order(self) -> list[Value]:
        """Every Value that this one depends on, each once and after all its operands: leaves first, this one last."""
        order: list[Value] = []
        seen: set[Value] = set()
        stack: list[Value | None] = [self]  # a stack of our own: Python's ends a thousand calls deep
        while stack:
            node = stack.pop()
            if node is None:  # the mark that the operands of the one below it are all in the order
                order.append(stack.pop())  # type: ignore[arg-type]
            elif node not in seen:
                seen.add(node)
                stack += (node, None)
                stack += node._prev[::-1]  # the first operand on top
        return order

    def backward(self) -> None:
        """Add d(self)/d(leaf) to the `grad` of every leaf, and set that of every inner Value, by the chain rule.

        Where an operation has no finite local gradient it raises, naming it, and leaves every `grad` as it was.
        """
        # Why a topological order: in b = a + a; c = b + b, the gradient of b is complete only after both its uses have
        # added to it. A walk that goes on from b at the first use sends half of it to a, and then that half again.
        order = self.topological_order()
        before = [node.grad for node in order]
        inner = [node for node in order if node._prev]
        for node in order:  # afresh: what an earlier pass left here has been passed on already
            node.grad = 0.0
        self.grad = 1.0  # d(self)/d(self)
        try:
            _chain_rule(reversed(inner))
        except BaseException:
            for node, grad in zip(order, before):
                node.grad = grad
            raise
        for node, grad in zip(order, before):
            if not node._prev:
                node.grad += grad  # leaves accumulate from pass to pass, until zero_grad()

    @property
    def _backward(self) -> Callable[[], None]:
        """This node's one step of the chain rule: to call by hand, or to set, for an operation of your own."""
        return self._by_hand or partial(_chain_rule, (self,))

    @_backward.setter
    def _backward(self, step: Callable[[], None]) -> None:
        self._by_hand = step

    def item(self) -> float:
        """The number, without its history."""
        return self.data

    __lt__, __le__, __gt__, __ge__ = map(_comparison, (operator.lt, operator.le, operator.gt, operator.ge))

    def __repr__(self) -> str:
        return f'Value(data={self.data}, grad={self.grad})'

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __float__(self) -> float:
        raise TypeError(f'{self!r} does not turn into a float by itself, which would cut it out of the graph: '
                        'write v.exp() for math.exp(v), and v.data where only the number is wanted')

    def __getstate__(self) -> object:
        """For copy and pickle, of leaves only: the closure of a copied result would hold the original's operands."""
        if self._prev:
            raise TypeError(f'the result {self.label or self._op!r} cannot be copied or pickled without its graph: '
                            'copy the leaves, or the model, and compute it again')
        return object.__getstate__(self)


class Constant(Value):
    """A plain number that met a Value in an operation, such as the 2 of 2 * v: a leaf that nobody named."""

    __slots__ = ()


def dot(ws: Iterable[Value | float], xs: Iterable[Value | float]) -> Value:
    """The inner product w₁x₁ + w₂x₂ + …, added from left to right, as one node; its operands are w₁…wₙ, x₁…xₙ.

    The local gradients are x₁…xₙ, w₁…wₙ. Either may hold plain numbers. ValueError where the lengths differ.
    """
    left = [w if isinstance(w, Value) else Constant(w) for w in ws]
    right = [x if isinstance(x, Value) else Constant(x) for x in xs]
    if len(left) != len(right):
        raise ValueError(f'dot takes two sequences of one length, not of {len(left)} and {len(right)}')
    total = -0.0 if left else 0.0  # -0.0 adds nothing, not even a sign; the builtin sum() rounds otherwise from 3.12 on
    for w, x in zip(left, right):
        total += w.data * x.data
    n, operands = len(left), (*left, *right)
    return Value(total, operands, 'dot', '', lambda v=operands, n=n: [x.data for x in v[n:] + v[:n]])


def _chain_rule(nodes: Iterable[Value]) -> None:
    """The chain rule: every operand's gradient gains the node's own gradient times the local one. A node a step."""
    for node in nodes:
        if node._by_hand:
            node._by_hand()
            continue
        try:
            local_gradients = node._local_gradients()
        except (ArithmeticError, ValueError) as error:
            raise _located(error, f'local gradients of {node._op}', node._prev, 'no finite one exists there') from None
        if len(local_gradients) != len(node._prev):
            raise TypeError(f'{node.label or node._op!r} has {len(node._prev)} operands but {len(local_gradients)} '
                            'local gradients: give Value(…, local_gradients=…) one for each, or set its _backward')
        grad = node.grad
        for operand, local in zip(node._prev, local_gradients):
            operand.grad += local * grad  # += since every use of the operand adds its share, where = keeps the last


def _real(data: object, label: str) -> float:
    """A real number as a float, or a TypeError that says what to write."""
    if not isinstance(data, Real):
        raise TypeError(f'Value {label!r} takes a real number, not {type(data).__name__}: write v.data for a Value v, '
                        'x.item() for an array or tensor of one number, [Value(x) for x in xs] for many')
    try:
        return float(data)
    except OverflowError:
        raise OverflowError(f'Value {label!r} takes a number that a float can hold, up to 1.8e308') from None


_of_sum: Callable[[], Sequence[float]] = lambda: (1.0, 1.0)
_of_difference: Callable[[], Sequence[float]] = lambda: (1.0, -1.0)
