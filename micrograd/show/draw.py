"""The picture: the forward graph, annotated with the gradients of the backward pass, drawn by Graphviz."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence

from micrograd.engine import Value
from micrograd.graph.naming import module_paths, node_names, scope
from micrograd.nn import Module
from micrograd.show.boxes import Boxes
from micrograd.show.captions import caption, state_of
from micrograd.show.drawing import Drawing
from micrograd.show.folded import draw_folded
from micrograd.show.layout import Arrow, columns, far_arrows
from micrograd.show.look import BOLD, FAINT, FONT, INK, OPERATION, PAPER, digits, symbol, text, wide
from micrograd.show.names import Names
from micrograd.show.tables import Table, find_tables
from micrograd.show.tips import arrow_tip, node_tip, operation_tip, table_tip

LONGEST_TEXT = 300  # of the names in a description
MOST_LABELS = 300  # beside their arrows; more stand at the heads, which takes Graphviz much less time
SIDES = {'LR': (':w', ':e'), 'TB': (':w', ''), 'RL': (':e', ':w'), 'BT': (':w', '')}  # where arrows meet a table


def draw_dot(root: Value, format: str = 'svg', rankdir: str = 'LR', *,
             names: Mapping[str, object] | bool = True, highlight: Value | None = None,
             max_nodes: int | None = None, tables: bool = True, blank: bool = False, legend: bool = False,
             dpi: float | None = None, fontsize: float = 12, fold: bool | str | None = None,
             max_boxes: int = 100, depth: int | None = None, model: Module | None = None) -> Drawing:
    """Draw the graph of `root`: what it was computed from, with numbers, gradients and local gradients.

    format: 'svg', 'png', or another that the installed `dot` has. rankdir: 'LR', 'TB', 'RL' or 'BT'.
    names: Values without a label are called by the variables in this mapping that hold them; True stands for the
    caller's own variables, False for none.
    highlight: a Value whose paths to the root are drawn bold, the ones that `explain(root, highlight)` writes out.
    max_nodes: how many Values are drawn at the most, by default 500, or 100 in a format of pixels, which takes longer.
    tables: whether a `dot` of three pairs or more, its bias and its activation are drawn as one table; where False,
    every Value has a box of its own.
    blank: whether results, gradients and local gradients are left empty, to be filled in on paper.
    legend: whether it is written below what colours, frames and the numbers on arrows mean.
    fold: whether Values that do the same job are one box: None where there are more than max_nodes, True or 'layers',
    or False. 'samples' keeps each parameter apart; 'time' rolls a recurrence up, which is else done beyond max_boxes.
    depth: of a folded picture, how many modules deep it looks: each deeper one is a single box.
    model: the module whose parameters name and frame the boxes; by default any that `names` has.
    dpi: the dots to an inch of a picture in pixels, by default 96. fontsize: of the letters, in points.

    Returns a `graphviz.Digraph`: Jupyter shows it, `.render('graph')` and `.pipe()` draw it, `.source` is its DOT
    text, the same for the same graph. Below the picture it says where its numbers are not what they seem: where an
    input was changed after the forward pass, and where gradients are not those of one `root.backward()`.
    TypeError where root is no Value or model no Module; ValueError for a graph of more than max_nodes with fold=False,
    or an unknown format, rankdir, fold or size.

    >>> w, x = Value(1.0), Value(2.0)
    >>> picture = draw_dot((w * x - 3)**2)  # in a notebook, write it last in a cell to see it
    >>> picture.save('loss.gv')  # the DOT text; picture.render('loss') draws it into loss.svg
    'loss.gv'
    """
    if not isinstance(root, Value):
        raise TypeError(f'draw_dot draws the graph of one Value, not of a {type(root).__name__}: pass one output')
    if model is not None and not isinstance(model, Module):
        raise TypeError(f'model is a Module, whose parameters name the boxes, not a {type(model).__name__}')
    drawing = _canvas(format, rankdir, dpi, fontsize)
    order = root.topological_order()
    if highlight is not None and highlight not in set(order):
        raise ValueError(f'highlight is a Value of the graph that is drawn, not {highlight!r}')
    if max_nodes is None:
        max_nodes = 500 if format in ('svg', 'pdf', 'ps', 'json', 'plain', 'dot') else 100
    if len(order) > max_nodes and fold is False:
        raise ValueError(
            f'this graph has {len(order):,} values, more than max_nodes={max_nodes:,}: draw a part of it, such as one '
            'neuron or the loss of one sample; or leave out fold=False; or pass a larger max_nodes, take time, and '
            'prefer SVG to PNG')
    called = node_names(order, names, depth=1)
    state = state_of(order, called, scope(names, depth=1))
    if fold or (fold is None and len(order) > max_nodes):
        if blank:
            raise ValueError(f'a page to fill in has a box for each value, and this graph has {len(order):,}: '
                             'draw a part of it, or pass fold=False and a larger max_nodes')
        modules = module_paths(order, names if model is None else {'model': model}, depth=1)
        return draw_folded(drawing, order, called, modules, state, how=fold or True, max_boxes=max_boxes, depth=depth,
                           highlight=highlight, legend=legend)
    if below := caption([], [], legend) if blank else caption(state.facts, state.warnings, legend):
        drawing.attr(label=below)
    boxes = Boxes(order, called, state, blank, fontsize)
    _Picture(drawing, order, boxes, find_tables(order) if tables else {}, highlight).draw()
    return drawing


def _canvas(format: str, rankdir: str, dpi: float | None, fontsize: float) -> Drawing:
    """An empty drawing, in the colours and letters of all."""
    if rankdir not in SIDES:
        raise ValueError(f'rankdir is one of {tuple(SIDES)}, not {rankdir!r}')
    for name, size in (('dpi', dpi), ('fontsize', fontsize)):
        if size is not None and not 0 < size < math.inf:
            raise ValueError(f'{name} is a number above 0, not {size}')
    small = f'{fontsize * 11 / 12:g}'
    return Drawing(format=format, dpi=dpi, graph_attr={
        'rankdir': rankdir, 'bgcolor': PAPER, 'pad': '0.15', 'nodesep': '0.2', 'ranksep': '0.35',
        'fontname': FONT, 'fontsize': small, 'fontcolor': FAINT,
    }, node_attr={'shape': 'plain', 'fontname': FONT, 'fontsize': f'{fontsize:g}', 'fontcolor': INK, 'color': INK},
        edge_attr={'fontname': FONT, 'fontsize': small, 'fontcolor': INK, 'color': FAINT, 'arrowsize': '0.7'})


def draw_rows(order: Sequence[Value], rows: Mapping[Value, int]) -> list[Drawing]:
    """A graph as `draw_dot` draws it without tables, row by row, and denser: an arrow from one row to another is cut
    short."""
    order, called, drawings = list(order), node_names(order, {}, depth=1), []
    boxes = Boxes(order, called, state_of(order, called, {}), padding=2)
    cut = {(node, place) for node in order for place, operand in enumerate(node._prev) if rows[operand] != rows[node]}
    for row in sorted(set(rows.values())):
        drawings.append(_canvas('svg', 'LR', None, boxes.size))
        picture = _Picture(drawings[-1], order, boxes, {}, None)
        picture.cut(cut)
        picture.draw({node for node in order if rows[node] == row})
    return drawings


class _Picture:
    """A graph on its way into a drawing: which boxes there are, and which arrows lead where."""

    def __init__(self, drawing: Drawing, order: list[Value], boxes: Boxes, tables: dict[Value, Table],
                 highlight: Value | None) -> None:
        self.drawing, self.order, self.boxes, self.tables = drawing, order, boxes, tables
        self.number = {node: i for i, node in enumerate(order)}
        self.names = Names(order, boxes.called)
        self.far: set[Arrow] = set()
        self.cut(far_arrows(order, self.box))
        self.lit = self._paths_from(highlight)
        self.label = 'label' if sum(len(node._prev) for node in order) <= MOST_LABELS else 'headlabel'
        rankdir = drawing.graph_attr['rankdir']
        self.into, self.out = SIDES[rankdir]
        if tables and rankdir in ('TB', 'BT'):
            drawing.graph_attr['nodesep'] = '0.8'  # for the labels beside tables

    def cut(self, arrows: set[Arrow]) -> None:
        """Cut arrows short: where one begins, the name of its operand stands."""
        self.far |= arrows
        unnamed = {node._prev[place] for node, place in arrows} - set(self.boxes.called)
        self.boxes.called = {**self.boxes.called} | {node: self.names[node] for node in self.order if node in unnamed}

    def box(self, node: Value) -> Value:
        """The Value in whose box this one is drawn: itself, or the result of its table."""
        return self.tables[node].result if node in self.tables else node

    def _paths_from(self, start: Value | None) -> set[tuple[Value, int]]:
        """The arrows, each a node and the place of an operand, on the paths from `start` to the root that are alive:
        on which no local gradient is 0."""
        if start is None:
            return set()
        reached, alive = {start}, {self.order[-1]}
        arrows = [(node, place, operand) for node in self.order for place, operand in enumerate(node._prev)
                  if self.boxes.locals[node][place]]
        for node, _, operand in arrows:
            if operand in reached:
                reached.add(node)
        for node, _, operand in reversed(arrows):
            if node in alive:
                alive.add(operand)
        return {(node, place) for node, place, operand in arrows if operand in reached and node in alive}

    def draw(self, part: Collection[Value] = ()) -> None:
        """Add the boxes and the arrows to the drawing, those of a part where one is given, and say what it shows."""
        root, leaves = self.order[-1], [node for node in self.order if not node._prev]
        self.drawing.title = f'The graph of {self.boxes.called.get(root) or "a value"}'
        self.drawing.description = (
            f'{len(self.order):,} values, {len(self.order) - len(leaves):,} operations. '
            f'{self.boxes.called.get(root) or "The result"} '
            f'is {"to be computed" if self.boxes.blank else digits(root.data)}, from '
            + ', '.join(self.boxes.called[leaf] for leaf in leaves if leaf in self.boxes.called)[:LONGEST_TEXT])
        computed = self.boxes.state.computed
        for node in (node for node in self.order if not part or node in part):
            name, table = f'v{self.number[node]}', self.tables.get(node)
            if table is None:
                self.drawing.node(name, self.boxes.box(node), tooltip=node_tip(node, self.names, computed))
                if node._prev:
                    self._operation(node)
            elif node is table.result:
                self.drawing.node(name, self.boxes.table(table), tooltip=table_tip(table, self.names, computed))
                self._inputs(table, name)
        for column in columns(self.order, self.box, {table.result: table.kind for table in self.tables.values()}):
            with self.drawing.subgraph() as same:
                same.attr(rank='same')
                for above, below in itertools.pairwise(column):
                    same.edge(f'v{self.number[above]}', f'v{self.number[below]}', style='invis')

    def _operation(self, node: Value) -> None:
        """The oval of the operation that made a node, and the arrows to it and from it."""
        i, sign = self.number[node], symbol(node._op)
        size = self.boxes.size
        look = {'width': f'{max(0.4, 0.25 * wide(node._op)) * size / 12:.2g}', 'height': f'{size / 30:.2g}',
                'margin': '0.06,0.03'}
        if sign in ('·', '+', '−', '/'):
            look |= {'fixedsize': 'true', 'fontsize': f'{size * (2 if sign == "·" else 4 / 3):g}'}
        self.drawing.node(f'op{i}', f'<{text(sign) or "?"}>', shape='oval', style='filled', fillcolor=OPERATION,
                          tooltip=operation_tip(node, self.names), **look)
        places = range(len(node._prev))
        self.drawing.edge(f'op{i}', f'v{i}', **(BOLD if any((node, place) in self.lit for place in places) else {}))
        for place in places:
            self._arrow(node, place, f'op{i}', {self.label: self.boxes.local(node, place)})

    def _inputs(self, table: Table, name: str) -> None:
        """The arrows into a table's rows, from what lives elsewhere."""
        shown = {place for pair in table.rows[0] + table.rows[2] for place in pair}
        for place, operand in enumerate(table.dot._prev):
            if operand not in table.own:
                port = f'p{place}' if place in shown else 'more'
                label = {'headlabel': self.boxes.local(table.dot, place), 'labeldistance': '2.6', 'labelangle': '-14'}
                self._arrow(table.dot, place, f'{name}:{port}{self.into}', label if place in shown else {}, minlen='2')

    def _arrow(self, node: Value, place: int, head: str, label: dict[str, str], **look: str) -> None:
        """The arrow from an operand to where it is used, or from a stand-in where that is far; dashed where dead."""
        operand = node._prev[place]
        tail = f'v{self.number[operand]}'
        if (node, place) in self.far:
            tail = f'far{self.number[node]}_{place}'
            self.drawing.node(tail, f'<{text(self.boxes.called[operand])}>', shape='box', style='dotted',
                              fontcolor=FAINT, color=FAINT, height='0.2', width='0.2', margin='0.06,0.04',
                              tooltip=node_tip(operand, self.names, self.boxes.state.computed))
        elif operand in self.tables:
            tail += f':out{self.out}'
        dead = not self.boxes.blank and self.boxes.locals[node][place] == 0
        look |= BOLD if (node, place) in self.lit else {'style': 'dashed'} if dead else {}
        tip = arrow_tip(node, place, self.boxes.locals[node][place], self.names)
        self.drawing.edge(tail, head, **label, **look, tooltip=tip, labeltooltip=tip)
