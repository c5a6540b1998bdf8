"""Gradients as graphs of their own: the chain rule over the rows of formulas.py instead of over numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from micrograd.engine import Constant, Value, _located, dot
from micrograd.graph.formulas import FUNCTIONS, Formula, Tree, formula_of, parse, power

T = TypeVar('T')  # what stands for a node: a Value here, the number of a variable in the compiler, a text in its source
OPERATORS: dict[str, Callable[..., Any]] = {
    '+': operator.add, '-': operator.sub, '*': operator.mul, '/': operator.truediv,
    '**': operator.pow, 'neg': operator.neg, 'abs': abs}
ON_NUMBERS: dict[str, Callable[..., float]] = {
    **OPERATORS, '**': math.pow, **FUNCTIONS,
    'dot': lambda *v: dot(v[:len(v) // 2], v[len(v) // 2:]).data}


def gradients(output: Value, inputs: Iterable[Value]) -> list[Value]:
    """d(output)/d(input) for each input, as Values: to draw, to explain, to compile, or to differentiate again.

    As `torch.autograd.grad(output, inputs, create_graph=True)`: no `grad` changes. An input may be a leaf or a result;
    one that the output does not depend on has the gradient 0. Nothing is multiplied by 1 or added to 0, and what the
    graph or a gradient has computed before is used again.

    >>> x = Value(3.0)
    >>> [slope] = gradients(x**3, [x])
    >>> [curvature] = gradients(slope, [x])
    >>> slope.data, curvature.data  # 3 x², 6 x
    (27.0, 18.0)

    TypeError for what is no Value, ValueError for an operation on the way that has no row in `formulas.py`, such as one
    with a hand-written `_backward`. ArithmeticError or ValueError where a local gradient is not defined.
    """
    inputs = [inputs] if isinstance(inputs, Value) else list(inputs)
    for value in [output, *inputs]:
        if not isinstance(value, Value):
            raise TypeError(f'gradients takes Values, an output and a list of inputs, not {type(value).__name__}')
    order = output.topological_order()
    nodes = {node: float(node.data) if isinstance(node, Constant) else node for node in order}
    arithmetic = Arithmetic(_make)
    for node in order:
        if formula_of(node):
            arithmetic.know(*operation(node, nodes), node)
    found = chain_rule(order, inputs, nodes, arithmetic)
    results = [found.get(value, 0.0) for value in inputs]
    return [Constant(result) if isinstance(result, float) else result for result in results]


def engine_gradients(output: Value, nodes: Sequence[Value]) -> list[float]:
    """What one `backward()` gives for the nodes; afterwards every gradient in the graph is what it was."""
    before = {value: value.grad for value in [*output.topological_order(), *nodes]}
    try:
        for value in before:
            value.grad = 0.0
        output.backward()
        return [node.grad for node in nodes]
    finally:
        for value, grad in before.items():
            value.grad = grad


class Arithmetic(Generic[T]):
    """Operations on nodes and plain numbers, which are floats: what can be computed is, and nothing is made twice.

    make: makes a node of an operation and its operands, at least one of which is a node.
    """

    def __init__(self, make: Callable[[str, tuple[T | float, ...]], T]) -> None:
        self.make = make
        self.made: dict[tuple[object, ...], T] = {}

    def apply(self, op: str, *operands: T | float) -> T | float:
        """A node for the operation, or its result where all operands are numbers."""
        parts: Sequence[object] = operands
        if float in map(type, operands):
            if all(isinstance(operand, float) for operand in operands):
                return ON_NUMBERS[op](*operands)
            if op == '*':
                for factor, other in (operands, operands[::-1]):
                    if isinstance(factor, float) and abs(factor) == 1:
                        return other if factor == 1 else self.apply('neg', other)
            parts = _told_apart(operands)
        key = _key(op, parts)
        made = self.made.get(key)
        if made is None:
            made = self.made[key] = self.make(op, operands)
        return made

    def evaluate(self, tree: Tree, names: Mapping[str, T | float]) -> T | float:
        """A row's tree, with nodes and numbers in place of its names."""
        if isinstance(tree, float):
            return tree
        return names[tree] if isinstance(tree, str) else self.apply(
            tree[0], *[self.evaluate(part, names) for part in tree[1:]])

    def know(self, op: str, operands: Sequence[T | float], node: T) -> None:
        """That this node is the result of that operation."""
        self.made.setdefault(_key(op, _told_apart(operands)), node)


def _told_apart(operands: Sequence[object]) -> Sequence[object]:
    """Operands with numbers as repr() writes them, which tells 0.0 from -0.0, and a float from a variable's number."""
    return [repr(operand) if isinstance(operand, float) else operand for operand in operands]


def _key(op: str, parts: Sequence[object]) -> tuple[object, ...]:
    """What tells operations apart."""
    if op in '+*' and hash(parts[0]) > hash(parts[1]):  # a + b is b + a to the last bit
        parts = parts[::-1]
    return (op, *parts)


def chain_rule(order: Sequence[Value], inputs: Iterable[Value], nodes: Mapping[Value, T | float],
               arithmetic: Arithmetic[T], seed: T | float = 1.0,
               named: Callable[[Value, T | float], T | float] = lambda _, gradient: gradient) -> dict[Value, T | float]:
    """The gradients of the last node in the order for whatever lies between it and the inputs, in `backward()`'s order.

    nodes: what stands for each node of the graph. seed: the gradient of the last node. named: told a node and its
    complete gradient, what to use for it.
    """
    reached = set(inputs)
    for node in order:
        if not reached.isdisjoint(node._prev):
            reached.add(node)
    found: dict[Value, T | float] = {order[-1]: seed}
    for node in reversed(order):
        if node not in reached or node not in found:
            continue
        gradient = found[node] = named(node, found[node])
        for operand, local in _local_gradients(node, reached, nodes, arithmetic):
            if type(local) is float and local == 0:
                continue
            share = arithmetic.apply('*', gradient, local)
            if not (type(share) is float and share == 0):
                total = found.get(operand, 0.0)
                found[operand] = share if type(total) is float and total == 0 else arithmetic.apply('+', total, share)
    return found


def operation(node: Value, nodes: Mapping[Value, T | float]) -> tuple[str, list[T | float]]:
    """The operation that made a node, and what stands for its operands; a plain exponent is one of them."""
    row, operands = row_of(node), [nodes[operand] for operand in node._prev]
    if node._op == 'dot':
        return 'dot', operands
    op, *parts = parse(row.formula)
    names = dict(zip(row.operands, operands, strict=True))
    return op, [part if isinstance(part, float) else names[part] for part in parts]


def applied(node: Value, nodes: Mapping[Value, T | float], arithmetic: Arithmetic[T]) -> T | float:
    """What stands for a node, made of what stands for its operands. ArithmeticError or ValueError where it is computed
    anew, of numbers alone, and these have left the domain."""
    op, operands = operation(node, nodes)
    try:
        return arithmetic.apply(op, *operands)
    except (ArithmeticError, ValueError) as error:
        values = [Value(number, label=operand.label) for operand in node._prev
                  if isinstance(number := nodes[operand], float)]
        raise _located(error, node._op, values, 'a constant has another number than when the graph was built') from None


def _local_gradients(node: Value, reached: set[Value], nodes: Mapping[Value, T | float],
                     arithmetic: Arithmetic[T]) -> Iterable[tuple[Value, T | float]]:
    """Each operand that has been reached, once for each use, with the local gradient for it."""
    if reached.isdisjoint(node._prev):
        return
    row, operands = row_of(node), [nodes[operand] for operand in node._prev]
    if node._op == 'dot':  # as its row says, of which there may be thousands of operands
        half = len(operands) // 2
        others = operands[half:] + operands[:half]
        yield from (pair for pair in zip(node._prev, others, strict=True) if pair[0] in reached)
        return
    names = dict(zip((*row.operands, 'out'), (*operands, nodes[node]), strict=True))
    texts = row.gradients
    if node._op == '**' and isinstance(operands[1], float):  # a plain exponent, whose row is simpler
        texts = (*power(repr(operands[1])).gradients, texts[1])
    for operand, text in zip(node._prev, texts, strict=True):
        if operand in reached:
            try:
                yield operand, arithmetic.evaluate(text if text in names else parse(text), names)
            except (ArithmeticError, ValueError) as error:
                raise _located(error, node._op, node._prev, 'no finite one exists there',
                               'local gradients of ') from None


def row_of(node: Value) -> Formula:
    """The row of the operation that made a node; a ValueError that says what to write where it has none."""
    if row := formula_of(node):
        return row
    made = f', which made {node.label!r},' if node.label else ''
    raise ValueError(f'the operation {node._op!r}{made} has no formula, only a step of its own: write it with the '
                     'operations of Value and dot')


def _make(op: str, operands: Sequence[Value | float]) -> Value:
    """A Value for an operation: one of the engine's, or one of those that only gradients have."""
    half = len(operands) // 2
    a: Any = operands[0]
    if op == 'dot':
        node = dot(operands[:half], operands[half:])
    elif op in ('log0', 'sign', 'step'):  # the last two are constant, but for a jump
        node = Value(ON_NUMBERS[op](a.data), (a,), op, lambda: (1 / a.data if op == 'log0' else 0.0,))
    elif op in OPERATORS:
        *others, last = operands
        if op == '**' and isinstance(last, float) and last.is_integer():
            last = int(last)  # to be written x**2, and not x**2.0
        node = OPERATORS[op](*others, last)
    else:
        node = getattr(a, op)()
    assert isinstance(node, Value)
    return node
