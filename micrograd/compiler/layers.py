"""Layers in a large program: where neurons side by side take the same inputs, loops over matrices take the place of
thousands of instructions, which would no longer fit into the processor's caches, and take long to compile."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from micrograd.graph.program import Operand, Program, Step, variables

SMALLEST = 8  # rows and columns of a weight matrix that is worth a loop


class Layer(NamedTuple):
    """Dot products of the rows of a weight matrix with the same inputs, and what becomes of their gradients.

    weights, stride: the number of the first weight among the parameters, and how far apart the rows are. gradients: of
    the rows; empty where the backward pass is not of this form. input_gradients: empty also where there are none.
    upwards: whether the products in an input's gradient are added from the first row to the last, or from the last on.
    """

    rows: tuple[int, ...]
    weights: int
    stride: int
    inputs: tuple[int, ...]
    gradients: tuple[int, ...] = ()
    input_gradients: tuple[int, ...] = ()
    upwards: bool = True

    def parameters(self) -> Iterator[int]:
        """The numbers of the weights among the parameters."""
        for row in range(len(self.rows)):
            start = self.weights + row * self.stride
            yield from range(start, start + len(self.inputs))


class Layers:
    """The layers of a program.

    forward, backward: each layer by the variable at whose place its forward or its backward loops run. replaced: the
    variables that the loops compute, or make superfluous.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.forward: dict[int, Layer] = {}
        self.backward: dict[int, Layer] = {}
        self.replaced: set[int] = set()
        self.arrays: dict[int, tuple[int, ...]] = {}  # for each variable in a row, a list of inputs …, all of that
        self.made = {step: variable for variable, step in enumerate(program.steps, program.first)
                     if len(list(variables(step.operands))) == len(step.operands)}  # since 5 == 5.0
        self.uses = Counter(variables(operand for step in program.steps for operand in step.operands))
        self.uses.update(variables([program.output, *program.gradients]))
        for inputs, rows in self._groups().items():
            weights = [self._weight(row) for row in rows]
            strides = {b - a for a, b in itertools.pairwise(weights)}
            if len(rows) >= SMALLEST and len(strides) == 1:
                layer = Layer(tuple(rows), weights[0], strides.pop(), inputs)
                self._add(self._with_gradients(layer) if program.gradients else layer)

    def _weight(self, row: int) -> int:
        """The number of a row's first weight among the parameters."""
        return int(self.program.step(row).operands[0]) - (self.program.first - self.program.params)

    def _groups(self) -> dict[tuple[int, ...], list[int]]:
        """The dot products of consecutive parameters with variables, by these variables."""
        program, groups = self.program, dict[tuple[int, ...], list[int]]()
        for variable, (op, operands) in enumerate(program.steps, program.first):
            half = len(operands) // 2
            if op != 'dot' or half < SMALLEST:
                continue
            weights, inputs = operands[:half], tuple(variables(operands[half:]))
            start = weights[0]
            first_parameter = program.first - program.params
            if (isinstance(start, int) and first_parameter <= start and start + half <= program.first
                    and weights == tuple(range(start, start + half)) and len(set(inputs)) == half
                    and (all(i >= program.first for i in inputs)
                         or (inputs == tuple(range(inputs[0], inputs[0] + half)) and inputs[-1] < program.inputs))):
                groups.setdefault(inputs, []).append(variable)
        return groups

    def _product(self, a: Operand, b: Operand) -> int | None:
        """The variable that is a * b, if there is one, and it is used once."""
        found = self.made.get(Step('*', (a, b))) or self.made.get(Step('*', (b, a)))
        return found if found is not None and self.uses[found] == 1 else None

    def _with_gradients(self, layer: Layer) -> Layer:
        """The layer with its backward pass, where that has the usual form."""
        program, size = self.program, len(layer.inputs)
        gradients: list[int] = []
        for row in range(len(layer.rows)):
            first = program.gradients[layer.weights + row * layer.stride]
            if not isinstance(first, int) or first < program.first:
                return layer
            op, operands = program.step(first)
            others = [operand for operand in operands if operand != layer.inputs[0]]
            if op != '*' or len(others) != 1 or not isinstance(others[0], int) or others[0] < program.first:
                return layer
            gradients.append(others[0])
        for number, weight in enumerate(layer.parameters()):
            product = self._product(gradients[number // size], layer.inputs[number % size])
            if product is None or product != program.gradients[weight]:
                return layer
        sums = self._sums(layer, gradients)
        if sums is None or len(set(gradients)) < len(gradients):
            return layer
        return layer._replace(gradients=tuple(gradients), input_gradients=sums[0], upwards=sums[1])

    def _sums(self, layer: Layer, gradients: Sequence[int]) -> tuple[tuple[int, ...], bool] | None:
        """The gradients for the layer's inputs; () if it needs none, None if they are not plain sums of products."""
        weights, size = list(layer.parameters()), len(layer.inputs)
        start = self.program.first - self.program.params
        products = [[self._product(gradient, start + weight) for gradient, weight in zip(gradients, weights[i::size])]
                    for i in range(size)]
        if all(product is None for column in products for product in column):
            return (), True
        sums: list[int] = []
        for column in products:
            terms = [product for product in column if product is not None]
            upwards = terms == sorted(terms)
            if len(terms) < len(column) or (not upwards and terms != sorted(terms, reverse=True)):
                return None
            total, *rest = sorted(terms)
            for term in rest:
                added = self.made.get(Step('+', (total, term))) or self.made.get(Step('+', (term, total)))
                if added is None or self.uses[total] != 1:
                    return None
                total = added
            sums.append(total)
        return tuple(sums), upwards

    def _add(self, layer: Layer) -> None:
        """Take note of what the layer's loops replace."""
        if not self._arrays(layer.rows, layer.inputs):
            return
        if layer.gradients and not self._arrays(layer.gradients, layer.input_gradients):
            layer = layer._replace(gradients=(), input_gradients=())
        self.forward[min(layer.rows)] = layer
        self.replaced.update(layer.rows)
        if layer.gradients:
            gradients = [self.program.gradients[weight] for weight in layer.parameters()]
            replaced = set(variables(gradients))
            stack = list(layer.input_gradients)
            while stack:
                variable = stack.pop()
                op, operands = self.program.step(variable)
                replaced.add(variable)
                if op == '+':
                    stack += variables(operands)
            self.backward[min(layer.input_gradients or (max(replaced),))] = layer
            self.replaced |= replaced

    def _arrays(self, *arrays: tuple[int, ...]) -> bool:
        """Take note that these variables lie in memory one after the other; False where some of them cannot."""
        arrays = tuple(array for array in arrays if array and array[0] >= self.program.first)
        if any(self.arrays.get(variable, array) != array for array in arrays for variable in array):
            return False
        self.arrays |= {variable: array for array in arrays for variable in array}
        return True
