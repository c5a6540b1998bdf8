"""The picture of a folded graph: a card for all Values that do the same job, in a frame for each module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from micrograd.engine import Value
from micrograd.show.captions import State, caption
from micrograd.show.card import Cards, size
from micrograd.show.drawing import Drawing
from micrograd.show.fold import fold
from micrograd.show.frames import Path, box_names, box_paths, parameter_names, pattern
from micrograd.show.items import Items, Link
from micrograd.show.look import BOLD, FAINT, FRAME, FRAME_LINE, INK, PAPER, digits, text
from micrograd.show.rows import beside, rows

HOW = ('layers', 'samples', 'time')


def draw_folded(drawing: Drawing, order: Sequence[Value], names: Mapping[Value, str], modules: Mapping[Value, str],
                state: State, *, how: str | bool = 'layers', max_boxes: int = 100, depth: int | None = None,
                highlight: Value | None = None, legend: bool = False) -> Drawing:
    """Draw a folded graph into an empty drawing, and return that.

    order: the graph, in topological order. names: of its Values. modules: the ways to those that a module holds.
    state: of its numbers. how: the `fold` of `draw_dot`, whose the others are, too. ValueError for an unknown how, a
    depth below 1, or 'samples' where no module's parameters are known.
    """
    how = 'layers' if how is True else how
    if how not in HOW:
        raise ValueError(f'fold is True, False, None or one of {HOW}, not {how!r}')
    if depth is not None and depth < 1:
        raise ValueError(f'depth is how many modules deep the picture looks, at least 1, not {depth!r}')
    parameters = parameter_names(names, modules)
    if how == 'samples' and not parameters:
        raise ValueError("fold='samples' keeps each parameter apart, but here is no module whose they are: pass model="
                         ', or fold=True')
    kinds = {value: name if how == 'samples' else pattern(name) for value, name in parameters.items()}
    folded = fold(order[-1], max_boxes, how == 'time', kinds)
    called = box_names(folded, parameters)
    items = Items(folded, called, box_names(folded, {**names, **parameters}), box_paths(folded, called), depth)
    root = names.get(order[-1])
    count = f'{len(order):,} values of {len(folded.boxes)} kinds'
    drawing.title = f'The graph of {root or "a value"}, folded'
    drawing.description = f'{count}. {root or "The result"} is {digits(order[-1].data)}'
    warnings = [warning.replace('where it says “not”, grad', 'some grad') for warning in state.warnings]  # no card does
    drawing.attr(label=caption([count + ', rolled up' * folded.rolled, *state.facts], warnings, legend, folded=True))
    drawing._shown = [[row.values for row in item.rows] for item in items.items]
    lit = [items.place[i] for i, box in enumerate(folded.boxes) if i in items.place and highlight in box.values]
    _Picture(drawing, items, Cards(order, state.computed), lit).draw()
    return drawing


class _Picture:
    """Items on their way into a drawing, in rows; where an arrow would lead to another row, it has a sign at each end.

    lit: the items from which all arrows are bold, and from those to which they lead.
    """

    def __init__(self, drawing: Drawing, items: Items, cards: Cards, lit: list[int]) -> None:
        self.drawing, self.items, self.arrows, self.cards = drawing, items.items, items.arrows, cards
        forward = [pair for pair, arrow in self.arrows.items() if not arrow.back]
        self.beside = beside([(item.leaf, item.kind == 'parameters') for item in self.items], forward)
        across = drawing.graph_attr['rankdir'] in ('LR', 'RL')
        self.row_of = rows([size(item) for item in self.items], forward, self.beside,
                           [item.path for item in self.items]) if across else [0] * len(self.items)
        self.together = {f' {user}' for user in self.beside.values()}
        self.lit = lit
        for a in lit:
            lit += [b for tail, b in self.arrows if tail == a and b not in lit]
        self.tags: dict[int, str] = {}
        for a, b in self.arrows:
            if self.row_of[a] != self.row_of[b] and a not in self.tags:
                self.tags[a] = _letters(len(self.tags))

    def draw(self) -> None:
        """Every row, and every arrow."""
        for row in range(max(self.row_of), -1, -1):  # Graphviz piles up from the bottom
            self._row(row)
        signs: set[str] = set()
        for (a, b), arrow in self.arrows.items():
            tail = f'b{a}'
            if self.row_of[a] != self.row_of[b]:
                tail = f'sign{a}_{self.row_of[b]}'
                if tail not in signs:
                    signs.add(tail)
                    self.drawing.node(tail, _sign(self.tags[a], self.items[a].called(within=False)
                                                  or self.items[a].rows[-1].step))
            self.drawing.edge(tail, f'b{b}', **self._look(arrow, a, b))

    def _look(self, arrow: Link, a: int, b: int) -> dict[str, str]:
        """An arrow's attributes: double for several edges, bold for a way back, a letter for which operand it is."""
        look = {'color': f'{FAINT}:{PAPER}:{FAINT}'} if arrow.count > 1 else {}
        if arrow.marks:
            look |= {'headlabel': ', '.join(dict.fromkeys(arrow.marks)), 'labeldistance': '1.4'}
            look |= {'labelangle': '70'} if self.beside.get(a) == b else {}
        if arrow.back:
            look |= {'color': INK, 'style': 'bold', 'constraint': 'false', 'label': 'again', 'tailport': 'n',
                     'headport': 'n'}
        return look | (BOLD if a in self.lit else {})

    def _row(self, row: int) -> None:
        """The items of a row, in the frames of their modules."""
        around: Path = ()
        for path, i in sorted((self._frames(i), i) for i, own in enumerate(self.row_of) if own == row):
            shared = _shared(around, path)
            self.drawing.body += ['}\n'] * (len(around) - shared)
            for level in range(shared, len(path)):
                frame = f'style="rounded,filled" fillcolor="{FRAME}" color="{FRAME_LINE}" labeljust=l fontsize=13'
                look = 'label="" peripheries=0 margin=0' if path[level] in self.together else (
                    f'label=<<b>{text(path[level])}</b>> {frame}')
                self.drawing.body.append(f'subgraph "cluster {row} {".".join(path[:level + 1])}" {{\n{look}\n')
            around = path
            self.drawing.node(f'b{i}', self.cards.card(self.items[i], self.tags.get(i, '')))
            if i in self.beside:
                self.drawing.body.append(f'{{ rank=same b{i} b{self.beside[i]} }}\n')
        self.drawing.body += ['}\n'] * len(around)

    def _frames(self, i: int) -> Path:
        """What is around an item: the frames of its modules, and one unseen that keeps leaves beside their use."""
        user = self.beside.get(i, i)
        path = self.items[i].path
        together = f' {user}'
        return (*path, together) if together in self.together and path == self.items[user].path else path


def _shared(path: Path, other: Path) -> int:
    """How many modules two paths have in common."""
    level = 0
    while level < min(len(path), len(other)) and path[level] == other[level]:
        level += 1
    return level


def _letters(number: int) -> str:
    """A, B, … Z, A1, B1, …"""
    return chr(ord('A') + number % 26) + (str(number // 26) if number >= 26 else '')


def _sign(tag: str, name: str) -> str:
    """Where an arrow comes in that has left another row."""
    return (f'<<table border="1" style="rounded" cellborder="0" cellspacing="0" cellpadding="3" color="{FAINT}" '
            f'bgcolor="{PAPER}"><tr><td><b>{tag}</b>\u00a0{text(name)}</td></tr></table>>')
