"""Why a gradient is what it is: the chain rule written out for an output and an input, and both passes as tables."""

from __future__ import annotations

import functools
import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from micrograd.engine import Constant, Value
from micrograd.graph.formulas import formula_of, parse
from micrograd.graph.gradients import engine_gradients
from micrograd.graph.recompute import stale, strange_gradients
from micrograd.show.names import Names, names_of, uses
from micrograd.show.notation import LATEX, PLAIN, PRODUCT, SUM, Style, write

LONGEST_PATH = 40  # factors; a longer product is read better node by node
LONGEST_WITH_ONES = 3  # factors; of longer products, those that are 1 are left out
LONGEST_PRODUCT = 80  # characters of a product in one line
MOST_ENTRIES = 200  # of a list, before it is cut in the middle
MOST_TERMS = 8  # of a sum in one line
# On each cell, since notebooks have styles of their own, and drop a <style> until they are trusted.
LEFT, RIGHT = 'text-align: left; white-space: nowrap', 'text-align: right; font-variant-numeric: tabular-nums'
T = TypeVar('T')
L = TypeVar('L')


class Explanation:
    """A text to read, which Jupyter shows as mathematics where it is a chain of equations, and as HTML where it is
    tables. The text is the same everywhere, in print() and str()."""

    def __init__(self, text: str, latex: str | None = None, html: str | None = None) -> None:
        self.text, self.latex, self.html = text, latex, html

    def __repr__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str | None:
        return self.latex

    def _repr_html_(self) -> str | None:
        return self.html

    def _repr_markdown_(self) -> str | None:
        fence = '`' * (3 + self.text.count('`'))  # longer than any that stands in a label
        return None if self.latex or self.html else f'{fence}text\n{self.text}\n{fence}'


class Entry(NamedTuple):
    """A line of a table: what, its formula or '', and its number."""

    name: str
    formula: str
    number: str


class Use(NamedTuple):
    """One use of an operand: the node that uses it, in which place, with which local gradient; and which use of this
    operand it is, counted from 1, or 0 where it is the only one."""

    node: Value
    place: int
    gradient: float
    number: int

    @property
    def operand(self) -> Value:
        return self.node._prev[self.place]


def explain(output: Value, input: Value | None = None, *, names: Mapping[str, object] | bool = True,
            max_paths: int = 16) -> Explanation:
    """Write out the chain rule: why d(output)/d(input) is what it is.

    Each path from the input to the output is a product of local gradients: in symbols, in formulas, in numbers; their
    sum is the gradient. Where there are more than max_paths of them, or one is very long, the same sum is written node
    by node: ∂output/∂v = the sum, over the uses of v, of the user's gradient times the local one.

    >>> from micrograd import Value, explain
    >>> w, x, y = Value(1.0), Value(1.0), Value(2.0)
    >>> s = w*x - y
    >>> loss = s**2
    >>> explain(loss, w)
    ∂loss/∂w = ∂loss/∂s · ∂s/∂(w·x) · ∂(w·x)/∂w
             = 2·s · 1 · x
             = 2·(−1) · 1 · 1
             = −2

    An operand that an operation takes twice has a local gradient for each use:

    >>> square = x * x
    >>> explain(square, x)
    ∂square/∂x = ∂square/∂x₍₁₎
               + ∂square/∂x₍₂₎
               = x
               + x
               = 1
               + 1
               = 2

    Without an input: the forward pass, the local gradients and all gradients, as tables.

    names: what Values without a label are called, as in `draw_dot`: by the caller's variables, a mapping's, or False. A
    result without a name is called by its expression where that is short, else v1, v2, …

    It needs no `backward()` and changes no `grad`. It says so where an input was changed after the forward pass, and
    where a `grad` is not what one `backward()` gives, as when two passes have added up. Where a product has more than
    three factors, those that are 1 are left out. A number that is not defined is so called.

    TypeError for what is no Value; ValueError where an operation on the way has no local gradients, ArithmeticError or
    ValueError where they are not defined.
    """
    for value in [output] if input is None else [output, input]:
        if not isinstance(value, Value):
            raise TypeError(f'explain takes Values of one graph, an output and an input, not {type(value).__name__}')
    order = output.topological_order()
    called = names_of(order if input is None else [*order, input], names, depth=1)
    if input is None:
        return tables(output, called)
    on_the_way = _uses_on_the_way(order, input)
    if output not in on_the_way:
        return Explanation(f'{called.derivative(output, input)} = 0: '
                           f'{called[output]} does not depend on {called[input]}')
    count, longest = _count_paths(order, on_the_way, max_paths + 1)
    notes = _notes(output, order, [input], called)
    if output is input or count > max_paths or longest > LONGEST_PATH:
        return Explanation('\n'.join([_node_by_node(output, input, order, on_the_way, called), *notes]))
    paths = _paths(output, input, on_the_way)
    return Explanation('\n'.join([_chain(output, input, paths, called, PLAIN), *notes]), '\n\n'.join([
        _chain(output, input, paths, called, LATEX), *(note.replace('\\', '').replace('$', r'\$') for note in notes)]))


def _uses_on_the_way(order: Sequence[Value], input: Value) -> dict[Value, list[Use]]:
    """For each node that depends on the input, its operands that do so too, or are it."""
    found: dict[Value, list[Use]] = {input: []}
    for node in order:
        places = [place for place, operand in enumerate(node._prev) if operand in found]
        if places and node is not input:
            gradients = node.local_gradients()
            if gradients is None:
                raise ValueError(f'the operation {node._op!r} keeps its local gradients to itself: give it '
                                 'Value(…, local_gradients=…), and not only a _backward')
            numbers = uses(node)
            found[node] = [Use(node, place, gradients[place], numbers[place]) for place in places]
    return found


def _count_paths(order: Sequence[Value], found: Mapping[Value, list[Use]], most: int) -> tuple[int, int]:
    """How many paths there are, counted no further than `most`, since there may be 2**n of them; and how long the
    longest one is."""
    counts: dict[Value, int] = {}
    lengths: dict[Value, int] = {}
    for node in order:
        if node in found:
            operands = [use.operand for use in found[node]]
            counts[node] = min(sum(counts[operand] for operand in operands) or 1, most)
            lengths[node] = max((lengths[operand] + 1 for operand in operands), default=0)
    return counts[order[-1]], lengths[order[-1]]


def _paths(output: Value, input: Value, found: Mapping[Value, list[Use]]) -> list[list[Use]]:
    """Every path, as the uses along it from the output back to the input."""
    paths: list[list[Use]] = []
    stack: list[tuple[Value, list[Use]]] = [(output, [])]
    while stack:
        node, path = stack.pop()
        if node is input:
            paths.append(path)
        stack += [(use.operand, [*path, use]) for use in reversed(found[node])]
    return paths


def _chain(output: Value, input: Value, paths: list[list[Use]], called: Names, style: Style) -> str:
    """The sum over the paths of the products along them: in symbols, in formulas, in numbers, and what it comes to."""
    def factors(style: Style) -> list[list[list[str]]]:
        """For each way to write it, for each path, its factors."""
        in_symbols = [[called.derivative(use.node, use.operand, style, use.number) for use in path] for path in paths]
        tightly = PRODUCT if len(paths) > 1 or len(paths[0]) > 1 else SUM
        local = [[[_local(use, called, style, numbers, tightly) for use in path] for path in paths]
                 for numbers in (False, True)]
        if max(map(len, paths)) > LONGEST_WITH_ONES:
            local = [[[factor for factor in path if factor != '1'] or ['1'] for path in side] for side in local]
        return [in_symbols, *local]

    # The lines break at the same factors in every style: in LaTeX, commands take room that nobody sees.
    sides = [[_lines(broken, written, style) for broken, written in zip(*side, strict=True)]
             for side in zip(factors(PLAIN), factors(style), strict=True)]
    if len(paths) == len(paths[0]) == 1 and not paths[0][0].number:
        del sides[0]  # it would only say that the derivative is itself
    total = sum(math.prod(use.gradient for use in path) for path in paths)
    sides.append([[style.number(total).text]])
    sides = [side for i, side in enumerate(sides) if i == 0 or side != sides[i - 1]]
    return style.equations(called.derivative(output, input, style), sides)


def _lines(plain: Sequence[str], factors: Sequence[str], style: Style) -> list[str]:
    """A product of these factors, which are as wide as the plain ones: in as many lines as it takes."""
    lines: list[list[str]] = [[]]
    room = LONGEST_PRODUCT
    for width, factor in zip(map(len, plain), _joined(factors, style), strict=True):
        if lines[-1] and width > room:
            lines.append([])
            room = LONGEST_PRODUCT
        lines[-1].append(factor)
        room -= width + 3
    return [style.product(line) for line in lines]


def _joined(factors: Sequence[str], style: Style) -> list[str]:
    """Factors to stand in one product: a negative one that is not the first is put in parentheses."""
    return [style.parentheses.format(factor) if i and factor.startswith(style.dash) else factor
            for i, factor in enumerate(factors)]


def _node_by_node(output: Value, input: Value, order: Sequence[Value], found: Mapping[Value, list[Use]],
                  called: Names) -> str:
    """From the output down to the input, a line a node: its gradient, as a sum over the nodes that use it."""
    used_by: dict[Value, list[Use]] = {node: [] for node in found}
    for node in found:
        for use in found[node]:
            used_by[use.operand].append(use)
    way = [node for node in reversed(order) if node in found]
    gradient = {output: 1.0}
    for node in way[1:]:
        gradient[node] = sum(gradient[use.node] * use.gradient for use in used_by[node])

    def line(node: Value) -> str:
        shown = used_by[node]
        dots = len(shown) > MOST_TERMS
        shown = [*shown[:MOST_TERMS // 2], *shown[-1:]] if dots else shown
        symbols = [f'{called.derivative(output, use.node)} · {called.derivative(use.node, node, PLAIN, use.number)}'
                   for use in shown]
        numbers = [PLAIN.product(_joined([_number(gradient[use.node]), _number(use.gradient)], PLAIN))
                   for use in shown]
        sides = [[*side[:-1], f'… {len(used_by[node]) - len(shown)} more …', side[-1]] if dots else side
                 for side in (symbols, numbers)]
        return ' = '.join([called.derivative(output, node), *(PLAIN.sum(side) for side in sides if side),
                           _number(gradient[node])])

    return '\n'.join(_cut(way, line))


def _cut(things: Sequence[T], line: Callable[[T], L]) -> list[L | str]:
    """A line for each thing, or, where there are too many, for the first and the last ones."""
    if len(things) <= MOST_ENTRIES:
        return [line(thing) for thing in things]
    half = MOST_ENTRIES // 2
    return [*map(line, things[:half]), f'… {len(things) - 2 * half:,} more …', *map(line, things[-half:])]


def _local(use: Use, called: Names, style: Style, numbers: bool, tightly: int = PRODUCT) -> str:
    """A local gradient, as a factor if not otherwise said: its formula, in names or in numbers; or its number, where no
    formula is known."""
    row, operands = formula_of(use.node), use.node._prev
    if row is None or math.isnan(use.gradient):
        return style.within(style.number(use.gradient), tightly)
    if use.node._op == 'dot':  # a dot may have thousands of operands
        other = operands[(use.place + len(operands) // 2) % len(operands)]
        tree, nodes = 'a', {'a': other}
    else:
        tree = parse((row.shown or row.gradients)[use.place])
        nodes = dict(zip((*row.operands, 'out'), (*operands, use.node), strict=True))
    return style.within(write(tree, {name: style.number(node.data) if numbers else called.written(node, style)
                                     for name, node in nodes.items()}, style), tightly)


def _number(number: float) -> str:
    return PLAIN.number(number).text


def _notes(output: Value, order: Sequence[Value], gradients_of: Sequence[Value], called: Names) -> list[str]:
    """What the reader should know where the numbers in the graph are not what they seem."""
    notes = []
    if found := stale(order):  # which makes gradients strange, too
        some = [f'{called[node]} was {_number(node.data)} and would be {_number(now)}' for node, now in found.items()]
        notes += [f'Note: an input was changed after the forward pass: {_some(some)}. Compute {called[output]} again.']
    elif found := strange_gradients(output, order):
        wanted = set(gradients_of)
        some = [f'that of {called[node]} is {_number(node.grad)}, not {_number(expected)}'
                for node, expected in found.items() if node in wanted]
        notes += [f'Note: the grad kept in the graph is not what one backward() from {called[output]} gives: '
                  f'{_some(some)}. Passes add up until zero_grad().'] if some else []
    return notes


def _some(texts: Sequence[str]) -> str:
    return '; '.join(texts[:3]) + (f'; and {len(texts) - 3:,} more' if len(texts) > 3 else '')


def tables(output: Value, called: Names | None = None) -> Explanation:
    """Three tables: the forward pass, the local gradients, and the gradients that one `output.backward()` gives."""
    order = output.topological_order()
    called = called or names_of(order, False, depth=0)
    shown = [node for node in order if not isinstance(node, Constant) or node is output]
    gradients = dict(zip(shown, engine_gradients(output, shown), strict=True))
    places = [(node, place) for node in reversed(order) for place, operand in enumerate(node._prev)
              if not isinstance(operand, Constant)]

    @functools.cache  # for a node's operands one after the other
    def known(node: Value) -> tuple[Sequence[float] | None, list[int]]:
        return node.local_gradients(), uses(node)

    parts: dict[str, list[Entry | str]] = {
        'forward pass': _cut(shown, lambda node: _forward_row(node, called)),
        'local gradients': _cut(places, lambda place: _local_entry(*place, *known(place[0]), called)),
        'gradients, by the chain rule': _cut(
            shown[::-1], lambda node: Entry(called.derivative(output, node), '', _number(gradients[node])))}
    parts = {title: rows for title, rows in parts.items() if rows}
    notes = _notes(output, order, shown, called)
    text = '\n\n'.join(f'{title}\n{_aligned(rows)}' for title, rows in parts.items())
    return Explanation('\n'.join([text, *(['', *notes] if notes else [])]), html=''.join([
        *(_html_table(title, rows) for title, rows in parts.items()),
        *(f'<p>{html.escape(note)}</p>' for note in notes)]))


def _forward_row(node: Value, called: Names) -> Entry:
    formula = called.formula(node).text if node._prev and node not in called.expressions else ''
    return Entry(called[node], formula, _number(node.data))


def _local_entry(node: Value, place: int, gradients: Sequence[float] | None, numbers: Sequence[int],
                 called: Names) -> Entry:
    """One of a node's local gradients for a table: what, its formula, and its number; '?' where the node knows none."""
    what = called.derivative(node, node._prev[place], PLAIN, numbers[place])
    if gradients is None:
        return Entry(what, '', '?')
    number = _number(gradients[place])
    formula = _local(Use(node, place, gradients[place], numbers[place]), called, PLAIN, False, SUM)
    return Entry(what, '' if formula == number else formula, number)


def _aligned(rows: Sequence[Entry | str]) -> str:
    """Rows as columns of text; the last one, the numbers, stands to the right, and with the minus sign of programs."""
    cells = [row for row in rows if isinstance(row, Entry)]
    first, second, third = (max(map(len, column)) for column in zip(*cells, strict=True))
    lines = []
    for row in rows:
        if isinstance(row, Entry):
            formula = (f' = {row.formula}' if row.formula else '').ljust(second and second + 3)
            lines.append(f'  {row.name.ljust(first)}{formula} = {row.number.replace("−", "-").rjust(third)}')
        else:
            lines.append(f'  {row}')
    return '\n'.join(lines)


def _html_table(title: str, rows: Sequence[Entry | str]) -> str:
    lines = []
    for row in rows:
        cells = [row, '', '', ''] if isinstance(row, str) else [
            row.name, f'= {row.formula}' if row.formula else '', '=', row.number]
        written = ''.join(f'<td style="{style}">{html.escape(cell)}</td>'
                          for cell, style in zip(cells, (LEFT, LEFT, LEFT, RIGHT), strict=True))
        lines.append(f'<tr>{written}</tr>')
    caption = f'<caption style="caption-side: top; {LEFT}; font-weight: bold">{html.escape(title)}</caption>'
    return f'<table style="margin: 0 0 1em 0">{caption}<tbody>{"".join(lines)}</tbody></table>'
