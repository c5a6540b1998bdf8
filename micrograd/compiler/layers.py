"""Layers in a large program: where weights form a matrix, loops take the place of thousands of instructions, which
would no longer fit into the processor's caches, and take long to compile.

There are two kinds, and one rule for each, whatever pass a sum belongs to and however it was written. Sums of products
of parameters with the same variables, whose parameters lie at even distances, are a matrix times a vector: a layer
forward, and the gradients of its inputs backward. And the gradients of a matrix's parameters, if they are sums of the
same form, are the outer products of vectors, one for each time the matrix was used.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from micrograd.graph.program import Operand, Program, variables

SMALLEST = 8  # columns of a matrix that is worth a loop, and its rows, or fewer if they are the longer
Vector = tuple[int, ...]  # variables


class Segment(NamedTuple):
    """Columns of a matrix among the parameters: the first one's number, how far rows and columns are apart, and how
    many columns there are."""

    first: int
    row: int
    column: int
    columns: int


class Product(NamedTuple):
    """outputs[r] = before[r] + Σ_c w[r, c] · inputs[c], the terms added one after another; w is made of the segments,
    side by side. No sum is before it where `before` is empty."""

    segments: tuple[Segment, ...]
    inputs: Vector
    outputs: Vector
    before: Vector
    replaced: frozenset[int]  # the variables that this computes or makes superfluous


class Outer(NamedTuple):
    """The gradients of the parameters first + r · stride + c: Σ_k d_k[r] · x_k[c], for the pairs (d_k, x_k) in their
    order. What else adds to them comes before (a variable for each, row by row, or nothing) or after (several)."""

    first: int
    stride: int
    pairs: tuple[tuple[Vector, Vector], ...]
    before: Vector
    after: tuple[Vector, ...]
    replaced: frozenset[int]

    def parameters(self) -> Iterator[int]:
        """The parameters' numbers, row by row."""
        ds, xs = self.pairs[0]
        for row in range(len(ds)):
            start = self.first + row * self.stride
            yield from range(start, start + len(xs))


class Sum(NamedTuple):
    """What a sum adds up, term by term: a variable or a number, or two variables whose product it is.

    made: the variable that a term is. totals: the one that is the sum up to here. None in a `dot`, which has none.
    """

    terms: list[tuple[Operand, ...]]
    made: list[int | None]
    totals: list[int | None]


class Run(NamedTuple):
    """Consecutive terms of a sum that are products with parameters, whose numbers are the weights."""

    weights: tuple[int, ...]
    sum: Sum
    start: int
    end: int


class Layers:
    """The layers of a program: its products and outer products, and the order in which to compute.

    order: the variables that are left, and what computes the others, each after what it needs.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.start = program.first - program.params  # the number of the first parameter's variable
        # With a constant such as 7.0 taken for a use of 7: then no loop is made of what could be one.
        self.uses = Counter(itertools.chain.from_iterable(step.operands for step in program.steps))
        self.uses.update([program.output, *program.gradients])
        # Products that are needed in one place only.
        self.products_of: dict[Operand, tuple[Operand, ...]] = {
            variable: step.operands for variable, step in enumerate(program.steps, program.first)
            if step.op == '*' and self.uses[variable] == 1 and float not in map(type, step.operands)}
        self.sums = dict(self._sums())
        self.products = list(self._products())
        self.outers = self._outers() if len(program.gradients) == program.params else []
        while not (order := self._order()):
            self.products.remove(self.stuck)
        self.order: list[int | Product | Outer] = order

    def _sums(self) -> Iterator[tuple[int, Sum]]:
        """Each sum, by the variable that is all of it. A sum goes on where it is used once, in another."""
        heads: dict[int, int | None] = {}
        for variable, (op, operands) in enumerate(self.program.steps, self.program.first):
            if op == 'dot':
                heads[variable] = None
            elif op == '+':
                heads[variable] = None
                for operand in operands:
                    if isinstance(operand, int) and operand in heads and self.uses[operand] == 1:
                        heads[variable] = operand
                        break
        inner = set(heads.values())
        for variable in heads:
            if variable not in inner:
                yield variable, self._sum(variable, heads)

    def _sum(self, variable: int | None, heads: dict[int, int | None]) -> Sum:
        """The sum that ends with this variable."""
        terms, made, totals = found = Sum([], [], [])
        while variable is not None:
            op, operands = self.program.step(variable)
            head = heads[variable]
            if op == 'dot':
                half = len(operands) // 2
                terms.extend(zip(operands[half - 1::-1], operands[:half - 1:-1]))
                made.extend([None] * half)
                totals.extend([variable, *[None] * (half - 1)])
            else:
                a, b = operands if head != operands[1] else operands[::-1]
                terms.append(self._factors(b))
                made.append(b if type(b) is int else None)
                totals.append(variable)
                if head is None:
                    terms.append(self._factors(a))
                    made.append(a if type(a) is int else None)
                    totals.append(made[-1])
            variable = head
        for column in found:
            column.reverse()
        return found

    def _factors(self, term: Operand) -> tuple[Operand, ...]:
        return (type(term) is int and self.products_of.get(term)) or (term,)

    def _products(self) -> Iterator[Product]:
        """The matrices times vectors: runs with the same variables, and parameters in the same pattern."""
        groups: dict[tuple[Vector, tuple[int, ...], bool], dict[int, Run]] = {}
        for total in self.sums.values():
            for inputs, run in self._runs(total):
                first = run.weights[0]
                groups.setdefault((inputs, tuple([w - first for w in run.weights]), run.start > 0), {})[first] = run
        for (inputs, pattern, _), runs in groups.items():
            columns = list(_progressions(pattern))
            if len(columns) * SMALLEST > 2 * len(pattern) or any(step == 0 for *_, step in columns):
                continue
            firsts = sorted(runs)
            for begin, end, row in _progressions(firsts):
                if (end - begin) * len(pattern) >= SMALLEST ** 2:
                    segments = [Segment(firsts[begin] + pattern[left], row, column, right - left)
                                for left, right, column in columns]
                    yield self._product(tuple(segments), inputs, [runs[first] for first in firsts[begin:end]])

    def _runs(self, total: Sum) -> Iterator[tuple[Vector, Run]]:
        """The runs among the terms of a sum, by their variables."""
        low, high = self.start, self.program.first
        weights, inputs = list[int](), list[int]()
        for place, term in enumerate([*total.terms, ()]):
            if len(term) == 2:
                a, b = term
                if isinstance(a, int) and isinstance(b, int) and (low <= a < high or low <= b < high):
                    weight, x = (a, b) if low <= a < high else (b, a)
                    weights.append(weight - low)
                    inputs.append(x)
                    continue
            start = place - len(weights)
            if (len(weights) >= SMALLEST and total.totals[place - 1] is not None
                    and (start == 0 or total.totals[start - 1] is not None)):
                yield tuple(inputs), Run(tuple(weights), total, start, place)
            weights, inputs = [], []

    def _product(self, segments: tuple[Segment, ...], inputs: Vector, runs: list[Run]) -> Product:
        replaced = set[int | None]().union(*[column[start:end] for _, total, start, end in runs
                                             for column in (total.made, total.totals)])
        before = _known(run.sum.totals[run.start - 1] for run in runs if run.start)
        return Product(segments, inputs, _known(run.sum.totals[run.end - 1] for run in runs), before,
                       frozenset(_known(replaced)))

    def _outers(self) -> list[Outer]:
        """The outer products that are gradients of the matrices in products, the largest first; each weight in one."""
        found: list[Outer] = []
        taken = set[int]().union(*(product.replaced for product in self.products))
        matrices = {matrix for product in self.products for segment in product.segments
                    if (matrix := _by_rows(segment, len(product.outputs))) and matrix[3] > 1}
        for matrix in sorted(matrices, key=lambda matrix: (-matrix[2] * matrix[3], matrix)):
            outer = self._outer(*matrix)
            if outer and taken.isdisjoint(outer.replaced):
                taken |= outer.replaced
                found.append(outer)
        return found

    def _outer(self, first: int, stride: int, rows: int, columns: int) -> Outer | None:
        """The outer products in the gradients of these parameters, if all gradients have them at the same places."""
        numbers = [start + column for start in range(first, first + rows * stride, stride) for column in range(columns)]
        gradients = [self.program.gradients[number] for number in numbers]
        single = [product for gradient in gradients if (product := self.products_of.get(gradient))]
        if len(single) == len(gradients):
            pair = _pair(single, columns)
            return pair and Outer(first, stride, (pair,), (), ((),) * len(single), frozenset(_known(gradients)))
        terms, made, totals = zip(*map(self._gradient, gradients))
        count = len(terms[0])
        if not count or set(map(len, terms)) != {count}:
            return None
        pairs = [_pair(column, columns) for column in zip(*terms)]
        start = next((k for k, pair in enumerate(pairs) if pair), count)
        end = next((k for k in range(start, count) if not pairs[k]), count)
        before = [one[start - 1] for one in totals] if start else []
        after = [tuple(one[end:]) for one in made]
        if start == count or None in before or any(None in one for one in after):
            return None
        replaced = set[int | None]().union(*[one[start:end] for one in made], *[one[start:] for one in totals])
        return Outer(first, stride, tuple(pair for pair in pairs[start:end] if pair), _known(before), tuple(after),
                     frozenset(_known(replaced)))

    def _gradient(self, gradient: Operand) -> Sum:
        """The sum that is a parameter's gradient; without terms where something else needs it too."""
        if not isinstance(gradient, int) or gradient < self.program.first or self.uses[gradient] != 1:
            return Sum([], [], [])
        return self.sums.get(gradient) or Sum([self._factors(gradient)], [gradient], [gradient])

    def _order(self) -> list[int | Product | Outer]:
        """All that is to be computed, as near to the program's order as what it needs lets it be; empty where products
        need one another, one of which is then `stuck`."""
        first, last = self.program.first, self.program.first + len(self.program.steps)
        whole: list[Product | Outer] = [*self.products, *self.outers]
        replaced = set[int]().union(*(one.replaced for one in whole))
        left = [variable for variable in range(first, last) if variable not in replaced]
        if not whole:
            return [*left]
        # A product takes the place of its first row, an outer product that of the last variable it needs.
        nodes: dict[int, tuple[int, Sequence[Operand]]] = {
            variable: (variable, self.program.step(variable).operands) for variable in left}
        maker = dict(zip(left, left))
        for number, one in enumerate(whole, last):
            if isinstance(one, Product):
                nodes[number] = min(one.outputs), [*one.inputs, *one.before]
                maker |= dict.fromkeys(one.outputs, number)
            else:
                needs = [*itertools.chain.from_iterable(itertools.chain.from_iterable(one.pairs)), *one.before]
                nodes[number] = max(needs), needs
        needs_of = {number: (place, {maker[operand] for operand in variables(operands) if operand >= first})
                    for number, (place, operands) in nodes.items()}
        order, waiting = _sorted(needs_of)
        if waiting:
            self.stuck = next(product for number, product in enumerate(self.products, last) if number in waiting)
            return []
        return [number if number < last else whole[number - last] for number in order]


def layers_of(program: Program, large: int) -> Layers | None:
    """The layers of a program, if it has more than so many operands."""
    sizes = itertools.accumulate(len(step.operands) for step in program.steps)
    return Layers(program) if any(size > large for size in sizes) else None


def _sorted(nodes: Mapping[int, tuple[int, set[int]]]) -> tuple[list[int], set[int]]:
    """Nodes, which are given with their places and with those that must come before, in order; and those that are in
    a circle, or behind one."""
    waiting, users = dict[int, int](), dict[int, list[int]]()
    for number, (_, needed) in nodes.items():
        waiting[number] = len(needed)
        for other in needed:
            users.setdefault(other, []).append(number)
    ready = [(nodes[number][0], number) for number, count in waiting.items() if not count]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, number = heapq.heappop(ready)
        del waiting[number]
        order.append(number)
        for user in users.get(number, ()):
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, (nodes[user][0], user))
    return order, set(waiting)


def _known(found: Iterable[Operand | None]) -> Vector:
    return tuple([variable for variable in found if type(variable) is int])


def _pair(products: Sequence[tuple[Operand, ...]], columns: int) -> tuple[Vector, Vector] | None:
    """d and x where the products, row by row, are those of d[r] and x[c]; None where there are none."""
    rows = [products[start:start + columns] for start in range(0, len(products), columns)]
    ds = [row[0][0] if row[0][0] in row[1] else row[0][-1] for row in rows]
    xs = [product[1] if product[0] == ds[0] else product[0] for product in rows[0] if len(product) == 2]
    whole = len(xs) == columns and float not in map(type, (*ds, *xs)) and all(
        row == [(d, x) for x in xs] or all(product in ((d, x), (x, d)) for x, product in zip(xs, row))
        for d, row in zip(ds, rows))
    return (tuple(variables(ds)), tuple(variables(xs))) if whole else None


def _by_rows(segment: Segment, rows: int) -> tuple[int, int, int, int] | None:
    """A matrix's first parameter, the distance of its rows, how many there are, and how many columns, where the columns
    lie side by side; the other way round if its rows do."""
    first, row, column, columns = segment
    if column < 0:
        first, column = first + (columns - 1) * column, -column
    if column == 1:
        return first, row, rows, columns
    return (first, column, columns, rows) if row == 1 else None


def _progressions(numbers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Where in the numbers each arithmetic progression begins and ends, and by how much its numbers grow."""
    start = 0
    while start < len(numbers):
        step = numbers[start + 1] - numbers[start] if start + 1 < len(numbers) else 1
        end = start + 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        yield start, end, step
        start = end
