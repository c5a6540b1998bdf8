"""How mathematics is written, as plain text and as LaTeX: the tree of a row with names or numbers in it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from micrograd.graph.formulas import Tree, parse

SUM, PRODUCT, NEGATIVE, POWER, ATOM = range(5)  # how tightly a piece of arithmetic holds together
RAISED = str.maketrans('−0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹')
LOWERED = str.maketrans('()0123456789', '₍₎₀₁₂₃₄₅₆₇₈₉')
UNLOWERED = str.maketrans('₀₁₂₃₄₅₆₇₈₉', '0123456789')


class Written(NamedTuple):
    """A piece of arithmetic, written, and how tightly it holds together."""

    text: str
    holds: int = ATOM


class Style:
    """How arithmetic is written: here, as plain text such as 2·(−1)² + ln(a)."""

    calls: Mapping[str, str] = MappingProxyType({
        'abs': '|{}|', 'sigmoid': 'σ({})', 'log': 'ln({})', 'log0': 'ln({})', 'sqrt': '√({})', 'step': '[{} > 0]'})
    times, quotient, parentheses, dash = '·', '{}/{}', '({})', '−'
    undefined, infinite, dots = 'undefined', '∞', '…'

    def power(self, base: str, exponent: str) -> str:
        return base + (exponent.translate(RAISED) if exponent.strip('−').isdigit() else f'^{exponent}')

    def call(self, function: str, argument: str) -> str:
        return self.calls.get(function, function + '({})').format(argument)

    def name(self, name: str) -> str:
        return name

    def minus(self, number: str) -> str:
        return number.replace('-', self.dash)

    def number(self, number: float) -> Written:
        """A number to six digits; of the numbers, a negative one and one such as 1e-05 hold together less tightly."""
        if math.isnan(number):
            return Written(self.undefined)
        if math.isinf(number):
            return Written(self.infinite) if number > 0 else Written(self.dash + self.infinite, NEGATIVE)
        return self.written(f'{number:.6g}')

    def written(self, digits: str) -> Written:
        """The digits of a number, as Python writes them."""
        return Written(self.minus(digits), NEGATIVE if digits[0] == '-' or 'e' in digits else ATOM)

    def derivative(self, of: str, by: str) -> str:
        return f'∂{of}/∂{by}'

    def use(self, operand: str, number: int) -> str:
        """The operand in one of its uses in an operation, counted from 1: the second a of a·a is a₍₂₎."""
        return operand + f'({number})'.translate(LOWERED)

    def within(self, piece: Written, tightly: int) -> str:
        """The piece, in parentheses where it holds together less tightly."""
        return piece.text if piece.holds >= tightly else self.parentheses.format(piece.text)

    def signed(self, term: str) -> tuple[str, str]:
        """A term of a sum, as its sign and the rest: − 4 and not + −4."""
        return (self.dash, term[len(self.dash):]) if term.startswith(self.dash) else ('+', term)

    def sum(self, terms: Sequence[str]) -> str:
        return terms[0] + ''.join(f' {sign} {rest}' for sign, rest in map(self.signed, terms[1:]))

    def product(self, factors: Sequence[str]) -> str:
        return f' {self.times.strip()} '.join(factors)

    def equations(self, left: str, sides: Sequence[Sequence[Sequence[str]]]) -> str:
        """left = side = side …, one below the other; each side is a sum with one term a line, each term a product that
        may take more than one."""
        lines = [line for sign, rest in self._lines(sides)
                 for line in [f'{sign} {rest[0]}', *(f'  {self.times} {more}' for more in rest[1:])]]
        return f'{left} ' + ('\n' + ' ' * (len(left) + 1)).join(lines)

    def _lines(self, sides: Sequence[Sequence[Sequence[str]]]) -> Iterator[tuple[str, list[str]]]:
        """Each term of each side: its sign, and its lines."""
        for side in sides:
            for i, (first, *more) in enumerate(side):
                sign, rest = self.signed(first) if i else ('=', first)
                yield sign, [rest, *more]


class Latex(Style):
    """The same as LaTeX."""

    calls = MappingProxyType({
        'abs': r'\left|{}\right|', 'sigmoid': r'\sigma\left({}\right)', 'log': r'\ln\left({}\right)',
        'log0': r'\ln\left({}\right)', 'sqrt': r'\sqrt{{{}}}', 'step': r'\left[{} > 0\right]',
        **{name: rf'\{name}\left({{}}\right)' for name in ('exp', 'sin', 'cos', 'tanh')}})
    times, quotient, parentheses, dash = r' \cdot ', r'\frac{{{}}}{{{}}}', r'\left({}\right)', '-'
    undefined, infinite, dots = r'\text{undefined}', r'\infty', r'\cdots'

    def power(self, base: str, exponent: str) -> str:
        return f'{base}^{{{exponent}}}'

    def call(self, function: str, argument: str) -> str:
        other = rf'\operatorname{{{{{_escaped(function)}}}}}\left({{}}\right)'
        return self.calls.get(function, other).format(argument)

    def name(self, name: str) -> str:
        """A name as LaTeX: upright where it is a word, with all that has a meaning there taken for itself; w1 is w₁."""
        if numbered := re.fullmatch(r'([^\W\d_])([0-9]+|[₀-₉]+)', name):
            return f'{numbered[1]}_{{{numbered[2].translate(UNLOWERED)}}}'
        return name if len(name) == 1 and name.isalpha() else rf'\mathrm{{{_escaped(name)}}}'

    def written(self, digits: str) -> Written:
        mantissa, e, exponent = digits.partition('e')
        if not e:
            return super().written(digits)
        power = f'10^{{{int(exponent)}}}'
        if mantissa in ('1', '-1'):
            return Written(mantissa[:-1] + power, NEGATIVE)
        return Written(rf'{mantissa} \cdot {power}', PRODUCT)

    def derivative(self, of: str, by: str) -> str:
        return f'\\frac{{\\partial {of}}}{{\\partial {by}}}'

    def use(self, operand: str, number: int) -> str:
        return f'{{{operand}}}_{{({number})}}' if '_' in operand else f'{operand}_{{({number})}}'

    def equations(self, left: str, sides: Sequence[Sequence[Sequence[str]]]) -> str:
        lines = [line for sign, rest in self._lines(sides) for line in [
            f'&= {rest[0]}' if sign == '=' else rf'&\quad {{}} {sign} {rest[0]}',
            *(rf'&\qquad {{}} {self.times.strip()} {more}' for more in rest[1:])]]
        return '$$\\begin{aligned}\n' + left + ' ' + ' \\\\\n'.join(lines) + '\n\\end{aligned}$$'


def _escaped(text: str) -> str:
    special = {'\\': r'\backslash ', '^': r'\wedge ', '~': r'\sim ', '<': r'\lt ', '>': r'\gt ', ' ': r'\ ',
               '\n': r'\ ', '`': r'\grave{}', **{c: f'\\{c}' for c in '{}$%&#_'}}
    return ''.join(special.get(c, c) for c in text)


PLAIN, LATEX = Style(), Latex()


def render(text: str, names: Mapping[str, str | float | Written], style: Style = PLAIN, tightly: int = SUM) -> str:
    """A row's text with names or numbers in place of its operands, in parentheses where it holds together less tightly
    than `tightly`."""
    return style.within(write(parse(text), names, style), tightly)


def write(tree: Tree, names: Mapping[str, str | float | Written], style: Style = PLAIN) -> Written:
    """A row's tree, written, with what stands in place of its names: a name, a number, or what is written already."""
    def part(tree: Tree, tightly: int) -> str:
        return style.within(write(tree, names, style), tightly)

    match tree:
        case str():
            piece = names[tree]
            if isinstance(piece, Written):
                return piece
            return style.number(piece) if isinstance(piece, float) else _atom(piece, style)
        case float():
            return _atom(repr(tree).removesuffix('.0'), style) if math.isfinite(tree) else style.number(tree)
        case ('neg', operand):
            return Written(style.dash + part(operand, POWER), NEGATIVE)
        case ('+', left, right):
            return Written(style.sum([part(left, SUM), part(right, PRODUCT)]), SUM)
        case ('-', left, right):
            second = part(right, PRODUCT)
            if second.startswith(style.dash):  # no two signs in a row
                second = style.parentheses.format(second)
            return Written(f'{part(left, SUM)} {style.dash} {second}', SUM)
        case ('*', left, right) if left == right:
            return write(('**', left, 2.0), names, style)
        case ('*', left, right):
            return Written(f'{part(left, PRODUCT)}{style.times}{part(right, POWER)}', PRODUCT)
        case ('/', ('/', over, left), right) if left == right:
            return write(('/', over, ('**', left, 2.0)), names, style)
        case ('/', left, right):
            whole = isinstance(style, Latex)  # a fraction's line holds its parts together
            return Written(style.quotient.format(part(left, SUM if whole else PRODUCT),
                                                 part(right, SUM if whole else POWER)), PRODUCT)
        case ('**', left, right):
            exponent = part(right, SUM if isinstance(style, Latex) else NEGATIVE)
            return Written(style.power(part(left, ATOM), exponent), POWER)
        case (function, argument):
            return Written(style.call(function, part(argument, SUM)))
    raise ValueError(f'a formula has no {tree!r}')


def _atom(text: str, style: Style) -> Written:
    """A name, or a number as text."""
    return style.written(text) if re.fullmatch(r'-?[\d.]+(e[-+]\d+)?', text) else Written(text)
