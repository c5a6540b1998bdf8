"""A graph, forward and backward, as a list of operations on numbered variables: what all backends translate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from micrograd.engine import Value, dot
from micrograd.graph.formulas import formula_of
from micrograd.graph.gradients import Arithmetic, applied, chain_rule

Operand = int | float  # the number of a variable, or a constant


class Step(NamedTuple):
    """An operation, by its name in `formulas.py` or 'dot', on its operands."""

    op: str
    operands: tuple[Operand, ...]


class Program:
    """The operations that compute a graph's output, and then its gradients, in the engine's order.

    Variables are numbered: the inputs from 0, then the seed, then the parameters, then the result of each step. Other
    leaves are constants. `gradients` has d(output)/d(parameter) for each parameter.

    seeded: whether there is a seed, a variable that all gradients are multiplied with; else that is 1. backward:
    whether there are gradients at all. Of several outputs there are none: the outputs are in their place.
    """

    def __init__(self, output: Value | Sequence[Value], inputs: Sequence[Value], params: Sequence[Value],
                 seeded: bool = False, backward: bool = True) -> None:
        self.inputs, self.params = len(inputs), len(params)
        self.seed = self.inputs if seeded else None
        self.first = self.inputs + seeded + self.params  # the number of the first step's result
        self.steps: list[Step] = []
        several = not isinstance(output, Value)
        outputs = [output] if isinstance(output, Value) else output
        order = dot(outputs, outputs).topological_order()[:-1] if several else outputs[0].topological_order()
        nodes: dict[Value, Operand] = {value: number for number, value in enumerate(inputs)}
        nodes |= {value: number for number, value in enumerate(params, self.first - self.params)}
        arithmetic: Arithmetic[Operand] = Arithmetic(self._make)
        for node in order:
            if node not in nodes:
                nodes[node] = float(node.data)  # who sets .data may set an int
                if node._prev and not is_number(node, nodes):
                    nodes[node] = applied(node, nodes, arithmetic)
        self.output = nodes[outputs[0]]
        if several:
            self.gradients = [nodes[value] for value in outputs]
            return
        seed = 1.0 if self.seed is None else self.seed
        found = chain_rule(order, params, nodes, arithmetic, seed=seed) if params and backward else {}
        self.gradients = [found.get(value, 0.0) for value in params] if backward else []

    def step(self, variable: int) -> Step:
        """The step that computes a variable which is no input and no parameter."""
        return self.steps[variable - self.first]

    def _make(self, op: str, operands: tuple[Operand, ...]) -> int:
        self.steps.append(Step(op, operands))
        return self.first + len(self.steps) - 1


def is_number(node: Value, nodes: Mapping[Value, object]) -> bool:
    """Whether a result has no formula, and no operand that stands for more than a number: it stays what it is then."""
    return formula_of(node) is None and all(isinstance(nodes[operand], float) for operand in node._prev)


def variables(operands: Iterable[Operand]) -> Iterator[int]:
    """Those of the operands that are no constants."""
    return (operand for operand in operands if isinstance(operand, int))
