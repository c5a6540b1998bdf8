"""The operations of formulas.py in LLVM IR, for several samples at a time."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

from micrograd.compiler.builder import Function, constant, vector
from micrograd.graph.program import Operand

INSTRUCTIONS = {'+': 'fadd', '-': 'fsub', '*': 'fmul', '/': 'fdiv'}

OPERATIONS = {*INSTRUCTIONS, 'dot', '**', 'neg', 'abs', 'sqrt', 'relu', 'step', 'sign', 'log0', 'sigmoid', 'exp', 'log',
              'sin', 'cos', 'tanh'}
# tanh x is x · N(x²) / D(x²), with these coefficients, the highest first: its continued fraction (Abramowitz and
# Stegun, 4.5.70) to the sixth term, which is enough for |x| ≤ ln(2) / 4.
TANH = (1 / 495, 4 / 33, 1), (1 / 10395, 2 / 99, 5 / 11, 1)


class Operations(Function):
    """A function of steps of a program.

    vectorized: the symbol of a function of libm for so many lanes. declared: what the function calls, by name.
    """

    def __init__(self, head: str, lanes: int, vectorized: Mapping[str, str], declared: dict[str, str]) -> None:
        super().__init__(head, lanes)
        self.vectorized, self.declared = vectorized, declared

    def dot(self, operands: Sequence[str], total: str = '') -> str:
        """A dot product, added from the first product on; or to a total."""
        half = len(operands) // 2
        for w, x in zip(operands[:half], operands[half:], strict=True):
            product = self.binary('fmul', w, x)
            total = self.binary('fadd', total, product) if total else product
        return total

    def operation(self, op: str, operands: Sequence[str], last: Operand) -> str:
        """Any other operation; last: the last operand as the program has it."""
        a = operands[0]
        zero, one = constant(0.0, self.lanes), constant(1.0, self.lanes)
        match op:
            case '+' | '-' | '*' | '/':
                return self.binary(INSTRUCTIONS[op], a, operands[1])
            case '**':
                square = self.lanes > 1 and isinstance(last, float) and last == 2
                return self.binary('fmul', a, a) if square else self.function('pow', *operands)
            case 'neg':
                return self.emit(f'fneg {self.kind} {a}')
            case 'abs':
                return self.intrinsic('fabs', a)
            case 'sqrt':
                return self.intrinsic('sqrt', a)
            case 'relu':
                return self.choice('olt', a, zero, a)
            case 'step':
                return self.choice('ogt', a, one, zero)
            case 'sign':
                return self.binary('fsub', self.choice('ogt', a, one, zero), self.choice('olt', a, one, zero))
            case 'log0':
                return self.choice('oeq', a, zero, self.function('log', a))
            case 'sigmoid':
                small = self.function('exp', self.emit(f'fneg {self.kind} {self.intrinsic("fabs", a)}'))
                return self.binary('fdiv', self.choice('oge', a, one, small), self.binary('fadd', one, small))
            case 'exp' | 'log' | 'sin' | 'cos' | 'tanh':
                return self.function(op, a)
        raise NotImplementedError(f'the native backend has no {op!r}')

    def choice(self, comparison: str, a: str, then: str, otherwise: str, b: str = '') -> str:
        """Lane by lane, `then` where a compares so with b, or 0."""
        condition = self.emit(f'fcmp {comparison} {self.kind} {a}, {b or constant(0.0, self.lanes)}')
        mask = 'i1' if self.lanes == 1 else f'<{self.lanes} x i1>'
        return self.emit(f'select {mask} {condition}, {self.kind} {then}, {self.kind} {otherwise}')

    def intrinsic(self, name: str, a: str) -> str:
        """One of LLVM's own functions."""
        return self.call(f'llvm.{name}.{"f64" if self.lanes == 1 else f"v{self.lanes}f64"}', self.kind, a)

    def function(self, name: str, *operands: str) -> str:
        """A function of libm: for all lanes at once where there is one, else lane by lane. But tanh is our own."""
        if name == 'tanh' and self.lanes > 1:
            self.declared['tanh'] = _tanh(self.lanes, self.declared)
            return self.emit(f'call {self.kind} @tanh_{self.lanes}({self.kind} {operands[0]})')
        if self.lanes == 1 or name in self.vectorized:
            return self.call(self.vectorized[name] if self.lanes > 1 else name, self.kind, *operands)
        result = 'poison'
        for lane in range(self.lanes):
            parts = [self.emit(f'extractelement {self.kind} {operand}, i64 {lane}') for operand in operands]
            one = self.call(name, 'double', *parts)
            result = self.emit(f'insertelement {self.kind} {result}, double {one}, i64 {lane}')
        return result

    def call(self, symbol: str, kind: str, *operands: str) -> str:
        self.declared[symbol] = f'declare {kind} @{symbol}({", ".join([kind] * len(operands))})'
        return self.emit(f'call {kind} @{symbol}({", ".join(f"{kind} {operand}" for operand in operands)})')


def _tanh(lanes: int, declared: dict[str, str]) -> str:
    """tanh for all lanes at once, in half the time of libmvec's: |x| is k · ln(2)/2 + h, the tanh of the first of which
    is (2ᵏ - 1) / (2ᵏ + 1), and of h its series; that of their sum is by the addition theorem."""
    kind, whole = vector(lanes), f'<{lanes} x i64>'
    f = Operations(f'internal {kind} @tanh_{lanes}({kind} %x)', lanes, {}, declared)
    one, most = constant(1.0, lanes), constant(20.0, lanes)  # whose tanh is 1
    size = f.intrinsic('fabs', '%x')
    size = f.choice('ogt', size, most, size, most)
    shift = constant(1.5 * 2 ** 52, lanes)  # a number beside which only whole ones count, in the lowest bits
    shifted = f.fused(size, constant(2 / math.log(2), lanes), shift)
    h = f.fused(f.binary('fsub', shifted, shift), constant(-math.log(2) / 2, lanes), size)
    places = ', '.join(['i64 52'] * lanes)
    exponent = f.emit(f'shl {whole} {f.emit(f"bitcast {kind} {shifted} to {whole}")}, <{places}>')
    bits = f.emit(f'add {whole} {exponent}, {f.emit(f"bitcast {kind} {one} to {whole}")}')
    power = f.emit(f'bitcast {whole} {bits} to {kind}')
    square = f.binary('fmul', h, h)
    numerator, denominator = (functools.reduce(lambda total, c: f.fused(total, square, constant(c, lanes)), rest,
                                               constant(first, lanes)) for first, *rest in TANH)
    numerator = f.binary('fmul', h, numerator)
    below, above = f.binary('fsub', power, one), f.binary('fadd', power, one)
    result = f.binary('fdiv', f.fused(below, denominator, f.binary('fmul', above, numerator)),
                      f.fused(above, denominator, f.binary('fmul', below, numerator)))
    return f.text(f'{kind} {f.call(f"llvm.copysign.v{lanes}f64", kind, result, "%x")}')
