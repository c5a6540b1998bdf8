"""Why a gradient is what it is: the chain rule written out for an output and an input, and both passes as tables."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from micrograd.engine import Constant, Value
from micrograd.graph.formulas import formula_of
from micrograd.graph.gradients import engine_gradients
from micrograd.graph.naming import node_names, numbered_names
from micrograd.show.notation import LATEX, PLAIN, PRODUCT, Style, latex_name, render

LONGEST_PATH = 40  # factors; a longer product is read better node by node
MOST_LINES = 200
NAMES = re.compile(r'\b(?:[ab]|out|[wx]\d+)\b')  # of operands and results, in a row's text
INFIX = ('+', '-', '*', '/', '**')


class Explanation:
    """A text to read, which Jupyter shows as mathematics where it is a chain of equations."""

    def __init__(self, text: str, latex: str | None = None) -> None:
        self.text, self.latex = text, latex

    def __repr__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str | None:
        return self.latex

    def _repr_markdown_(self) -> str | None:
        fence = '`' * (3 + self.text.count('`'))  # longer than any that stands in a label
        return None if self.latex else f'{fence}text\n{self.text}\n{fence}'


class Use(NamedTuple):
    """One use of an operand: the node that uses it, in which place, and with which local gradient."""

    node: Value
    place: int
    gradient: float

    @property
    def operand(self) -> Value:
        return self.node._prev[self.place]


def explain(output: Value, input: Value | None = None, *, names: Mapping[str, object] | bool = True,
            max_paths: int = 16) -> Explanation:
    """Write out the chain rule: why d(output)/d(input) is what it is.

    Each path from the input to the output is a product of local gradients: in symbols, in formulas, in numbers; their
    sum is the gradient. Where there are more than max_paths of them, or one is very long, the same sum is written node
    by node: ∂output/∂v = the sum, over the uses of v, of the user's gradient times the local one.

    Without an input: the forward pass, the local gradients and all gradients, as tables.

    names: what Values without a label are called, as in `draw_dot`: by the caller's variables, a mapping's, or False.
    It needs no `backward()` and changes no `grad`. TypeError for what is no Value; ValueError where an operation on the
    way has no local gradients, ArithmeticError or ValueError where they are not defined.
    """
    for value in [output] if input is None else [output, input]:
        if not isinstance(value, Value):
            raise TypeError(f'explain takes Values of one graph, an output and an input, not {type(value).__name__}')
    order = output.topological_order()
    known = order if input is None else [*order, input]
    called = numbered_names(known, node_names(known, names, depth=1))
    if input is None:
        return Explanation(tables(output, called))
    uses = _uses_on_the_way(order, input)
    if output not in uses:
        return Explanation(f'∂{called[output]}/∂{called[input]} = 0: '
                           f'{called[output]} does not depend on {called[input]}')
    count, longest = _count_paths(order, uses)
    if output is input or count > max_paths or longest > LONGEST_PATH:
        return Explanation(_node_by_node(output, input, order, uses, called))
    paths = _paths(output, input, uses)
    return Explanation(_chain(output, input, paths, called, PLAIN), _chain(output, input, paths, called, LATEX))


def _uses_on_the_way(order: Sequence[Value], input: Value) -> dict[Value, list[Use]]:
    """For each node that depends on the input, its operands that do so too, or are it."""
    uses: dict[Value, list[Use]] = {input: []}
    for node in order:
        places = [place for place, operand in enumerate(node._prev) if operand in uses]
        if places and node is not input:
            gradients = node.local_gradients()
            if gradients is None:
                raise ValueError(f'the operation {node._op!r} keeps its local gradients to itself: give it '
                                 'Value(…, local_gradients=…), and not only a _backward')
            uses[node] = [Use(node, place, gradients[place]) for place in places]
    return uses


def _count_paths(order: Sequence[Value], uses: Mapping[Value, list[Use]]) -> tuple[int, int]:
    """How many paths there are, and how long the longest is: in linear time, though there may be 2**n of them."""
    counts: dict[Value, int] = {}
    lengths: dict[Value, int] = {}
    for node in order:
        if node in uses:
            operands = [use.operand for use in uses[node]]
            counts[node] = sum(counts[operand] for operand in operands) or 1
            lengths[node] = max((lengths[operand] + 1 for operand in operands), default=0)
    return counts[order[-1]], lengths[order[-1]]


def _paths(output: Value, input: Value, uses: Mapping[Value, list[Use]]) -> list[list[Use]]:
    """Every path, as the uses along it from the output back to the input."""
    found: list[list[Use]] = []
    stack: list[tuple[Value, list[Use]]] = [(output, [])]
    while stack:
        node, path = stack.pop()
        if node is input:
            found.append(path)
        stack += [(use.operand, [*path, use]) for use in reversed(uses[node])]
    return found


def _chain(output: Value, input: Value, paths: list[list[Use]], called: Mapping[Value, str], style: Style) -> str:
    """The sum over the paths of the products along them: in symbols, in formulas, in numbers, and what it comes to."""
    def rows(factor: Callable[[Use], str]) -> list[str]:
        return [f' {style.times.strip()} '.join(_joined([factor(use) for use in path])) for path in paths]

    total = sum(math.prod(use.gradient for use in path) for path in paths)
    parts = [rows(lambda use: style.derivative(_name(use.node, called, style), _name(use.operand, called, style))),
             rows(lambda use: _local(use, called, style, numbers=False)),
             rows(lambda use: _local(use, called, style, numbers=True)),
             [style.minus(_number(total))]]
    if len(paths) == len(paths[0]) == 1:
        del parts[0]  # it would only say that the derivative is itself
    parts = [part for i, part in enumerate(parts) if i == 0 or part != parts[i - 1]]
    left = style.derivative(_name(output, called, style), _name(input, called, style))
    return style.equations(left, parts)


def _node_by_node(output: Value, input: Value, order: Sequence[Value], uses: Mapping[Value, list[Use]],
                  called: Mapping[Value, str]) -> str:
    """From the output down to the input, a line a node: its gradient, as a sum over the nodes that use it."""
    used_by: dict[Value, list[Use]] = {node: [] for node in uses}
    for node in uses:
        for use in uses[node]:
            used_by[use.operand].append(use)
    way = [node for node in reversed(order) if node in uses]
    gradient = {output: 1.0}
    for node in way[1:]:
        gradient[node] = sum(gradient[use.node] * use.gradient for use in used_by[node])

    def derivative(of: Value, by: Value) -> str:
        return PLAIN.derivative(called[of], called[by])

    def line(node: Value) -> str:
        sides = []
        if used_by[node]:
            sides = [' + '.join(f'{derivative(output, use.node)} · {derivative(use.node, node)}'
                                for use in used_by[node]),
                     ' + '.join(' · '.join(_joined([_minus(gradient[use.node]), _minus(use.gradient)]))
                                for use in used_by[node])]
        return ' = '.join([derivative(output, node), *sides, _minus(gradient[node])])

    if len(way) <= MOST_LINES:
        return '\n'.join(map(line, way))
    half = MOST_LINES // 2
    return '\n'.join([*map(line, way[:half]), f'… {len(way) - 2 * half:,} more …', *map(line, way[-half:])])


def _local(use: Use, called: Mapping[Value, str], style: Style, *, numbers: bool) -> str:
    """A local gradient as a factor: its formula, in names or in numbers; or its number, where no formula is known."""
    row = formula_of(use.node)
    if row is None:
        return style.minus(_number(use.gradient))
    text = (row.shown or row.gradients)[use.place]
    written = {}
    for name in NAMES.findall(text):  # only these, since a dot may have thousands
        node = use.node if name == 'out' else use.node._prev[row.operands.index(name)]
        written[name] = _number(node.data) if numbers or isinstance(node, Constant) else _name(node, called, style)
    return render(text, written, style, PRODUCT)


def _name(node: Value, called: Mapping[Value, str], style: Style) -> str:
    return latex_name(called[node]) if style is LATEX else called[node]


def _joined(factors: Sequence[str]) -> list[str]:
    """Factors to stand in one product: a negative one that is not the first is put in parentheses."""
    return [f'({factor})' if i and factor[0] in '-−' else factor for i, factor in enumerate(factors)]


def _number(number: float) -> str:
    return f'{number:.6g}'


def _minus(number: float) -> str:
    return PLAIN.minus(_number(number))


def tables(output: Value, called: Mapping[Value, str] | None = None) -> str:
    """Three tables: the forward pass, the local gradients, and the gradients that one `output.backward()` gives.

    A Value without a label is called v1, v2, …; a constant by its number.
    """
    order = output.topological_order()
    called = called or numbered_names(order)
    shown = [node for node in order if not isinstance(node, Constant) or node is output]
    forward = [(called[node], f'= {_formula(node, called)}' if node._prev else '', '=', _number(node.data))
               for node in shown]
    local = [row for node in reversed(order) if node._prev for row in _local_rows(node, called)]
    shown.reverse()
    backward = [(f'∂{called[output]}/∂{called[node]}', '=', _number(gradient))
                for node, gradient in zip(shown, engine_gradients(output, shown), strict=True)]
    parts: dict[str, Sequence[tuple[str, ...]]] = {
        'forward pass': forward, 'local gradients': local, 'gradients, by the chain rule': backward}
    return '\n\n'.join(f'{title}\n{_aligned(rows)}' for title, rows in parts.items() if rows)


def _local_rows(node: Value, called: Mapping[Value, str]) -> list[tuple[str, ...]]:
    """A node's local gradients for a table: what, its formula, and its number; '?' where the node knows none."""
    gradients: Sequence[float | None] = node.local_gradients() or [None] * len(node._prev)
    rows: list[tuple[str, ...]] = []
    for place, (operand, gradient) in enumerate(zip(node._prev, gradients, strict=True)):
        if not isinstance(operand, Constant):
            number, formula = '?', ''
            if gradient is not None:
                number, formula = _number(gradient), _local(Use(node, place, gradient), called, PLAIN, numbers=False)
            rows.append((f'∂{called[node]}/∂{called[operand]}',
                         f'= {formula}' if formula not in ('', PLAIN.minus(number)) else '', '=', number))
    return rows


def _formula(node: Value, called: Mapping[Value, str]) -> str:
    """An operation on the names of its operands, as one writes it."""
    operands = [called[operand] for operand in node._prev]
    match node._op, operands:
        case op, [a, b] if op in INFIX:
            return f'{a}{op}{b}' if op == '**' else f'{a} {op} {b}'
        case 'neg', [a]:
            return f'-{a}'
        case op, [a] if op.startswith('**'):
            return f'{a}{op}'
        case 'dot', _:
            half = len(operands) // 2
            return f'dot([{", ".join(operands[:half])}], [{", ".join(operands[half:])}])'
    return f'{node._op}({", ".join(operands)})'


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as columns of text, and the last one, the numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for *cells, number in rows:
        left = ' '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
        lines.append(f'  {left} {number.rjust(widths[-1])}')
    return '\n'.join(lines)
