"""`exercise(output)`: questions about any graph, with answers that are checked, and the usual mistakes recognised."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from micrograd.engine import Constant, Value
from micrograd.exercises.engines import NO_ORDER, SIGN
from micrograd.exercises.verdict import NotYetError, Verdict, attempt, expect, within_the_stack
from micrograd.graph.formulas import formula_of
from micrograd.graph.gradients import engine_gradients
from micrograd.graph.naming import node_names, numbered_names

LEVELS = (1, 2, 3)
MOST_WRITTEN = 12  # of a graph that is written out in the question
MOST_TRIED = 20  # questions, of which one is asked
MOST_VISITS = 1000  # of the recursion without order, which may take forever


@dataclass(frozen=True, repr=False)
class Exercise:
    """A question about a graph. It prints as the question; `check(answer)` says whether an answer is right."""

    question: str
    answer: float = field(repr=False)
    mistakes: Sequence[tuple[float, str]] = field(repr=False)

    def check(self, answer: object) -> Verdict:
        """OK, or that it is not yet right, and the likely cause. Half a percent off is right. No answer is told."""
        try:
            with within_the_stack():
                attempt('the answer', self._compare, answer)
        except NotYetError as wrong:
            return Verdict(False, f'Not yet: {wrong.without_answer()}')
        return Verdict(True, f'OK: {self.answer:.6g}')

    def _compare(self, answer: object) -> None:
        mistakes = [(number, cause) for number, cause in self.mistakes if not math.isclose(number, self.answer)]
        expect('the answer', answer, self.answer, mistakes, within=5e-3 * min(1.0, abs(self.answer) or 1.0))

    def __repr__(self) -> str:
        return self.question


def exercise(output: Value, seed: object = 0, level: int | None = None, *,
             names: Mapping[str, object] | bool = True) -> Exercise:
    """A question about the graph of `output`: the same for the same graph, seed and level.

    level: 1 for a number of the forward pass or a local gradient; 2 for a gradient; 3 for a gradient after one more use
    of a value, or a step of descent; None for any. names: as in `draw_dot`. It changes nothing in the graph.

    TypeError where output is no Value; ValueError for a graph without operations, another level, and a graph that has
    no question of that level.

    >>> from micrograd import Value
    >>> a, b = Value(2.0), Value(-3.0)
    >>> p = a * b
    >>> q = p + a
    >>> task = exercise(q, seed=1, level=2)
    >>> task
    p = a * b = -6,  q = p + a = -4,  with a = 2,  b = -3.
    What is dq/da?
    >>> task.check(-3)
    Not yet: the answer
      came      -3
      likely    a value that is used more than once: each use adds its share, and one of them is missing
    >>> task.check(-2)
    OK: -2
    """
    if not isinstance(output, Value):
        raise TypeError(f'exercise asks about the graph of one Value, not of a {type(output).__name__}')
    if level is not None and level not in LEVELS:
        raise ValueError(f'level is one of {LEVELS}, or None for any, not {level!r}')
    if not output._prev:
        raise ValueError('exercise asks about operations, and this Value has none: it is a leaf')
    asked = _Graph(output, names)
    source = random.Random(f'{seed!r} at level {level}')
    kinds = {1: [asked.forward, asked.local], 2: [asked.gradient], 3: [asked.one_more_use, asked.descent]}
    chosen = [kind for at, some in kinds.items() if level in (None, at) for kind in some]
    source.shuffle(chosen)
    for kind in chosen:
        found = [task for task in islice(kind(source), MOST_TRIED) if math.isfinite(task.answer)]
        if found:  # rather not what one says without looking
            return next((task for task in found if task.answer not in (0.0, 1.0)), found[0])
    raise ValueError(f'this graph has no question of level {level}: its gradients are not finite, or nobody knows them')


class _Graph:
    """A graph with its names, gradients and uses, and the questions about it, of each kind in a random order."""

    def __init__(self, output: Value, names: Mapping[str, object] | bool) -> None:
        self.output = output
        self.order = output.topological_order()
        self.called = numbered_names(self.order, node_names(self.order, names, depth=2))  # v1, …: no formulas
        try:
            found = engine_gradients(output, self.order)
        except (ArithmeticError, ValueError):
            found = [math.nan] * len(self.order)
        self.grad = dict(zip(self.order, found))
        self.uses: dict[Value, list[tuple[Value, float]]] = {node: [] for node in self.order}
        for node in self.order:
            for operand, local in zip(node._prev, _local(node)):
                self.uses[operand].append((node, local))
        self.asked = [node for node in self.order if not isinstance(node, Constant) and node is not output
                      and len(self.uses[node]) <= MOST_WRITTEN]

    def forward(self, source: random.Random) -> Iterator[Exercise]:
        """The number of a result, from those of its operands."""
        for node in _shuffled(self.order, source):
            if node._prev and len(node._prev) <= MOST_WRITTEN:
                mistakes = [(-node.data, SIGN)]
                if len(node._prev) == 2:
                    a, b = (operand.data for operand in node._prev)
                    mistakes += [(a + b, 'that is the sum'), (a * b, 'that is the product'), (a - b, 'that is the '
                                 'difference'), (b - a, 'the operands changed places')]
                given = ',  '.join(dict.fromkeys(f'{self.called[v]} = {v.data:.6g}' for v in node._prev
                                                 if not isinstance(v, Constant)))
                yield Exercise(f'{self.called[node]} = {self._formula(node)}' + f',  with {given}.' * bool(given)
                               + f'\nWhat number is {self.called[node]}?', node.data, mistakes)

    def local(self, source: random.Random) -> Iterator[Exercise]:
        """The number on an arrow."""
        for operand in _shuffled(self.asked, source):
            for node, local in self.uses[operand]:
                if node._prev.count(operand) == 1:
                    others = [(other, 'the local gradient of another operand') for v, other
                              in zip(node._prev, _local(node)) if v is not operand]
                    half = local / 2 if node._op == '**2' else math.nan
                    mistakes = [*others, (-local, SIGN), (half, 'a forgotten factor 2'),
                                (operand.data, 'that is its number: by how much does the result grow, when it grows?')]
                    name, by = self.called[node], self.called[operand]
                    yield Exercise(f'{self._written()}What is the local gradient d{name}/d{by} of {name} = '
                                   f'{self._formula(node)}?', local, mistakes)

    def gradient(self, source: random.Random) -> Iterator[Exercise]:
        """The gradient of the output by a value."""
        for node in _shuffled(self.asked, source):
            yield Exercise(f'{self._written(node)}What is {self._by(node)}?', self.grad[node], self._mistaken(node))

    def one_more_use(self, source: random.Random) -> Iterator[Exercise]:
        """The gradient after a value has been used once more."""
        for node in _shuffled(self.asked, source):
            times, right = source.choice((2, 3, 4)), self.grad[node]
            yield Exercise(
                f'{self._written(node)}Now {self.called[node]} is used once more: the output is '
                f'{self.called[self.output]} + {times} * {self.called[node]}.\n'
                f'What is its derivative by {self.called[node]}?', right + times, [
                    (times, 'only the new use: each use adds its share'),
                    (right, 'only the old uses: the new one adds its share'),
                    (right * times, 'paths that run side by side add; along one path factors multiply'),
                    (right + 1, f'the new use brings {times}, the number on its arrow'),
                    (right + times * node.data, 'the local gradient of the new use is the factor, not the product'),
                    *((wrong + times, cause) for wrong, cause in self._mistaken(node))])

    def descent(self, source: random.Random) -> Iterator[Exercise]:
        """A leaf after one step of descent."""
        for node in _shuffled(self.asked, source):
            if not node._prev:
                rate, grad = source.choice((0.5, 0.25, 0.1)), self.grad[node]
                yield Exercise(
                    f'{self._written(node)}One step of descent, with a learning rate of {rate}.\nWhat number is '
                    f'{self.called[node]} then?', node.data - rate * grad, [
                        (node.data + rate * grad, 'uphill: descent subtracts'),
                        (node.data - grad, 'the learning rate is missing'), (rate * grad, 'that is the step alone'),
                        (-rate * grad, 'that is the step alone'), (grad, 'that is the gradient'),
                        *((node.data - rate * wrong, cause) for wrong, cause in self._mistaken(node))])

    def _mistaken(self, node: Value) -> list[tuple[float, str]]:
        """What the usual mistakes make of a gradient."""
        right, shares = self.grad[node], [self.grad[user] * local for user, local in self.uses[node]]
        found = [(-right, SIGN)]
        found += [(share, 'a value that is used more than once: each use adds its share, and one of them is missing')
                  for share in shares if len(shares) > 1]
        for user, local in self.uses[node]:
            rest = right - self.grad[user] * local
            others = [other for v, other in zip(user._prev, _local(user)) if v is not node]
            found += [(rest + self.grad[user] * other, 'the gradient of the wrong operand: in a product each operand '
                       'gets the other one, in a difference the second a minus') for other in others]
            found += [(rest + local, f'the local gradient alone: times {self._by(user)}'),
                      (rest + self.grad[user], f'{self._by(user)} alone: times the local gradient'),
                      (rest - self.grad[user] * local, SIGN)]
        if any(v._op == '**2' or len(set(v._prev)) < len(v._prev) for v in self.order):
            found.append((right / 2, 'a forgotten factor 2'))
        return [*found, (self._without_order(node), NO_ORDER),
                (node.data, 'that is its number, not its gradient')]

    def _without_order(self, asked: Value) -> float:
        """What recursion without a topological order makes of a gradient; NaN where it takes too long."""
        grad = dict.fromkeys(self.order, 0.0) | {self.output: 1.0}
        stack = [self.output]
        for _ in range(MOST_VISITS):
            if not stack:
                return grad[asked]
            node = stack.pop()
            for operand, local in zip(node._prev, _local(node)):
                grad[operand] += local * grad[node]
            stack += node._prev[::-1]
        return math.nan

    def _written(self, asked: Value | None = None) -> str:
        """The graph, where it is small; else what a value's gradient is made of."""
        results = [node for node in self.order if node._prev]
        if len(results) <= MOST_WRITTEN:
            lines = [f'{self.called[node]} = {self._formula(node)} = {node.data:.6g}' for node in results]
            given = [f'{self.called[node]} = {node.data:.6g}' for node in self.order
                     if not node._prev and not isinstance(node, Constant)]
            return ',  '.join(lines) + f',  with {",  ".join(given)}' * bool(given) + '.\n'
        if asked is None:
            return ''
        lines = [f'{self._by(user)} = {self.grad[user]:.6g} and d{self.called[user]}/d{self.called[asked]} = '
                 f'{local:.6g}' for user, local in self.uses[asked]]
        return f'{self.called[asked]} is {asked.data:.6g}, and its uses have  ' + ',  '.join(lines) + '.\n'

    def _by(self, node: Value) -> str:
        return f'd{self.called[self.output]}/d{self.called[node]}'

    def _formula(self, node: Value) -> str:
        """An operation on the names of its operands."""
        row = formula_of(node)
        if row is None:
            return f'{node._op or "?"}({", ".join(self.called[v] for v in node._prev)})'
        names = dict(zip(row.operands, (self.called[v] for v in node._prev)))
        return re.sub(r'[a-z]\d*\b', lambda match: names.get(match[0], match[0]), row.formula)


def _shuffled(nodes: Sequence[Value], source: random.Random) -> list[Value]:
    return source.sample(nodes, len(nodes))


def _local(node: Value) -> Sequence[float]:
    """A node's local gradients; none where they are not defined, or not known."""
    try:
        return node.local_gradients() or ()
    except (ArithmeticError, ValueError):
        return ()
