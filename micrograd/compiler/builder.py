"""LLVM IR, a function at a time: a builder that numbers results and closes loops.

llvmlite has one too, `llvmlite.ir`, which takes 39 µs for an instruction where this takes one: too long for a graph of
thousands of operations.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

Number = str | int  # of an i64: the name of a result, or a constant


class Function:
    """A function, instruction by instruction; the methods return the names of results.

    lanes: how many numbers are in each of the `double`s that it computes with, `self.kind` for LLVM; 1 is no vector.
    """

    def __init__(self, head: str, lanes: int) -> None:
        self.head, self.lanes, self.kind = head, lanes, vector(lanes)
        self.lines: list[str] = []
        self.count = 0
        self.label = 'entry'

    def text(self, result: str = 'void') -> str:
        """The function, complete."""
        return '\n'.join([f'define {self.head} {{', 'entry:', *self.lines, f'  ret {result}', '}'])

    def emit(self, text: str) -> str:
        """An instruction that has a result."""
        self.count += 1
        self.lines.append(f'  %v{self.count} = {text}')
        return f'%v{self.count}'

    def do(self, text: str) -> None:
        """An instruction that has none."""
        self.lines.append(f'  {text}')

    def loop(self, start: Number, step: int, end: Number, sums: Sequence[tuple[str, str]],
             body: Callable[[str, list[str]], Sequence[str]]) -> list[str]:
        """`for i in range(start, end, step)`: the body, given i and the sums so far, returns the next ones.

        sums: the LLVM type and the first value of each. Returns what they have come to.
        """
        self.count += 1
        name = f'l{self.count}'
        head = len(self.lines)
        before, names = self.label, [f'%{name}.{number}' for number in range(len(sums))]
        self.label = f'{name}.body'
        following = body(f'%{name}', names)
        self.do(f'%{name}.next = add i64 %{name}, {step}')
        self.do(f'br label %{name}.head')
        phis = [f'  {phi} = phi {kind} [{first}, %{before}], [{after}, %{self.label}]'
                for phi, (kind, first), after in zip(names, sums, following, strict=True)]
        self.lines[head:head] = [
            f'  br label %{name}.head', f'{name}.head:',
            f'  %{name} = phi i64 [{start}, %{before}], [%{name}.next, %{self.label}]', *phis,
            f'  %{name}.some = icmp slt i64 %{name}, {end}',
            f'  br i1 %{name}.some, label %{name}.body, label %{name}.end', f'{name}.body:']
        self.label = f'{name}.end'
        self.lines.append(f'{self.label}:')
        return names

    def each(self, start: Number, step: int, end: Number, body: Callable[[str], None]) -> None:
        """The same without sums."""
        def without(i: str, _: list[str]) -> list[str]:
            body(i)
            return []

        self.loop(start, step, end, [], without)

    def load(self, address: str, lanes: int = 0, align: int = 8) -> str:
        return self.emit(f'load {vector(lanes or self.lanes)}, ptr {address}, align {align}')

    def store(self, value: str, address: str, lanes: int = 0, align: int = 8) -> None:
        self.do(f'store {vector(lanes or self.lanes)} {value}, ptr {address}, align {align}')

    def address(self, base: str, place: Number) -> str:
        """Of the number at a place, counted in doubles from the base on."""
        return base if place == 0 else self.emit(f'getelementptr double, ptr {base}, i64 {place}')

    def whole(self, instruction: str, a: Number, b: Number) -> Number:
        """'add', 'mul' … of whole numbers."""
        if (instruction, b) in (('add', 0), ('mul', 1)):
            return a
        return self.emit(f'{instruction} i64 {a}, {b}')

    def binary(self, instruction: str, a: str, b: str, lanes: int = 0) -> str:
        """'fadd', 'fmul' …"""
        return self.emit(f'{instruction} {vector(lanes or self.lanes)} {a}, {b}')

    def fused(self, a: str, b: str, c: str, lanes: int = 0) -> str:
        """a · b + c, rounded once where the processor can."""
        lanes = lanes or self.lanes
        kind, name = vector(lanes), f'v{lanes}f64' if lanes > 1 else 'f64'
        return self.emit(f'call {kind} @llvm.fmuladd.{name}({kind} {a}, {kind} {b}, {kind} {c})')

    def shuffle(self, a: str, b: str, lanes: Sequence[int], of: int = 0) -> str:
        """The numbers of a and then b, `of` in each, at these places."""
        kind = vector(of or self.lanes)
        places = ', '.join([f'i32 {lane}' for lane in lanes])
        return self.emit(f'shufflevector {kind} {a}, {kind} {b}, <{len(lanes)} x i32> <{places}>')

    def splat(self, scalar: str, lanes: int = 0) -> str:
        """The same number in all lanes."""
        lanes = lanes or self.lanes
        if lanes == 1:
            return scalar
        first = self.emit(f'insertelement {vector(lanes)} poison, double {scalar}, i64 0')
        return self.shuffle(first, 'poison', [0] * lanes, lanes)

    def select(self, condition: str, then: str, otherwise: str, lanes: int = 0) -> str:
        """By one condition for all lanes."""
        kind = vector(lanes or self.lanes)
        return self.emit(f'select i1 {condition}, {kind} {then}, {kind} {otherwise}')


def vector(lanes: int) -> str:
    """LLVM's type for so many doubles."""
    return f'<{lanes} x double>' if lanes > 1 else 'double'


def constant(x: float, lanes: int = 1) -> str:
    """A number in all lanes, as LLVM reads it without rounding."""
    bits = f'0x{struct.unpack("<Q", struct.pack("<d", x))[0]:016X}'
    return bits if lanes == 1 else '<' + ', '.join([f'double {bits}'] * lanes) + '>'


def added_up(f: Function, vectors: Sequence[str]) -> str:
    """The sums over the lanes of as many vectors as there are lanes, in one vector; neighbours are added first."""
    lanes, block = len(vectors), 1
    while len(vectors) > 1:
        starts = range(0, lanes, 2 * block)
        low = [start + k + part for start in starts for part in (0, lanes) for k in range(block)]
        high = [lane + block for lane in low]
        vectors = [f.binary('fadd', f.shuffle(a, b, low), f.shuffle(a, b, high), lanes)
                   for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
        block *= 2
    return vectors[0]


def transposed(f: Function, vectors: Sequence[str]) -> list[str]:
    """As many vectors as there are lanes, rows of a matrix, as its columns."""
    lanes, block, rows = len(vectors), len(vectors) // 2, list(vectors)
    while block:
        low = [lane if not lane & block else lanes + lane - block for lane in range(lanes)]
        high = [lane + block if not lane & block else lanes + lane for lane in range(lanes)]
        for row in range(lanes):
            if not row & block:
                a, b = rows[row], rows[row + block]
                rows[row], rows[row + block] = f.shuffle(a, b, low, lanes), f.shuffle(a, b, high, lanes)
        block //= 2
    return rows
