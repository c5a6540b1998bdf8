"""How an item of a folded graph looks: a card with what it is, how many it stands for, and its numbers' ranges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from micrograd.engine import Constant, Value
from micrograd.show.items import Item, Row
from micrograd.show.look import FAINT, FRAME, INK, PALE, PAPER, RESULT, colour, digits, gradient, text

CELLS = 12  # of the strip that shows the gradients of parameters, from the smallest to the largest
LOOKS = {  # border, style, background and ink of the head
    'parameters': (2, 'solid', INK, PAPER), 'numbers': (1, 'dashed', PALE, INK),
    'results': (1, 'solid', RESULT, INK), 'module': (1, 'rounded', FRAME, INK),
}


class Cards:
    """The cards of a graph, whose colours are in proportion to the largest gradient of its values.

    computed: whether there are gradients.
    """

    def __init__(self, values: Sequence[Value], computed: bool) -> None:
        self.computed = computed
        self.largest = _largest(values)

    def card(self, item: Item, tag: str) -> str:
        """An item as an HTML-like label. tag: a sign for what leads on elsewhere, or ''."""
        border, style, head, ink = LOOKS[item.kind]
        rows = self._one(item, head, ink, tag) if len(item.rows) == 1 else self._several(item, head, tag)
        table = (f'<table border="{border}" style="{style}" cellborder="0" cellspacing="0" cellpadding="3" '
                 f'color="{INK}" bgcolor="{PAPER}">{rows}</table>')
        for _ in range(min(2, max(row.count for row in item.rows) - 1)):  # more of them behind
            table = (f'<table border="1" sides="RB" cellborder="0" cellspacing="2" cellpadding="0" color="{FAINT}"><tr>'
                     f'<td>{table}</td></tr></table>')
        return f'<{table}>'

    def _one(self, item: Item, head: str, ink: str, tag: str) -> str:
        """The rows of a card for a single box."""
        [row] = item.rows
        lines = '<br/>'.join(f'<b>{text(line)}</b>' for line in (item.called(), row.step) if line)
        rows = (f'<tr><td colspan="2" bgcolor="{head}"><font color="{ink}">{lines}{_times(row)}{_tag(tag)}</font></td>'
                f'</tr><tr><td colspan="2">data {_range(value.data for value in row.values)}</td></tr>'
                f'<tr>{self._gradients(row, "grad ")}</tr>')
        if self.computed and item.kind in ('parameters', 'module') and len(row.values) >= CELLS:
            rows += f'<tr><td colspan="2">{self._strip(row)}</td></tr>'
        return rows

    def _several(self, item: Item, head: str, tag: str) -> str:
        """The rows of a card for several boxes, one each."""
        alike = len({row.count for row in item.rows}) == 1
        title = f'<b>{text(item.called())}</b>' if item.name else '' if alike else f'{len(item.rows)} steps'
        title += _times(item.rows[0]) if alike else ''
        rows = (f'<tr><td bgcolor="{head}" align="left">{title}{_tag(tag)}</td><td bgcolor="{head}">data</td>'
                f'<td colspan="2" bgcolor="{head}">grad</td></tr>')
        for row in item.rows:
            rows += (f'<tr><td align="left"><b>{text(row.step)}</b>{"" if alike else _times(row)}</td>'
                     f'<td>{_range(value.data for value in row.values)}</td>{self._gradients(row)}</tr>')
        return rows

    def _gradients(self, row: Row, word: str = '') -> str:
        """Two cells with the smallest and the largest gradient, each on its colour, or one where they are the same."""
        if not self.computed:
            return f'<td colspan="2">{word}–</td>'
        ends = _ends(gradient(value) for value in row.values)
        shades = [colour(number, self.largest) for number in ends]
        least, *most = _range(ends).split(' … ')
        if not most:
            return f'<td colspan="2" bgcolor="{shades[0]}">{word}{least}</td>'
        return (f'<td align="right" bgcolor="{shades[0]}">{word}{least} …</td>'
                f'<td align="left" bgcolor="{shades[1]}">{most[0]}</td>')

    def _strip(self, row: Row) -> str:
        """The gradients in their order, as a row of colours."""
        gradients = sorted(number for number in map(gradient, row.values) if not math.isnan(number))
        places = ((2 * i + 1) * len(gradients) // (2 * CELLS) for i in range(CELLS if gradients else 0))
        largest = _largest(row.values)
        cells = ''.join(f'<td width="9" height="8" bgcolor="{colour(gradients[i], largest)}"></td>' for i in places)
        return (f'<table border="1" cellborder="0" cellspacing="0" cellpadding="0" color="{FAINT}"><tr>'
                f'{cells or "<td>nan</td>"}</tr></table>')


def size(item: Item) -> tuple[float, float]:
    """About how wide and how high a card is, in points."""
    longest = max(len(row.step) for row in item.rows)
    if len(item.rows) > 1:
        return 6.5 * longest + 170, 18.0 * len(item.rows) + 24
    return max(6.5 * max(longest, len(item.called())) + 50, 115), 70 + 14 * (item.kind == 'parameters')


def _largest(values: Iterable[Value]) -> float:
    """The largest gradient; that of a plain number, which may be larger by far, interests nobody."""
    gradients = (abs(gradient(value)) for value in values if not isinstance(value, Constant))
    return max(filter(math.isfinite, gradients), default=0.0)


def _times(row: Row) -> str:
    return f'  ×{row.count:,}' if row.count > 1 else ''


def _tag(tag: str) -> str:
    return f'   → <b>{tag}</b>' if tag else ''


def _ends(numbers: Iterable[float]) -> tuple[float, float]:
    """The smallest and the largest number; NaN twice where any is NaN."""
    numbers = list(numbers)
    odd = [number for number in numbers if math.isnan(number)]
    return (odd[0], odd[0]) if odd else (min(numbers), max(numbers))


def _range(numbers: Iterable[float]) -> str:
    least, most = _ends(numbers)
    if least == most or math.isnan(least):
        return digits(least)
    short = [digits(float(f'{number:.2g}')) for number in (least, most)]
    return ' … '.join(short if short[0] != short[1] else dict.fromkeys([digits(least), digits(most)]))
