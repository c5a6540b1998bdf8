"""The pictures of a playground: a network's, or the folded one of any other graph, and which numbers stand in that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from micrograd.engine import Value
from micrograd.nn import MLP, Layer, Module, Neuron
from micrograd.show.draw import draw_dot
from micrograd.show.drawing import Drawing
from micrograd.show.network import draw_network
from micrograd.show.playground.graph import probes_code

ROOMS = ('−0.00888', '−0.0088 … 0.0088')  # stand for a gradient, and for several, until the page has them


class Picture:
    """The picture of a graph, in which each row of each card has the range of the numbers of some Values."""

    def __init__(self, loss: Value, names: Mapping[Value, str], model: Module | None) -> None:
        self.loss = loss
        root = Value(loss.data, loss._prev, loss._op, label=names.get(loss, ''))  # whose gradient is the page's
        self.drawing = draw_dot(root, names={name: value for value, name in names.items()}, fold=True, model=model)
        self.drawing.attr(label='')  # gradients are the page's, not Python's
        shown = self.drawing._shown
        wide = self.drawing.copy()  # with room for gradients
        wide.title, wide.description = self.drawing.title, self.drawing.description
        wide.body = [re.sub(r'–(?=</td>)', ROOMS[any(len(row) > 1 for row in shown[int(card[1])])], line)
                     if (card := re.match(r'\s*b(\d+) \[', line)) else line for line in wide.body]
        svg = _svg(wide)
        self.svg = svg[svg.find('<svg'):]
        self.cards = [[[loss if value is root else value for value in row] for row in rows]
                      for rows in (shown if svg else ())]

    def code(self, inputs: Sequence[Value], params: Sequence[Value]) -> str:
        """A function PICTURE of the inputs and parameters, as `probes_code` describes it."""
        return probes_code('PICTURE', self.loss, self._results(), [*inputs, *params])

    def data(self, inputs: Sequence[Value], params: Sequence[Value]) -> list[list[dict[str, list[int]]]]:
        """Of each row the places of its parameters, inputs and results; the range of numbers does not change."""
        places = {'p': params, 'x': inputs, 'v': self._results()}
        found = {value: (kind, i) for kind, values in places.items() for i, value in enumerate(values)}
        cards: list[list[dict[str, Any]]] = []
        for rows in self.cards:
            cards.append([])
            for row in rows:
                entry: dict[str, list[int]] = {}
                for value in row:
                    if value in found:
                        kind, i = found[value]
                        entry.setdefault(kind, []).append(i)
                cards[-1].append(entry)
        return cards

    def _results(self) -> list[Value]:
        return [value for rows in self.cards for row in rows for value in row if value._prev]


def network(model: Module | None, names: Sequence[str]) -> Drawing | None:
    """The diagram of a network, with the names of its inputs where there is one for each; None of anything else."""
    if not isinstance(model, (MLP, Layer, Neuron)):
        return None
    try:
        return draw_network(model, names)
    except ValueError:
        return draw_network(model)


def laid_out(drawing: Drawing | None) -> Element | None:
    """The root of a drawing's SVG; None where there is no `dot`, and nothing to draw."""
    svg = _svg(drawing) if drawing is not None else ''
    return fromstring(svg[svg.find('<svg'):]) if svg else None


def _svg(drawing: Drawing) -> str:
    try:
        svg: str = drawing.pipe('svg', encoding='utf-8')
    except RuntimeError:  # no `dot`: a page without a picture
        return ''
    return svg
