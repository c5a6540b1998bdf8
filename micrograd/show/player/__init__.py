"""The step player: the forward and the backward pass of a graph as one self-contained HTML page, a step at a time.

The picture is draw.py's, the arithmetic that of formulas.py: the page computes with the text of its rows.
"""

from __future__ import annotations

import functools
import html
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from micrograd.engine import Constant, Value
from micrograd.graph.formulas import Formula
from micrograd.graph.gradients import row_of
from micrograd.graph.javascript import IN_JAVASCRIPT, javascript
from micrograd.show.look import printable
from micrograd.show.names import Names, names_of, uses
from micrograd.show.notation import PLAIN
from micrograd.show.page import Page, document, fill, graph_of, texts
from micrograd.show.player.frames import finished, pictures_of
from micrograd.show.player.rows import drawn
from micrograd.show.still import LARGEST, still

SCRIPTS = ('arithmetic.js', 'passes.js', 'words.js', 'picture.js', 'inputs.js', 'quiz.js', 'player.js')
WIDEST = -0.8888  # a number that takes as much room in the picture as most


@dataclass(frozen=True)
class Player(Page):
    """What `play` made.

    svg, data: the picture, and what the page computes with; both stand in the page, too.
    """

    title = 'Backpropagation, step by step'
    svg: str = field(default='', repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def frames(self, folder: str | Path = '.', *, max_steps: int = 200) -> list[Path]:
        """The steps as pictures for slides, the same as in the page: 001.svg, 002.svg, … in a folder that is made where
        it is not there, each with its line of mathematics; and steps.gif, which moves, where Pillow is installed.

        Returns the paths. ValueError for more than max_steps steps.

        >>> w = Value(3.0, label='w')
        >>> [path.name for path in play(w * w).frames('slides')][:3]
        ['001.svg', '002.svg', '003.svg']
        """
        pictures = list(pictures_of(self.svg, self.data, max_steps))
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f'{k:03}.svg' for k in range(1, len(pictures) + 1)]
        for path, picture in zip(paths, pictures, strict=True):
            path.write_bytes(ElementTree.tostring(picture, encoding='utf-8'))
        if find_spec('PIL'):
            from micrograd.show.player.animation import save_gif  # Pillow is there for those who have it
            paths.append(save_gif(pictures, folder / 'steps.gif'))
        return paths

    def still(self) -> str:
        name = self.data['nodes'][-1]['name']
        return still(finished(self.svg, self.data) if len(self.svg) < LARGEST else None,
                     f'The graph of {name}, with its numbers and its gradients',
                     f'The step player of {name}: trust this notebook, or run this cell again, and it plays here.')


def play(output: Value, *, names: Mapping[str, object] | bool = True, max_operations: int = 500) -> Player:
    """The player of the graph of `output`: each operation forward, then each edge backward, with live inputs.

    names: Values without a label are called by the variables in this mapping that hold them; True stands for the
    caller's own variables, False for none. max_operations: how many operations the graph may have at the most.

    A picture that is too long to be read at once goes on in a second row, where arrows begin with the name of a value
    in the first. The page computes every number itself, from those that the leaves have now; the graph stays as it is,
    and needs no `backward()`.
    TypeError where output is no Value; ValueError for a graph of more than max_operations, for a leaf
    or an exponent that is not finite, and for an operation that is not the engine's, of which no formula is known.

    >>> w, x = Value(1.0), Value(2.0)
    >>> player = play((w * x - 3)**2)  # in a notebook, write it last in a cell to see it
    >>> player.save('backprop.html').name
    'backprop.html'
    """
    order = graph_of(output, max_operations, 'play shows the graph of one output, a Value',
                     'play a part of it, such as one neuron or the loss of one sample')
    named = names_of(order, names, depth=1)
    svg = drawn(_stand_in(order, {node: '' if node in named.numbers else named[node] for node in order}))
    data = _data(order, named)
    title = html.escape(f'{printable(named[output])}, step by step')
    page = document(title, fill(texts(__package__, 'page.html'), {'title': title, 'svg': svg}),
                    texts(__package__, 'player.css'), data, javascript(IN_JAVASCRIPT) + texts(__package__, *SCRIPTS))
    points = re.search(r'<svg [^>]*height="(\d+)', svg)
    return Player(page, min(660, max(600, 400 + int(points[1]))) if points else 660, svg, data)


def _stand_in(order: list[Value], labels: Mapping[Value, str]) -> list[Value]:
    """The graph once more, to draw: with a label for each node, and numbers that leave room for those of the page."""
    copies: dict[Value, Value] = {}
    for node in order:
        operands = [copies[operand] for operand in node._prev]
        kind, number = (Constant, node.data) if isinstance(node, Constant) else (Value, WIDEST)
        wide = [WIDEST] * len(operands)
        copy = kind(number, operands, node._op, functools.partial(list, wide), label=labels[node])
        copy.grad = WIDEST
        copies[node] = copy
    return [copies[node] for node in order]


def _data(order: list[Value], named: Names) -> dict[str, Any]:
    """What the page computes with: the nodes in topological order, and the rows of their operations, each once."""
    numbered = {node: i for i, node in enumerate(order)}
    rows: dict[Formula, int] = {}
    nodes = []
    for node in order:
        kind = 'result' if node._prev else 'constant' if isinstance(node, Constant) else 'leaf'
        entry: dict[str, Any] = {'kind': kind, 'name': named[node], 'op': node._op}
        if (atom := named.atom(node)) != named[node]:
            entry |= {'atom': atom}
        if node._op in ('**inf', '**-inf', '**nan'):
            raise ValueError(f'{named[node]} has the exponent {node._op[2:]}, and play computes with finite numbers')
        if node._prev:
            row = rows.setdefault(row_of(node), len(rows))
            entry |= {'row': row, 'operands': [numbered[operand] for operand in node._prev], 'uses': uses(node),
                      'formula': named.formula(node).text}
        elif math.isfinite(node.data):
            entry |= {'data': node.data}
        else:
            raise ValueError(f'{named[node]} is {node.data}, and play computes with finite numbers: change it first')
        nodes.append(entry)
    return {'nodes': nodes, 'rows': [asdict(row) for row in rows], 'calls': dict(PLAIN.calls)}
