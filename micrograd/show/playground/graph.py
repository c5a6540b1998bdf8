"""What the playground knows of a graph: its code, what its inputs are for, and its neurons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from micrograd.compiler.javascript import JavascriptWriter
from micrograd.compiler.python import PythonBackend
from micrograd.engine import Value, dot
from micrograd.graph.program import Program
from micrograd.nn import MLP, Layer, Module, Neuron
from micrograd.optim import Adam

Rows = list[list[float]]


def finite(values: Sequence[Value], named: Mapping[Value, str]) -> None:
    """ValueError where a leaf's number is not finite."""
    for value in values:
        if not value._prev and not math.isfinite(value.data):
            raise ValueError(f'{named[value]} is {value.data}, and playground computes with finite numbers: change it '
                             'first')


def code(name: str, output: Value | Sequence[Value], inputs: Sequence[Value], params: Sequence[Value]) -> str:
    """A graph as a JavaScript function (x, p, g) with this name, as `JavascriptWriter.source` describes it; of several
    outputs, it adds the number of each to its place in g. null where there are none."""
    if not isinstance(output, Value) and not output:
        return f'const {name} = null;\n'
    source = JavascriptWriter(Program(output, inputs, params)).source()
    return f'const {name} = (() => {{\n{source}return run;\n}})();\n'


def probes_code(name: str, loss: Value, results: Sequence[Value], leaves: Sequence[Value]) -> str:
    """A function (x, p, g) with this name that adds to g the gradients of the leaves, those of the results, and the
    results' numbers. It takes no x, and as p the leaves' numbers and two zeros for each result.

    A gradient with respect to a result is that of a parameter of 0 which is added to it; and a number is the gradient
    of the parameter of 0 by which it is multiplied, in a sum that the loss gets.
    """
    added, factors = {result: Value(0.0) for result in results}, [Value(0.0) for _ in results]
    copies: dict[Value, Value] = {}
    for node in loss.topological_order():
        operands = [copies[operand] for operand in node._prev]
        copy = Value(0.0, operands, node._op, node._local_gradients) if operands else node
        copies[node] = copy + added[node] if node in added else copy
    total = copies[loss] + dot([copies[result] for result in results], factors)
    return code(name, total, [], [*leaves, *added.values(), *factors])


def features(output: Value | None, inputs: Sequence[Value]) -> list[int]:
    """The places of the inputs that an output depends on."""
    known = set(output.topological_order()) if output is not None else set()
    return [i for i, value in enumerate(inputs) if value in known]


def middle(loss: Value, predict: Value, target: Value, numbers: Sequence[float]) -> tuple[float, float] | None:
    """Of a target that has two numbers only: the answer that lies between the two, and how far from it they are.

    That is the answer for which the loss is the same with either: 0 for a hinge loss, and for logits whatever the
    targets are called; 0.5 for probabilities. None where the target has more numbers or less.
    """
    if len(set(numbers)) != 2:
        return None
    low, high = sorted(set(numbers))
    backend = PythonBackend(Program(loss, [predict, target], []))

    def difference(answer: float) -> float:
        try:
            losses = [float(backend.outputs((), [answer, number], 1)[0]) for number in (low, high)]
        except (ArithmeticError, ValueError):
            return math.inf
        return abs(losses[0] - losses[1]) if all(map(math.isfinite, losses)) else math.inf

    between = (low + high) / 2
    return (0.0, 2.0) if difference(0.0) < difference(between) else (between, (high - low) / 2)


def neurons(model: Module | None, order: Sequence[Value]) -> list[list[tuple[Neuron, Value | None]]]:
    """The neurons of a network, layer by layer, each with the Value in the graph that is its output."""
    layers = (model.layers if isinstance(model, MLP) else [model] if isinstance(model, Layer) else [])
    columns = [[model]] if isinstance(model, Neuron) else [layer.neurons for layer in layers]
    users: dict[Value, Value] = {}
    for node in order:
        for operand in node._prev:
            users.setdefault(operand, node)
    return [[(neuron, _output(neuron, users)) for neuron in column] for column in columns]


def _output(neuron: Neuron, users: Mapping[Value, Value]) -> Value | None:
    """What a neuron made: the sum that its bias is in, or that after its activation."""
    total = users.get(neuron.b)
    if total is None or total._op != '+':
        return None
    after = users.get(total)
    return after if neuron.activation and after is not None and after._op == neuron.activation else total


def diagram(columns: Sequence[Sequence[tuple[Neuron, Value | None]]], params: Sequence[Value],
            shown: Sequence[Value]) -> list[dict[str, Any]]:
    """The network as the page draws it: of each neuron the places of its weights and bias among the parameters, and
    that of its output among what is shown; None for what is no parameter."""
    place = {value: i for i, value in enumerate(params)}
    seen = {value: i for i, value in enumerate(shown)}
    return [{'activation': column[0][0].activation or 'linear', 'neurons': [
        {'w': [place.get(w) for w in neuron.w], 'b': place.get(neuron.b),
         'shown': None if node is None else seen.get(node)} for neuron, node in column]} for column in columns]


class Graph:
    """What of a graph the page computes: the loss with its gradients, and what is shown, the answer first."""

    def __init__(self, loss: Value, inputs: Sequence[Value], params: Sequence[Value], predict: Value | None,
                 model: Module | None) -> None:
        self.loss, self.inputs, self.params = loss, inputs, params
        self.columns = neurons(model, loss.topological_order())
        if predict is None and self.columns and len(self.columns[-1]) == 1:
            predict = self.columns[-1][0][1]
        self.predict = predict
        outputs = [node for column in self.columns for _, node in column if node is not None]
        self.shown = list(dict.fromkeys([*([] if predict is None else [predict]), *outputs]))
        self.features = features(predict if predict is not None else outputs[-1] if outputs else None, inputs)
        self.targets = [i for i in range(len(inputs)) if i not in self.features]

    def code(self) -> str:
        """The functions LOSS and VIEW of a page."""
        return code('LOSS', self.loss, self.inputs, self.params) + code(
            'VIEW', self.shown, [self.inputs[i] for i in self.features], self.params)

    def data(self, rows: Rows) -> dict[str, Any]:
        """What a page knows of the graph."""
        adam, target = Adam([Value(0.0)]), self.targets[0] if len(self.targets) == 1 else None
        return {
            'numbers': [value.data for value in self.params], 'adam': {'betas': adam.betas, 'eps': adam.eps},
            'features': self.features, 'targets': self.targets, 'shown': len(self.shown),
            'predict': self.predict is not None, 'layers': diagram(self.columns, self.params, self.shown),
            'middle': None if self.predict is None or target is None else middle(
                self.loss, self.predict, self.inputs[target], [row[target] for row in rows]),
        }
