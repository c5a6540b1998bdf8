"""How mathematics is written, as plain text and as LaTeX: the text of a row with names or numbers in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType


class Style:
    """How arithmetic is written: here, as plain text such as 2·(−1)² + ln(a)."""

    calls: Mapping[str, str] = MappingProxyType({
        'abs': '|{}|', 'sigmoid': 'σ({})', 'log': 'ln({})', 'log0': 'ln({})', 'sqrt': '√({})', 'step': '[{} > 0]'})
    times, quotient = '·', '{}/{}'

    def power(self, base: str, exponent: str) -> str:
        return base + (exponent.translate(str.maketrans('−0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))
                       if exponent.strip('−').isdigit() else f'^{exponent}')

    def call(self, function: str, argument: str) -> str:
        return self.calls.get(function, function + '({})').format(argument)

    def minus(self, number: str) -> str:
        return number.replace('-', '−')

    def derivative(self, of: str, by: str) -> str:
        return f'∂{of}/∂{by}'

    def equations(self, left: str, sides: Sequence[Sequence[str]]) -> str:
        """left = side = side …, one below the other; each side is a sum with one term a line."""
        lines = [f'{sign} {term}' for side in sides for sign, term in zip('=' + '+' * len(side), side, strict=False)]
        return f'{left} ' + ('\n' + ' ' * (len(left) + 1)).join(lines)


class Latex(Style):
    """The same as LaTeX."""

    calls = MappingProxyType({
        'abs': r'\left|{}\right|', 'sigmoid': r'\sigma\left({}\right)', 'log': r'\ln\left({}\right)',
        'log0': r'\ln\left({}\right)', 'sqrt': r'\sqrt{{{}}}',
        'step': r'\left[{} > 0\right]', 'relu': r'\operatorname{{relu}}\left({}\right)',
        'sign': r'\operatorname{{sign}}\left({}\right)'})
    times, quotient = r' \cdot ', r'\frac{{{}}}{{{}}}'

    def power(self, base: str, exponent: str) -> str:
        return f'{base}^{{{exponent}}}'

    def call(self, function: str, argument: str) -> str:
        return self.calls.get(function, f'\\{function}\\left({{}}\\right)').format(argument)

    def minus(self, number: str) -> str:
        return number

    def derivative(self, of: str, by: str) -> str:
        return f'\\frac{{\\partial {of}}}{{\\partial {by}}}'

    def equations(self, left: str, sides: Sequence[Sequence[str]]) -> str:
        lines = [f'&{sign} {term}' for side in sides
                 for sign, term in zip(['=', *[r'\quad +'] * len(side)], side, strict=False)]
        return '$$\\begin{aligned}\n' + left + ' ' + ' \\\\\n'.join(lines) + '\n\\end{aligned}$$'


def latex_name(name: str) -> str:
    """A name as LaTeX: upright where it is a word, with all that has a meaning there taken for itself."""
    special = {'\\': r'\backslash ', '^': r'\wedge ', '~': r'\sim ', '<': r'\lt ', '>': r'\gt ', ' ': r'\ ',
               '\n': r'\ ', '`': r'\grave{}', **{c: f'\\{c}' for c in '{}$%&#_'}}
    return name if len(name) == 1 and name.isalpha() else (
        r'\mathrm{' + ''.join(special.get(c, c) for c in name) + '}')


PLAIN, LATEX = Style(), Latex()
SUM, PRODUCT, NEGATIVE, POWER, ATOM = range(5)  # how tightly a piece of arithmetic holds together


def render(text: str, names: Mapping[str, str], style: Style = PLAIN, tightly: int = SUM) -> str:
    """A row's text with names or numbers in place of its operands, in parentheses where it holds together less tightly
    than `tightly`."""
    written, held = _render(ast.parse(text, mode='eval').body, names, style)
    return written if held >= tightly else f'({written})'


def _atom(written: str, style: Style) -> tuple[str, int]:
    """A name or a number; of the numbers, a negative one and one such as 1e-05 hold together less tightly."""
    number = re.fullmatch(r'-?[\d.]+(e[-+]\d+)?', written)
    if not number:
        return written, ATOM
    return style.minus(written), NEGATIVE if written.startswith('-') or number[1] else ATOM


def _render(node: ast.expr, names: Mapping[str, str], style: Style) -> tuple[str, int]:
    """A piece of arithmetic, written, and how tightly it holds together."""
    def within(part: ast.expr, tightly: int) -> str:
        written, held = _render(part, names, style)
        return written if held >= tightly else f'({written})'

    def second(term: ast.expr) -> str:
        written = within(term, PRODUCT)
        return f'({written})' if written.startswith(style.minus('-')) else written  # no two signs in a row

    match node:
        case ast.Name(id=name):
            return _atom(names[name], style)
        case ast.Constant(value=number):
            return _atom(repr(number), style)
        case ast.UnaryOp(operand=operand):
            return style.minus('-') + within(operand, POWER), NEGATIVE
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f'{within(left, SUM)} + {second(right)}', SUM
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return f'{within(left, SUM)} {style.minus("-")} {second(right)}', SUM
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return f'{within(left, PRODUCT)}{style.times}{within(right, POWER)}', PRODUCT
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            if isinstance(style, Latex):
                return style.quotient.format(within(left, SUM), within(right, SUM)), PRODUCT
            return style.quotient.format(within(left, PRODUCT), within(right, POWER)), PRODUCT
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            exponent = within(right, SUM if isinstance(style, Latex) else NEGATIVE)
            return style.power(within(left, ATOM), exponent), POWER
        case ast.Call(func=ast.Name(id=function), args=[argument]):
            return style.call(function, within(argument, SUM)), ATOM
    raise ValueError(f'a formula has no {ast.dump(node)}')
