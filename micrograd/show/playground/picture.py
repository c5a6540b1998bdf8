"""The folded picture of a graph that is no network of layers, and which numbers stand where in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from micrograd.engine import Value
from micrograd.nn import Module
from micrograd.show.draw import draw_dot
from micrograd.show.playground.graph import outputs_code

MOST_RESULTS = 2000  # results whose numbers a page computes for its picture


class Picture:
    """The picture of a graph, in which each row of each card has the range of the numbers of some Values."""

    def __init__(self, loss: Value, names: Mapping[Value, str], model: Module | None) -> None:
        root = Value(loss.data, loss._prev, loss._op, label=names.get(loss, ''))  # whose gradient is the page's
        drawing = draw_dot(root, names={name: value for value, name in names.items()}, fold=True, model=model)
        try:
            svg = drawing.pipe('svg', encoding='utf-8')
        except RuntimeError:  # no `dot`: a page without a picture
            svg = ''
        self.svg = svg[svg.find('<svg'):]
        self.cards = [[[loss if value is root else value for value in row] for row in rows]
                      for rows in (drawing._shown if svg else ())]

    def code(self, inputs: Sequence[Value], params: Sequence[Value]) -> str:
        """A function PICTURE of the inputs and parameters, for the results; null where they are too many."""
        results = self._results()
        return outputs_code('PICTURE', results if len(results) <= MOST_RESULTS else [], [*inputs, *params])

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
