"""A program in pieces: what machine code or JavaScript does one after the other, and where numbers are meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from micrograd.compiler.layers import Layers, Outer, Product, Vector
from micrograd.graph.program import Operand, Program, Step, variables

CHUNK = 250  # operands in a function: in longer ones the code generator takes more than linear time
TERMS = 100  # of a dot product, at a time


class Define(NamedTuple):
    """Compute a variable."""

    variable: int


class Copy(NamedTuple):
    """Copy a number into a vector's place in memory."""

    operand: int
    vector: Vector
    place: int


class Sink(NamedTuple):
    """Add a number to the gradient of a parameter; behind those of all parameters, it is the output."""

    place: int
    operand: Operand


Statement: TypeAlias = Define | Copy | Sink
Piece: TypeAlias = Product | Outer
Unit: TypeAlias = int | Vector  # what lies in memory: a variable, or those of a vector side by side


class Place(NamedTuple):
    """Where a vector lies: among the inputs or in memory, where its first variable is, and where the next one is from
    there: behind it or, with a step of -1, before it."""

    outside: bool
    start: int
    step: int


class Pieces:
    """The pieces of a program, and their memory.

    pieces: statements, CHUNK operands of them at a time, and the layers' products and outer products. slots: where each
    variable and each vector of a layer begins that is in memory, and `size` what that takes; a slot serves again as
    soon as it is free. homes: the variable's place in one of these. outers: each parameter's outer product, if any.
    """

    def __init__(self, program: Program, layers: Layers | None) -> None:
        self.program = program
        self.last = len(program.gradients) or program.params  # the output's place
        self.parts: dict[int, Step] = {}  # of dot products that are computed in several steps
        self.pieces: list[list[Statement] | Piece] = []
        order: Sequence[int | Piece] = layers.order if layers else range(
            program.first, program.first + len(program.steps))
        whole = [one for one in order if not isinstance(one, int)]
        self.outers = {parameter: outer for outer in whole if isinstance(outer, Outer)
                       for parameter in outer.parameters()}
        self.early: list[Sink] = []
        self.sinks: dict[Operand, list[Sink]] = {}  # by what is added, as soon as it is known
        self.late: list[Sink] = []
        self._sink(whole)
        self.vectors: dict[Vector, None] = {}  # in memory, in this order
        self.made: set[Vector]  # those whose variables are all there
        self._lay_out(whole)
        # A vector's variables are written to it at once, where they have no other place yet.
        self.homes: dict[int, tuple[Unit, int]] = {}
        for vector in self.vectors:
            for place, variable in enumerate(vector):
                if variable >= program.first:
                    self.homes.setdefault(variable, (vector, place))
        self._cut(order)
        self.slots, self.size = self._memory()

    def step(self, variable: int) -> Step:
        return self.parts.get(variable) or self.program.step(variable)

    def slot(self, variable: int) -> int | None:
        """Where a variable is in memory, if it is."""
        if variable not in self.homes:
            return None
        unit, place = self.homes[variable]
        return self.slots[unit] + place

    def place(self, vector: Vector) -> Place:
        """Where the vector is that a layer reads or writes."""
        step = self._steps(vector)[0]
        forward = vector[::step]
        start = forward[0] if self._outside(forward) else self.slots[forward]
        return Place(self._outside(forward), start if step == 1 else start + len(vector) - 1, step)

    def _steps(self, vector: Vector) -> list[int]:
        """1 if the vector lies somewhere, and -1 if the same does backwards."""
        return [step for step in (1, -1) if vector[::step] in self.vectors or self._outside(vector[::step])]

    def _outside(self, vector: Vector) -> bool:
        """Whether these are inputs that follow one another, which are read where they are."""
        return vector[-1] < self.program.inputs and vector == tuple(range(vector[0], vector[0] + len(vector)))

    def _lay_out(self, whole: Sequence[Piece]) -> None:
        """Fill `vectors`. What a product reads may lie there backwards: a layer's d do, if outer products read them."""
        products = [one for one in whole if isinstance(one, Product)]
        read = itertools.chain.from_iterable(vectors(one) for one in whole if isinstance(one, Outer))
        self.vectors = dict.fromkeys(one.outputs for one in products)
        self.made = set(self.vectors)
        self.vectors |= dict.fromkeys(vector for vector in read if not self._outside(vector))
        for one in products:
            if not self._steps(one.inputs):
                self.vectors[one.inputs] = None

    def _sink(self, whole: Sequence[Piece]) -> None:
        """Take note of what is added to the gradients outside of outer products, and when; and of the output."""
        program = self.program
        pairs = [(self.last, program.output, self.late)]
        pairs += [(place, operand, self.late) for place, operand in enumerate(program.gradients)
                 if place not in self.outers]
        for outer in whole:
            if isinstance(outer, Outer):
                pairs += [(place, operand, self.early) for place, operand in zip(outer.parameters(), outer.before)]
                for place, operands in zip(outer.parameters(), outer.after):
                    self.late += [Sink(place, operand) for operand in operands]
        for place, operand, otherwise in pairs:
            known = isinstance(operand, float) or operand < program.first
            (otherwise if known else self.sinks.setdefault(operand, [])).append(Sink(place, operand))

    def _cut(self, order: Sequence[int | Piece]) -> None:
        """Fill `pieces`."""
        chunk: list[Statement] = []
        size = 0
        for group in self._groups(order):
            if isinstance(group, list) and size <= CHUNK:
                chunk += group
                size += sum(map(self._cost, group))
                continue
            self.pieces.append(chunk)
            chunk, size = [], 0
            if isinstance(group, list):
                chunk, size = group, sum(map(self._cost, group))
            else:
                self.pieces.append(group)
        self.pieces = [piece for piece in [*self.pieces, chunk] if piece]

    def _cost(self, statement: Statement) -> int:
        return len(self.step(statement.variable).operands) if isinstance(statement, Define) else 1

    def _groups(self, order: Sequence[int | Piece]) -> Iterator[list[Statement] | Piece]:
        """Statements that belong together, and layers, in their order."""
        yield from map(_alone, self.early)
        for one in order:
            if isinstance(one, int):
                yield from map(_alone, map(Define, self._split(one)))
                yield [Define(one), *self.sinks.get(one, ())]
                continue
            yield from self._copies(one)
            yield one
            if isinstance(one, Product):
                yield from map(_alone, (sink for variable in one.outputs for sink in self.sinks.get(variable, ())))
        yield from map(_alone, self.late)

    def _memory_of(self, layer: Piece) -> Iterator[Vector]:
        """The vectors in memory that a layer reads."""
        return (forward for vector in vectors(layer) if (forward := vector[::self._steps(vector)[0]]) in self.vectors)

    def _copies(self, layer: Piece) -> Iterator[list[Statement]]:
        """What has to be copied for a layer to find it side by side."""
        for vector in self._memory_of(layer):
            if vector not in self.made:
                self.made.add(vector)
                yield from (_alone(Copy(variable, vector, place)) for place, variable in enumerate(vector)
                            if self.homes.get(variable) != (vector, place))
        if isinstance(layer, Product):
            yield from (_alone(Copy(variable, layer.outputs, place))
                        for place, variable in enumerate(layer.before))

    def _split(self, variable: int) -> Iterator[int]:
        """Variables for the first parts of a long dot product, of which the last is then an operand."""
        step = self.program.step(variable)
        half = len(step.operands) // 2
        if step.op != 'dot' or half <= 2 * TERMS:
            return
        total: tuple[int, ...] = ()
        for start in range(0, half, TERMS):
            end = min(start + TERMS, half)
            operands = *total, *step.operands[start:end], *step.operands[half + start:half + end]
            part = variable if end == half else self.program.first + len(self.program.steps) + len(self.parts)
            self.parts[part] = Step('dot', operands)
            if end < half:
                yield part
            total = (part,)

    def _memory(self) -> tuple[dict[Unit, int], int]:
        """A place for every vector, and for each variable that one piece computes and another one uses."""
        first, last = self._lifetimes()
        starting: dict[int, list[Unit]] = {}
        for unit, number in first.items():
            starting.setdefault(number, []).append(unit)
        ending: dict[int, list[Unit]] = {}
        for unit, number in last.items():
            ending.setdefault(number, []).append(unit)
        slots, size = dict[Unit, int](), 0
        free: dict[int, list[int]] = {}  # slots by how much there is room for
        for number in range(len(self.pieces)):
            for unit in starting.get(number, ()):
                length = 1 if isinstance(unit, int) else len(unit)
                if places := free.get(length):
                    slots[unit] = places.pop()
                else:
                    slots[unit] = size
                    size += length
            for unit in ending.get(number, ()):
                free.setdefault(1 if isinstance(unit, int) else len(unit), []).append(slots[unit])
        return slots, size

    def _lifetimes(self) -> tuple[dict[Unit, int], dict[Unit, int]]:
        """The numbers of the first and of the last piece that uses each variable or vector in memory."""
        first, last = dict[Unit, int](), dict[Unit, int]()
        defined: dict[int, int] = {}
        for number, piece in enumerate(self.pieces):
            units: list[Unit] = []
            if isinstance(piece, list):
                here = {statement.variable for statement in piece if isinstance(statement, Define)}
                defined |= dict.fromkeys(here, number)
                units += [self.homes[variable][0] for variable in here if variable in self.homes]
                for variable in variables(itertools.chain.from_iterable(map(self._used, piece))):
                    if variable >= self.program.first and variable not in here:
                        unit, _ = self.homes.setdefault(variable, (variable, 0))
                        first.setdefault(unit, defined.get(variable, number))
                        units.append(unit)
                units += [statement.vector for statement in piece if isinstance(statement, Copy)]
            else:
                units += [*self._memory_of(piece), *([piece.outputs] if isinstance(piece, Product) else [])]
            for unit in units:
                first.setdefault(unit, number)
                last[unit] = number
        return first, last

    def _used(self, statement: Statement) -> Sequence[Operand]:
        return self.step(statement.variable).operands if isinstance(statement, Define) else [statement.operand]


def vectors(layer: Piece) -> Iterator[Vector]:
    """The vectors that a layer reads."""
    if isinstance(layer, Product):
        yield layer.inputs
    else:
        yield from itertools.chain.from_iterable(layer.pairs)


def _alone(statement: Statement) -> list[Statement]:
    return [statement]
