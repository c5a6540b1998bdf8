"""The playground: any graph with parameters as one self-contained HTML page that trains in the browser.

The page computes with the javascript backend's code of the graph, and moves the parameters as `micrograd.optim` does.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from micrograd.compiler import compile
from micrograd.engine import Value
from micrograd.graph.naming import node_names, numbered_names, short
from micrograd.nn import Module
from micrograd.show.drawing import Drawing
from micrograd.show.look import printable
from micrograd.show.page import Page, document, fill, graph_of, texts
from micrograd.show.playground.data import Columns, orders, samples, split
from micrograd.show.playground.graph import Graph, finite
from micrograd.show.playground.picture import Picture, laid_out, network
from micrograd.show.still import still

OPTIMIZERS = ('sgd', 'momentum', 'adam')
SCRIPTS = ('training.js', 'looks.js', 'charts.js', 'surface.js', 'network.js', 'live.js', 'answer.js', 'playground.js',
           'controls.js')


@dataclass(frozen=True)
class Playground(Page):
    """What `playground` made.

    orders: the indices of the training samples in the order in which the first epochs take them; then they repeat.
    drawing: the network, or the folded graph, as it is before it trains.
    """

    orders: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    drawing: Drawing | None = field(default=None, repr=False)
    title = 'A playground that trains'

    def still(self) -> str:
        return still(laid_out(self.drawing), self.drawing.title if self.drawing else '',
                     'A playground: trust this notebook, or run this cell again, and it trains here.')


def playground(loss: Value, inputs: Sequence[Value], params: Sequence[Value], data: Columns,
               predict: Value | None = None, model: Module | None = None, *, test: Columns | float = 0.0,
               optimizer: str = 'sgd', lr: float = 0.1, momentum: float = 0.9, batch_size: int | None = None,
               seed: int = 0, names: Mapping[str, object] | bool = True, max_operations: int = 10_000) -> Playground:
    """A page that trains the parameters of any graph in the browser, a step at a time or as fast as it goes.

    loss: the graph of the loss of one sample, as for `compile`. inputs: its leaves whose numbers differ from sample to
    sample. params: its leaves to train. data: for each input the sequence of its numbers, or a number for all samples.
    predict: the Value in that graph that is the model's answer; the inputs that it depends on are the features, the
    others targets. With one feature the page draws the curve, with two the decision surface, and with more the
    predictions against the target. model: the module that the parameters belong to, for their names and, of an `MLP`,
    the network's diagram.
    test: data of the same form that is not trained on, or the share of `data` to keep for that, drawn by `seed`.
    optimizer: 'sgd', 'momentum' or 'adam', as in `micrograd.optim`, with `lr` and `momentum` to begin with. batch_size:
    the samples of a step, None for all of them. seed: of the order of the samples, in the page and in `.orders`.
    names: what Values without a label are called, as in `draw_dot`. max_operations: how many the graph may have.

    The graph and its parameters stay as they are; the page has a button for `model.load_state_dict(json.loads(…))`.
    TypeError for what is no Value; ValueError for a graph of more than max_operations, an operation written by hand,
    numbers that are not finite, data that does not fit the inputs, or a predict that is not part of the loss.

    >>> from micrograd import Value, playground
    >>> x, y, w = Value(0, label='x'), Value(0, label='y'), Value(0, label='w')
    >>> page = playground((w * x - y)**2, [x, y], [w], [[1, 2, 3], [2, 4, 6]], predict=None)
    >>> page.save('line.html').name
    'line.html'
    """
    inputs, params = list(inputs), list(params)
    _check(loss, params, predict, model, max_operations)
    settings = _settings(optimizer, lr, momentum, batch_size)
    compile(loss, inputs, params, backend='javascript', names=False)  # which refuses what it cannot translate
    every = list(dict.fromkeys([*loss.topological_order(), *inputs, *params]))
    paths = {parameter: path for path, parameter in model.named_parameters()} if model is not None else {}
    known = node_names(every, names, depth=1) | paths
    named = numbered_names(every, known)
    finite([value for value in every if value not in set(inputs)], named)
    called, place = [named[value] for value in inputs], {value: i for i, value in enumerate(params)}
    trained, tested = split(samples(data, called), test, called, seed)
    graph = Graph(loss, inputs, params, predict, model)
    picture = None if graph.columns or not loss._prev else Picture(loss, known, model)
    taken = orders(len(trained), seed)
    state = graph.data(trained + tested) | {
        'names': [named[value] for value in params], 'inputs': called, 'train': trained, 'test': tested,
        'orders': taken, 'model': repr(model) if model is not None else '', 'settings': settings,
        'state': [place[value] if value in place and named[value] == path else [path, place.get(value), value.data]
                  for value, path in paths.items()] or [*place.values()],
        'cards': picture.data(inputs, params) if picture else [],
    }
    code = graph.code() + (picture.code(inputs, params) if picture else 'const PICTURE = null;\n')
    page = _page(known.get(loss, 'a loss'), code, picture.svg if picture else '', state)
    drawing = picture.drawing if picture else network(model, [called[i] for i in graph.features])
    return Playground(page, 780, tuple(map(tuple, taken)), drawing)


def _check(loss: Value, params: Sequence[Value], predict: Value | None, model: Module | None,
           max_operations: int) -> None:
    """An error for what is no loss to train with."""
    order = graph_of(loss, max_operations, 'playground trains on the loss of one sample, a Value',
                     'give the loss of one sample, not of the whole data')
    if not (predict is None or isinstance(predict, Value)):
        raise TypeError(f'predict is the answer of the model, a Value, not a {type(predict).__name__}: of several give '
                        'one')
    if not (model is None or isinstance(model, Module)):
        raise TypeError(f'model is the Module that the parameters belong to, not a {type(model).__name__}')
    if not params:
        raise ValueError('there are no parameters to train: give model.parameters(), or a list of Values')
    if predict is not None and predict not in set(order):
        raise ValueError('predict is the Value in the graph of the loss that is the answer of the model, and this one '
                         'is not in it')


def _settings(optimizer: str, lr: float, momentum: float, batch_size: int | None) -> dict[str, Any]:
    """What a page begins with."""
    if optimizer not in OPTIMIZERS:
        raise ValueError(f'optimizer is one of {OPTIMIZERS}, not {optimizer!r}')
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f'lr is a finite number above 0, not {lr}')
    if not 0 <= momentum < 1:
        raise ValueError(f'momentum is from 0 to below 1, not {momentum}')
    if batch_size is not None and not (isinstance(batch_size, int) and batch_size > 0):
        raise ValueError(f'batch_size is a whole number of at least 1, or None, not {batch_size!r}')
    return {'optimizer': optimizer, 'lr': lr, 'momentum': momentum, 'batch': batch_size}


def _page(loss: str, code: str, picture: str, state: Mapping[str, Any]) -> str:
    title = html.escape(f'Playground: {printable(short(loss))}')
    return document(title, fill(texts(__package__, 'page.html'), {'title': title, 'picture': picture}),
                    texts(__package__, 'playground.css'), state, code + texts(__package__, *SCRIPTS))
