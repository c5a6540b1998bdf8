"""What stands in the boxes of a picture, as HTML-like labels for Graphviz: names, numbers, gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from micrograd.engine import Constant, Value
from micrograd.show.captions import State
from micrograd.show.look import (
    FAINT,
    INK,
    OPERATION,
    PALE,
    PAPER,
    RESULT,
    WARNING,
    colour,
    digits,
    gradient,
    local_gradients,
    room,
    signed,
    text,
)
from micrograd.show.tables import Table, common_start


class Boxes:
    """The boxes of one graph: they know its names, its local gradients, and how far its colours go.

    blank: whether what is computed is left empty, to be filled in on paper. size: of the letters, in points.
    padding: around them, in points.
    """

    def __init__(self, order: Sequence[Value], called: Mapping[Value, str], state: State, blank: bool = False,
                 size: float = 12, padding: int = 4) -> None:
        self.called, self.state, self.blank, self.size, self.padding = called, state, blank, size, padding
        self.locals = {node: local_gradients(node) for node in order}
        self.largest = max((abs(gradient(node)) for node in order if math.isfinite(gradient(node))), default=0.0)

    def local(self, node: Value, place: int) -> str:
        """A local gradient, as the label of an arrow."""
        return f'<{self._empty(2.8, 1.3)}>' if self.blank else digits(self.locals[node][place])

    def data(self, node: Value) -> str:
        """A node's number; where it is to be filled in, an empty box."""
        if self.blank and node._prev:
            return self._empty(5, 1.5)
        return digits(node.data) + self._now(self.state.now.get(node))

    def _now(self, number: float | None) -> str:
        """What a number has become, were it computed again."""
        return '' if number is None else f'<font color="{WARNING}"> now {digits(number)}</font>'

    def grad(self, node: Value) -> str:
        """A node's gradient, a dash where it is not known yet, an empty box where it is to be filled in."""
        if self.blank:
            return self._empty(5, 1.5)
        if not self.state.computed and not gradient(node):
            return '–'
        one = self.state.of_one_pass.get(node)
        return signed(gradient(node)) + ('' if one is None else f'<i> not {digits(one)}</i>')

    def _empty(self, width: float, height: float) -> str:
        """A box to write in, in letters' sizes."""
        return (f'<table border="1" cellborder="0" cellspacing="0" cellpadding="0" color="{FAINT}"><tr>'
                f'<td width="{width * self.size:.0f}" height="{height * self.size:.0f}"></td></tr></table>')

    def ground(self, node: Value) -> str:
        """The colour behind a gradient, as an attribute of its cell."""
        known = not self.blank and not isinstance(node, Constant) and (self.state.computed or gradient(node) != 0)
        return f' bgcolor="{colour(gradient(node), self.largest)}"' if known else ''

    def box(self, node: Value) -> str:
        """A Value's name, number and gradient; leaves, constants and results differ in their frames."""
        name = self.called.get(node, '')
        border, style, head, ink, pen = (
            (1, 'dashed', PALE, INK, FAINT) if isinstance(node, Constant) else
            (1, 'solid', RESULT, INK, INK) if node._prev else (2, 'solid', INK, PAPER, INK))
        rows = (self._line('data', self.data(node), '', node)
                + self._line('grad', self.grad(node), self.ground(node), node))
        if name:
            rows = f'<tr>{self._head(name, room(name, self.size), head, ink)}</tr>{rows}'
        return self._framed(rows, f'border="{border}" style="{style}" color="{pen}"')

    def _line(self, what: str, number: str, ground: str, node: Value) -> str:
        """A line of a box; a constant's is pale."""
        if number.startswith('<table'):
            return (f'<tr><td><table border="0" cellborder="0" cellspacing="0"><tr><td>{what}</td>'
                    f'<td>{number}</td></tr></table></td></tr>')
        line = f'{what} {number}'
        return f'<tr><td{ground}>{_pale(line) if isinstance(node, Constant) else line}</td></tr>'

    def table(self, table: Table) -> str:
        """A whole `dot`: a row for each pair, its bias, its sum and the function of that."""
        operands = table.dot._prev
        leaves = [self.called[node] for node in (*operands, table.bias) if node in table.own and node in self.called]
        start = common_start(leaves)
        # On the left stand inputs, in three cells where one lives in the row of a weight that does so too.
        left = 3 if any(operands[w] in table.own and operands[x] in table.own for w, x in table.pairs) else 1
        top, hidden, bottom = table.rows
        rows = [self._pair(table, *pair, left, start) for pair in top]
        if hidden:
            rows.append(f'<tr><td port="more" colspan="{left + 3}">{_pale(f"⋮ {hidden:,} more")}</td></tr>')
        rows += [self._pair(table, *pair, left, start) for pair in bottom]
        if start:
            head = self._head(start[:-1], f' colspan="{left + 3}"{room(start, self.size)}')
            rows.insert(0, f'<tr>{head}</tr>')
        if table.bias is not None:
            rows.append(f'<tr><td colspan="{left}"></td>{self._leaf(table.bias, start)}</tr>')
        how = 'dot' if table.bias is None else 'dot + b'
        if table.bias is not None and table.dot in self.state.now:
            how += self._now(self.state.now[table.dot] + table.bias.data)
        if table.result is not table.total:
            rows.append(self._made(table.total, how, left, ''))
            local = '' if self.blank else f' ↓ {digits(self.locals[table.result][0])}'
            how = table.result._op + local
        rows.append(self._made(table.result, how, left, ' port="out"'))
        return self._framed(''.join(rows), f'border="1" color="{INK}"')

    def _pair(self, table: Table, w: int, x: int, left: int, start: str) -> str:
        """The row of a weight and its input. An operand from elsewhere has the cell on the left, where its arrow ends;
        two of them have one below the other, and their product beside them."""
        operands = table.dot._prev
        outside = [place for place in (w, x) if operands[place] not in table.own]
        ends = [f'<td port="p{place}" colspan="{left}" align="left">{_pale(self.data(operands[place]), " ·")}</td>'
                for place in outside]
        if not outside:
            return f'<tr>{self._leaf(operands[x], start)}{self._leaf(operands[w], start)}</tr>'
        if len(outside) == 1:
            return f'<tr>{ends[0]}{self._leaf(operands[w + x - outside[0]], start)}</tr>'
        product = '' if self.blank else _pale(f'= {digits(operands[w].data * operands[x].data)}')
        return f'<tr>{ends[0]}<td rowspan="2" colspan="3">{product}</td></tr><tr>{ends[1]}</tr>'

    def _leaf(self, leaf: Value, start: str) -> str:
        """A leaf's name without what all names here begin with, its number and its gradient: three cells."""
        if isinstance(leaf, Constant):
            return f'<td colspan="3">{_pale(digits(leaf.data))}</td>'
        name = self.called.get(leaf, '').removeprefix(start)
        head = self._head(name, room(name, self.size) or ' align="left"')
        return (head if name else '<td></td>') + self._numbers(leaf)

    def _head(self, name: str, place: str, ground: str = INK, ink: str = PAPER) -> str:
        """The cell of a name."""
        return f'<td{place} bgcolor="{ground}"><font color="{ink}"><b>{text(name)}</b></font></td>'

    def _made(self, node: Value, how: str, left: int, port: str) -> str:
        """A row for a result: its name, how it is made, its number and its gradient."""
        name = self.called.get(node, '')
        name = f'<b>{text(name)}</b> = ' if name else ''
        return (f'<tr><td colspan="{left + 1}" align="left" bgcolor="{OPERATION}">{name}{how}</td>'
                f'{self._numbers(node, port)}</tr>')

    def _numbers(self, node: Value, port: str = '') -> str:
        return (f'<td align="right">{self.data(node)}</td>'
                f'<td align="right"{port}{self.ground(node)}>{self.grad(node)}</td>')

    def _framed(self, rows: str, frame: str) -> str:
        return (f'<<table cellborder="0" cellspacing="0" cellpadding="{self.padding}" bgcolor="{PAPER}" {frame}>{rows}'
                '</table>>')


def _pale(words: str, more: str = '') -> str:
    return words if words.startswith('<table') else f'<font color="{FAINT}">{words}{more}</font>'
