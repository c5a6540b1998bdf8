"""Random programs of the engine's operations, deep ones too: made in a fraction of a millisecond a step, and each again
from its number."""

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from random_graphs import FUNCTIONS, OPERATIONS

from micrograd import Value

EPSILON = math.ulp(1.0)
AMPLIFIED = 1000  # how many roundings of a number may come together in it, at most
NUMBERS = (-2, -1.5, -1, 0.5, 1, 2, 2.5, 3)


def _letters(text: str) -> str:
    return ''.join(sorted(set(re.findall(r'\b[abcd]\b', text))))


# Each operation's text, how many operands it takes, and the function of them and of a plain number.
COMPILED = [(text, len(_letters(text)), eval(f'lambda {",".join(_letters(text))}, n: {text}', dict(FUNCTIONS)))
            for text in OPERATIONS]


@dataclass
class Program:
    """The numbers of the leaves; then for each step its operation (a row of COMPILED), the places of its operands among
    all the nodes before, and the plain number; and how deep its last node lies."""

    leaves: list[float]
    steps: list[tuple[int, tuple[int, ...], float]] = field(default_factory=list)
    depth: int = 0

    def run(self, make: Callable[[float], Any]) -> list[Any]:
        """Every node, leaves first and the output last; `make` makes a leaf of a number."""
        nodes = [make(number) for number in self.leaves]
        for operation, places, number in self.steps:
            nodes.append(COMPILED[operation][2](*[nodes[place] for place in places], number))
        return nodes

    def __repr__(self) -> str:
        lines = [f'v{i} = {number}' for i, number in enumerate(self.leaves)]
        for operation, places, number in self.steps:
            names = dict(zip('abcd', (f'v{place}' for place in places), strict=False)) | {'n': f'({number})'}
            pieces = re.split(r'\b([abcdn])\b', COMPILED[operation][0])
            lines.append(f'v{len(lines)} = ' + ''.join(names.get(piece, piece) for piece in pieces))
        return '\n' + '\n'.join(lines) + '\n'


def program(number: int, limit: int = 200) -> Program:
    """The program with this number: 1 to 5 leaves, and an output as deep as the number has it, 1 to `limit`.

    Most steps take the deepest node, and otherwise any nodes, also one twice. Every node is the 0 of a relu or 0.1 … 20
    in size, away from the kinks; every local gradient is 0 or 0.01 … 100; and the operations amplify the rounding of
    their operands AMPLIFIED times at most: beyond that a difference in the last bit grows without end, whoever adds up.
    (Micrograd's own local gradients say how much: were one wrong, the programs would only be others.)
    """
    draw = random.Random(number)
    made = Program([round(draw.choice((-1, 1)) * draw.uniform(0.1, 3), 3) for _ in range(draw.randint(1, 5))])
    target = round(limit**draw.random())
    nodes = [Value(leaf) for leaf in made.leaves]
    depths, deepest = [0] * len(nodes), len(nodes) - 1
    rounding = [EPSILON * abs(leaf) for leaf in made.leaves]
    while made.depth < target:
        operation = draw.randrange(len(COMPILED))
        _, arity, function = COMPILED[operation]
        places = [draw.randrange(len(nodes)) for _ in range(arity)]
        if draw.random() < 0.8:
            places[draw.randrange(arity)] = deepest
        plain = draw.choice(NUMBERS)
        operands = [nodes[place] for place in places]
        try:
            out = function(*operands, plain)
            local = out._local_gradients()
        except (ArithmeticError, ValueError):
            continue
        # The places of the operands that are Values among out._prev, which has plain numbers too.
        of = {id(operand): place for operand, place in zip(operands, places)}
        error = EPSILON * abs(out.data) + sum(
            abs(slope) * (EPSILON * abs(operand.data) + (rounding[of[id(operand)]] if id(operand) in of else 0))
            for operand, slope in zip(out._prev, local))
        zero = out._op == 'relu' and out.data == 0 > operands[0].data
        if ((zero or 0.1 <= abs(out.data) <= 20) and all(x == 0 or 0.01 <= abs(x) <= 100 for x in local)
                and error <= AMPLIFIED * EPSILON * abs(out.data)):
            made.steps.append((operation, tuple(places), plain))
            nodes.append(out)
            rounding.append(error)
            depths.append(1 + max(depths[place] for place in places))
            if depths[-1] > made.depth:
                made.depth, deepest = depths[-1], len(nodes) - 1
    return made
