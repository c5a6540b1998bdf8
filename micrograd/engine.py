"""The engine: `Value`, a number that remembers how it was made, and `backward()`, the chain rule over that memory.

Each operation is written once, in two halves. Forward, it makes a Value of the result, which remembers its operands.
Backward, it gives its local gradients, d(result)/d(operand), such as (b, a) for a * b. What turns these into gradients
is the same for all, and stands in `Value.backward`. The file needs the standard library alone: copy it into a lesson.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

NUMBER = float, int, Real  # Real has them too, but answers slowly


class Value:
    """A number, its gradient, and how it was made.

    data: the number, a float; from any real number, NumPy's scalars included. TypeError for anything else.
    grad: d(output)/d(this), filled in by `output.backward()`; None counts as 0.
    label: a name for people to read.
    _prev, _op: the operands in their order, and the operation's symbol; empty for a leaf.
    _local_gradients: a function of no arguments that gives d(this)/d(operand) for each operand, in their order.

    >>> w, x, y = Value(1.0), Value(1.0), Value(2.0)
    >>> loss = (w * x - y)**2
    >>> loss.backward()
    >>> loss.data, w.grad
    (1.0, -2.0)
    """

    # Slots take a tenth less time; in __dict__ there is room for attributes of one's own.
    __slots__ = ('data', 'grad', 'label', '_prev', '_op', '_local_gradients', '__dict__', '__weakref__')

    def __init__(self, data: float, _children: Iterable[Value] = (), _op: str = '',
                 local_gradients: Callable[[], Sequence[float]] = tuple, *, label: str = '') -> None:
        self.data = data if type(data) is float else _real(data, label)
        self.grad: float = 0.0
        self.label = label
        self._prev = tuple(_children)
        self._op = _op
        self._local_gradients = local_gradients  # of a leaf there are none, and tuple() is ()
        if isinstance(local_gradients, str):
            raise TypeError(f'the fourth argument of Value is its local gradients: write label={local_gradients!r}')

    # Two operations; the others, further down, are made likewise. The closure holds operands or numbers, never the
    # result: those two would keep each other alive until a garbage collection.

    def __add__(self, other: Value | float) -> Value:
        """The sum self + other; local gradients 1 and 1."""
        if not isinstance(other, Value):
            return Value.__add__(self, Constant(other)) if isinstance(other, NUMBER) else NotImplemented
        return Value(self.data + other.data, (self, other), '+', lambda: (1.0, 1.0))

    def __mul__(self, other: Value | float) -> Value:
        """The product self * other; local gradients other and self."""
        if not isinstance(other, Value):
            return Value.__mul__(self, Constant(other)) if isinstance(other, NUMBER) else NotImplemented
        return Value(self.data * other.data, (self, other), '*', lambda: (other.data, self.data))

    # The chain rule.

    def backward(self) -> None:
        """Add d(self)/d(leaf) to the `grad` of every leaf, and set that of every inner Value, by the chain rule.

        Where an operation has no finite local gradient it raises, naming it, and leaves every `grad` as it was. It goes
        by the numbers that the Values hold now: after a change of a leaf's `data`, compute the results again first.
        Graphs that share leaves must not run it in several threads at once.

        >>> a = Value(3.0)
        >>> (a * a + a).backward()
        >>> a.grad  # 2 * a + 1, from three uses of a
        7.0
        """
        # Why a topological order: in b = a + a; c = b + b, the gradient of b is complete only after both its uses have
        # added to it. A walk that goes on from b at the first use sends half of it to a, and then that half again.
        order = self.topological_order()
        before = [node.grad for node in order]
        try:
            for node in order:  # afresh: what an earlier pass left here has been passed on already
                node.grad = 0.0
            self.grad = 1.0  # d(self)/d(self)
            for node in reversed(order):
                if node._prev:
                    node._backward()
        except BaseException:
            for node, grad in zip(order, before):
                node.grad = grad
            raise
        for node, grad in zip(order, before):
            if grad and not node._prev:
                node.grad += grad  # leaves accumulate from pass to pass, until zero_grad()

    def _backward(self) -> None:
        """One step of the chain rule: every operand's gradient gains the local gradient times this node's own. An
        operation of one's own may set another, `out._backward = step`, with local gradients that only it knows."""
        grad = self.grad
        for operand, local in zip(self._prev, _checked(self)):
            operand.grad += local * grad  # += since every use of the operand adds its share, where = keeps the last

    def topological_order(self) -> list[Value]:
        """Every Value that this one depends on, each once and after all its operands: leaves first, this one last."""
        order: list[Value] = []
        seen: set[Value] = set()
        stack: list[Any] = [self]  # a stack of our own: Python's ends a thousand calls deep
        while stack:
            node = stack.pop()
            if node is None:  # the mark that the operands of the one below it are all in the order
                order.append(stack.pop())
            elif node not in seen:
                seen.add(node)
                stack += (node, None)
                stack += node._prev[::-1]
        return order

    def local_gradients(self) -> Sequence[float] | None:
        """d(self)/d(operand) for each operand, in their order, as numbers; None where a step set by hand keeps them.
        ArithmeticError or ValueError, with the operands' numbers and labels, where one of them is not defined."""
        return None if '_backward' in vars(self) else _checked(self)

    # The other operations.

    def __sub__(self, other: Value | float) -> Value:
        """The difference self - other; local gradients 1 and -1."""
        if not isinstance(other, Value):
            return Value.__sub__(self, Constant(other)) if isinstance(other, NUMBER) else NotImplemented
        return Value(self.data - other.data, (self, other), '-', lambda: (1.0, -1.0))

    def __truediv__(self, other: Value | float) -> Value:
        """The quotient self / other; local gradients 1 / other and -self / other**2."""
        if not isinstance(other, Value):
            return Value.__truediv__(self, Constant(other)) if isinstance(other, NUMBER) else NotImplemented
        out = _defined('/', operator.truediv, self, other, takes='a divisor other than 0')
        return Value(out, (self, other), '/', lambda: (1 / other.data, -self.data / other.data / other.data))

    def __pow__(self, other: Value | float) -> Value:
        """The power self ** other; local gradients other * self**(other-1) and self**other * ln(self), which is 0 at
        base 0, where the power does not change with its exponent, and NaN below."""
        if not isinstance(other, (Value, NUMBER)):
            return NotImplemented
        out = _defined('**', math.pow, self, other,  # `**` would answer a negative base with a complex number
                       takes='a base above 0, or a whole exponent (above 0 for 0), and a result below 1.8e308')
        if isinstance(other, Value):
            return Value(out, (self, other), '**', lambda: (
                _slope_of_power(self, other.data),
                out * (math.log(self.data) if self.data > 0 else 0.0 if self.data == 0 else math.nan)))
        op = f'**{other:d}' if isinstance(other, int) else f'**{float(other)}'  # as in s², where 2 is no operand
        return Value(out, (self,), op, lambda: (_slope_of_power(self, float(other)),))

    def __neg__(self) -> Value:
        """The negative -self; local gradient -1."""
        return Value(-self.data, (self,), 'neg', lambda: (-1.0,))

    def __abs__(self) -> Value:
        """The absolute value of self; local gradient the sign of self, 0 at 0."""
        return Value(abs(self.data), (self,), 'abs', lambda: (float((self.data > 0) - (self.data < 0)),))

    def exp(self) -> Value:
        """The exponential e ** self; local gradient e ** self."""
        out = _defined('exp', math.exp, self, takes='at most 709.78, where floats end')
        return Value(out, (self,), 'exp', lambda: (out,))

    def log(self) -> Value:
        """The natural logarithm; local gradient 1 / self."""
        out = _defined('log', math.log, self, takes='a number above 0')
        return Value(out, (self,), 'log', lambda: (1 / self.data,))

    def sqrt(self) -> Value:
        """The square root; local gradient 1 / (2 * sqrt(self)), which 0 does not have."""
        out = _defined('sqrt', math.sqrt, self, takes='a number not below 0')
        return Value(out, (self,), 'sqrt', lambda: (1 / (2 * out),))

    def sin(self) -> Value:
        """The sine; local gradient cos(self)."""
        out = _defined('sin', math.sin, self, takes='a finite number')
        return Value(out, (self,), 'sin', lambda: (math.cos(self.data),))

    def cos(self) -> Value:
        """The cosine; local gradient -sin(self)."""
        out = _defined('cos', math.cos, self, takes='a finite number')
        return Value(out, (self,), 'cos', lambda: (-math.sin(self.data),))

    def tanh(self) -> Value:
        """The hyperbolic tangent of self; local gradient 1 - tanh(self)**2."""
        out = math.tanh(self.data)
        return Value(out, (self,), 'tanh', lambda: (1 - out * out,))

    def sigmoid(self) -> Value:
        """The logistic function 1 / (1 + e**-self); local gradient sigmoid(self) * (1 - sigmoid(self))."""
        small = math.exp(-abs(self.data))  # at most 1, so nothing overflows on either side
        out = (1.0 if self.data >= 0 else small) / (1.0 + small)
        return Value(out, (self,), 'sigmoid', lambda: (out * (1 - out),))

    def relu(self) -> Value:
        """The larger of self and 0; local gradient 1 above 0, and 0 below and at 0."""
        return Value(0.0 if self.data < 0 else self.data, (self,), 'relu', lambda: (float(self.data > 0),))

    # A plain number on the left, as in 3 - v.

    def __radd__(self, other: float) -> Value:
        if type(other) is int and other == 0:
            return self  # the builtin sum() begins with 0 + …
        own = type(self).__add__ is not Value.__add__  # of a derived class, where 2 + v is to agree with v + 2
        return self + other if own else _on_the_left(other, Value.__add__, self)

    def __rmul__(self, other: float) -> Value:
        own = type(self).__mul__ is not Value.__mul__
        return self * other if own else _on_the_left(other, Value.__mul__, self)

    def __rsub__(self, other: float) -> Value: return _on_the_left(other, Value.__sub__, self)
    def __rtruediv__(self, other: float) -> Value: return _on_the_left(other, Value.__truediv__, self)
    def __rpow__(self, other: float) -> Value: return _on_the_left(other, Value.__pow__, self)

    # No nodes. Values are compared by number, equal only to themselves; if `other` is one, the float asks it in turn.

    def __pos__(self) -> Value: return self
    def __lt__(self, other: Value | float) -> bool: return self.data < other
    def __le__(self, other: Value | float) -> bool: return self.data <= other
    def __gt__(self, other: Value | float) -> bool: return self.data > other
    def __ge__(self, other: Value | float) -> bool: return self.data >= other
    def __bool__(self) -> bool: return bool(self.data)
    def __round__(self, digits: int | None = None) -> float: return round(self.data, digits)

    # Manners.

    def item(self) -> float:
        """The number, without its history."""
        return self.data

    def detach(self) -> Value:
        """A leaf with the same number, through which no gradient flows back to here."""
        return Value(self.data)

    @property
    def requires_grad(self) -> bool: return True

    @requires_grad.setter
    def requires_grad(self, required: bool) -> None:
        if not required:
            raise AttributeError(f'{self.label or self!r} always gets its gradient: to keep its number in training, '
                                 'leave it out of what the optimizer takes; to cut the graph, write v.detach()')

    def __float__(self) -> float:
        raise TypeError(f'{self!r} does not turn into a float by itself, which would cut it out of the graph: '
                        'write v.exp() for math.exp(v), and v.data where only the number is wanted')

    def __repr__(self) -> str: return f'Value(data={self.data}, grad={self.grad})'
    def __format__(self, spec: str) -> str: return format(self.data, spec) if spec else repr(self)

    def __getstate__(self) -> object:
        """For copy and pickle, of leaves only: the closure of a copied result would hold the original's operands."""
        if self._prev:
            raise TypeError(f'the result {self.label or self._op!r} cannot be copied or pickled without its graph: '
                            'copy leaves, and models that keep no result, and compute it again')
        return object.__getstate__(self)


class Constant(Value):
    """A plain number that met a Value in an operation, such as the 2 of 2 * v: a leaf that nobody named."""


def dot(ws: Iterable[Value | float], xs: Iterable[Value | float]) -> Value:
    """The inner product w₁x₁ + w₂x₂ + …, added from left to right, as one node; its operands are w₁…wₙ, x₁…xₙ.

    The local gradients are x₁…xₙ, w₁…wₙ. Either may hold plain numbers. ValueError where the lengths differ.

    >>> dot([Value(1.0), Value(2.0)], [3.0, 4.0])
    Value(data=11.0, grad=0.0)
    """
    left = [w if isinstance(w, Value) else Constant(w) for w in ws]
    right = [x if isinstance(x, Value) else Constant(x) for x in xs]
    if len(left) != len(right):
        raise ValueError(f'dot takes two sequences of one length, not of {len(left)} and {len(right)}')
    total = -0.0 if left else 0.0  # -0.0 adds nothing, not even a sign; the builtin sum() rounds otherwise from 3.12 on
    for w, x in zip(left, right):
        total += w.data * x.data
    return Value(total, (*left, *right), 'dot', lambda: [v.data for v in (*right, *left)])


# Plain numbers, the edges of what an operation takes, and what is said beyond them.

def _on_the_left(number: float, operation: Callable[[Value, Value], Value], value: Value) -> Value:
    """The operation on a plain number and a Value; NotImplemented for anything else, and Python says what it is."""
    return operation(Constant(number), value) if isinstance(number, NUMBER) else NotImplemented


def _slope_of_power(base: Value, n: float) -> float:
    """d(base**n)/d(base) = n * base**(n-1), and 0 for n = 0, also at base 0. NaN for a Constant that has none."""
    try:
        return n and n * math.pow(base.data, n - 1)
    except (ArithmeticError, ValueError):
        if isinstance(base, Constant):  # whose gradient nobody asks for, so the exponent's is not lost with it
            return math.nan
        raise


def _real(data: object, label: str) -> float:
    """A real number as a float, or a TypeError that says what to write."""
    name = f'Value {label!r}' if label else 'a Value'
    if not isinstance(data, NUMBER) and type(data).__name__ not in ('bool', 'bool_'):  # NumPy's, which is no Real
        raise TypeError(f'{name} takes a real number, not {type(data).__name__}: write v.data for a Value v, '
                        'x.item() for an array or tensor of one number, [Value(x) for x in xs] for many')
    try:
        return float(data)  # type: ignore[arg-type]
    except OverflowError:
        raise OverflowError(f'{name} takes a number that a float can hold, up to 1.8e308') from None


def _defined(op: str, function: Callable[..., float], a: Value, *b: Value | float, takes: str) -> float:
    """The function of one or two numbers; where it has no value, an error that says at which, and what it takes."""
    try:
        return function(a.data, b[0].data if isinstance(b[0], Value) else b[0]) if b else function(a.data)
    except (ArithmeticError, ValueError) as error:
        values = [v if isinstance(v, Value) else Constant(v) for v in (a, *b)]
        raise _located(error, op, values, f'it takes {takes}') from None


def _checked(node: Value) -> Sequence[float]:
    """What the node's closure gives: a number for each operand, or an error that says of which operation, and where."""
    try:
        gradients = node._local_gradients()
    except (ArithmeticError, ValueError) as error:
        raise _located(error, node._op, node._prev, 'no finite one exists there', 'local gradients of ') from None
    if not hasattr(gradients, '__len__') or len(gradients) != len(node._prev):
        raise TypeError(f'{node.label or node._op!r} has {len(node._prev)} operands but {gradients} for local '
                        'gradients: give one for each, as in lambda: (2 * x.data,), or set its _backward')
    return gradients


def _located(error: Exception, op: str, operands: Iterable[Value], advice: str, what: str = '') -> Exception:
    """An error of the same kind, with the operation as one writes it, and the operands' labels and numbers in it."""
    texts = [f'{v.label} = {v.data}' if v.label else f'{v.data}' for v in operands]
    written = f'{op}({", ".join(texts)})'
    if texts and not op.isidentifier():  # (a = 1.0) / (b = 0.0), (x = -1.0) **0.5
        written = ' '.join((f'({texts[0]})', op, *(f'({text})' for text in texts[1:])))
    kinds = ZeroDivisionError, OverflowError, ArithmeticError, ValueError  # one derived may take other arguments
    return next(kind for kind in kinds if isinstance(error, kind))(f'{what}{written}: {error}; {advice}')
