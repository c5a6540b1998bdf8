"""The network: the textbook's diagram of a neuron, a layer or an MLP, with a line for each weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import graphviz

from micrograd.engine import Constant, Value
from micrograd.graph.naming import short
from micrograd.nn import MLP, Layer, Module, Neuron
from micrograd.show.drawing import Drawing
from micrograd.show.look import FAINT, FONT, INK, PAPER, colour, printable, wide
from micrograd.show.notation import PLAIN

SHOWN = ('weights', 'grads')
MOST_CIRCLES, FIRST, LAST = 12, 6, 3  # circles of a column; of a longer one the first, ⋮, the last
CIRCLE, ROW, WIDEST = 46, 54, 4  # points: across a circle, from one to the next below, the widest line
SUBSCRIPTS = str.maketrans('0123456789', '₀₁₂₃₄₅₆₇₈₉')
TEXT = {'shape': 'plain', 'penwidth': '0', 'fillcolor': 'none', 'fixedsize': 'false', 'width': '0', 'height': '0'}
Input = Value | float | str


class Shown:
    """Which number of the parameters is shown, and how large they are: the largest weight has the widest line."""

    def __init__(self, model: Module, what: str) -> None:
        self.what = what
        self.weight = self.bias = 0.0
        for path, parameter in model.named_parameters():
            size = abs(self.number(parameter))
            if not math.isfinite(size):
                continue
            if path.split('.')[-1] == 'b':
                self.bias = max(self.bias, size)
            else:
                self.weight = max(self.weight, size)

    def number(self, parameter: Value) -> float:
        return parameter.data if self.what == 'weights' else parameter.grad or 0.0

    def line(self, weight: Value, path: str) -> dict[str, str]:
        """How the line of a weight looks."""
        number = self.number(weight)
        if not math.isfinite(number):
            look = {'color': INK, 'style': 'dotted', 'penwidth': '2'}
        elif number == 0:
            look = {'color': FAINT, 'style': 'dotted', 'penwidth': '0.7'}
        else:
            look = {'color': colour(math.copysign(1.0, number), 1.0), 'style': 'solid' if number > 0 else 'dashed',
                    'penwidth': f'{0.5 + (WIDEST - 0.5) * abs(number) / self.weight:.2f}'}
        return look | {'tooltip': _tip(weight, path)}

    def circle(self, bias: Value, path: str) -> dict[str, str]:
        """How the circle of a bias looks."""
        return {'fillcolor': colour(self.number(bias), self.bias), 'tooltip': _tip(bias, path)}

    def caption(self, circles: str = '') -> str:
        """What widths, colours and circles mean, in two lines. circles: what is in them, with {} before the biases."""
        if self.what == 'grads' and not self.weight and not self.bias:
            return 'gradients not computed yet: call backward()'
        of = '' if self.what == 'weights' else 'gradients of '
        return (f'{of}weights: blue, solid above 0; orange, dashed below;\n'
                f'the widest line is {_brief(self.weight)}' + f'; in the circles: {circles.format(of)}' * bool(circles))


def draw_network(model: Module, inputs: Sequence[Input] | None = None, show: str = 'weights', *,
                 format: str = 'svg') -> Drawing:
    """Draw the textbook's diagram of a network: circles in columns, a line for each weight, biases in the circles.

    model: an `MLP`, a `Layer` or a `Neuron`; a single neuron is drawn as the classical figure of Σ + b, f and ŷ.
    inputs: their names, as a list of texts; or a list of numbers or Values (whose label is the name), with which the
    model is run, and each circle shows its activation.
    show: 'weights', or 'grads' for the gradients of the parameters. A line is the wider the larger the number, blue
    and solid above 0, orange and dashed below. Of a column of more than 12 circles the first and the last are drawn.

    Returns a `graphviz.Digraph`, as `draw_dot` does. TypeError for any other model, and for inputs that are neither
    all texts nor all numbers; ValueError for another number of inputs than the model takes, or an unknown show.

    >>> from micrograd import draw_network, nn
    >>> draw_network(nn.MLP(2, [4, 1]), ['height', 'weight']).source.count('neurons.0.w.')  # in both layers
    6
    """
    if not isinstance(model, (MLP, Layer, Neuron)):
        raise TypeError(f'draw_network draws an MLP, a Layer or a Neuron, not a {type(model).__name__}; of any other '
                        'model draw the graph of its loss: draw_dot(loss, fold=True)')
    if show not in SHOWN:
        raise ValueError(f'show is one of {SHOWN}, not {show!r}')
    shown = Shown(model, show)
    drawing = Drawing('network', format=format, engine='neato', title=_title(model),
                      description=shown.caption('' if isinstance(model, Neuron) else '{}biases'), graph_attr={
        'layout': 'neato', 'inputscale': '72', 'splines': 'line', 'outputorder': 'edgesfirst', 'bgcolor': PAPER,
        'pad': '0.15', 'fontname': FONT, 'fontsize': '11', 'fontcolor': FAINT,
    }, node_attr={'shape': 'circle', 'fixedsize': 'true', 'width': f'{CIRCLE / 72:.3f}', 'style': 'filled',
                  'fillcolor': PAPER, 'color': INK, 'fontname': FONT, 'fontsize': '11', 'fontcolor': INK},
        edge_attr={'arrowhead': 'none', 'arrowsize': '0.7', 'color': INK})
    first = model if isinstance(model, Neuron) else (model if isinstance(model, Layer) else model.layers[0]).neurons[0]
    names, numbers = _inputs(inputs, len(first.w), model)
    (_neuron if isinstance(model, Neuron) else _layers)(drawing, model, names, numbers, shown)  # type: ignore[arg-type]
    return drawing


def _title(model: MLP | Layer | Neuron) -> str:
    if isinstance(model, Neuron):
        return f'A neuron of {len(model.w)} inputs'
    layers = [model] if isinstance(model, Layer) else model.layers
    widths = [len(layers[0].neurons[0].w), *(len(layer.neurons) for layer in layers)]
    return f'A network of {" → ".join(map(str, widths))}'


def _inputs(inputs: Sequence[Input] | None, count: int, model: Module) -> tuple[list[str], list[Value]]:
    """The names of the inputs; and their numbers, where they are given."""
    names = [_indexed('x', i, count) for i in range(count)]
    if inputs is None:
        return names, []
    given = list(inputs)
    if len(given) != count:
        raise ValueError(f'{model} takes {count} inputs, not {len(given)}')
    if all(isinstance(item, str) for item in given):
        return [str(item) for item in given], []
    numbers = [item if isinstance(item, Value) else Constant(item) for item in given if isinstance(item, (Value, Real))]
    if len(numbers) < count:
        raise TypeError('inputs are texts, which name them, or numbers or Values, with which the model is run; not '
                        + ', '.join(sorted({type(item).__name__ for item in given})))
    return [number.label or name for name, number in zip(names, numbers, strict=True)], numbers


# ---- One neuron: the classical figure ----

def _neuron(drawing: Drawing, neuron: Neuron, names: list[str], numbers: list[Value], shown: Shown) -> None:
    """x₁ … xₙ, w₁ … wₙ, Σ + b, f, ŷ."""
    is_ = ' =' if shown.what == 'weights' else ' grad'
    _sources(drawing, names, numbers)
    places = _places(len(names))
    far = max(180.0, 0.7 * len(places) * ROW)
    drawing.node('sum', _label('Σ + b', f'b{is_} {_brief(shown.number(neuron.b))}'), pos=_at(far, 0), width='1.05',
                 **shown.circle(neuron.b, 'b'))
    for y, i in places:
        if i is not None:
            path, number = f'w.{i}', _brief(shown.number(neuron.w[i]))
            drawing.edge(f'x{i}', 'sum', **shown.line(neuron.w[i], path))
            drawing.node(path, f'{_indexed("w", i, len(names))}{is_} {number}', pos=_at(0.42 * far, 0.58 * y),
                         tooltip=_tip(neuron.w[i], path), **(TEXT | {'fillcolor': PAPER}))
    drawing.node('f', _label('f', neuron.activation or 'linear'), pos=_at(far + 140, 0), width='0.75')
    drawing.edge('sum', 'f', arrowhead='normal')
    if numbers:
        total = sum(w.data * x.data for w, x in zip(neuron.w, numbers, strict=True)) + neuron.b.data
        drawing.node('total', _brief(total), pos=_at(far + 73, 10), **TEXT)
    _answer(drawing, 'f', 'ŷ', _brief(neuron(numbers).data) if numbers else '', far + 167, 0)
    drawing.attr(label=shown.caption())


# ---- Layers ----

def _layers(drawing: Drawing, model: Layer | MLP, names: list[str], numbers: list[Value], shown: Shown) -> None:
    """The inputs, then each layer, in columns around one middle line."""
    layers = {'': model} if isinstance(model, Layer) else {f'layers.{i}': layer for i, layer in enumerate(model.layers)}
    tallest = max(len(_places(width)) for width in [len(names), *(len(layer.neurons) for layer in layers.values())])
    apart, top = max(130.0, 0.35 * tallest * ROW), 0.5 * tallest * ROW + 14
    _sources(drawing, names, numbers)
    drawing.node('inputs', _label('inputs', str(len(names))), pos=_at(0, top), **TEXT)
    sources = {i: f'x{i}' for _, i in _places(len(names)) if i is not None}
    values, x = numbers, 0.0
    for path, layer in layers.items():
        x += apart
        activation = layer.neurons[0].activation or 'linear'
        drawing.node(f'{path} title', _label(path or 'layer', f'{len(layer.neurons)} · {activation}'),
                     pos=_at(x, top), **TEXT)
        values = _outputs(layer, values) if numbers else []
        drawn = {}
        for y, i in _places(len(layer.neurons)):
            if i is None:
                drawing.node(f'{path} more', '⋮', pos=_at(x, y), fontsize='20', **TEXT)
                continue
            drawn[i] = name = f'{path}.neurons.{i}'.strip('.')
            neuron = layer.neurons[i]
            bias = _brief(shown.number(neuron.b))
            two = {'label': _label(_brief(values[i].data), f'b {bias}'), 'fontsize': '9'} if values else {'label': bias}
            drawing.node(name, pos=_at(x, y), **two, **shown.circle(neuron.b, f'{name}.b'))
            for j, source in sources.items():
                drawing.edge(source, name, **shown.line(neuron.w[j], f'{name}.w.{j}'))
        sources = drawn
    count = len(layer.neurons)
    for y, i in _places(count):
        if i is not None:
            _answer(drawing, sources[i], _indexed('ŷ', i, count), '', x + CIRCLE / 2, y)
    drawing.attr(label=shown.caption('activations, {}biases b' if numbers else '{}biases'))


def _outputs(layer: Layer, inputs: list[Value]) -> list[Value]:
    """What a layer makes of its inputs, as a list even if it is one."""
    outputs = layer(inputs)
    return outputs if isinstance(outputs, list) else [outputs]


# ---- What both have ----

def _places(count: int) -> list[tuple[float, int | None]]:
    """The height and the index of each circle of a column, from the top; None is the place of ⋮."""
    indices: list[int | None] = [*range(count)]
    if count > MOST_CIRCLES:
        indices[FIRST:count - LAST] = [None]
    return [((len(indices) - 1) / 2 * ROW - row * ROW, i) for row, i in enumerate(indices)]


def _sources(drawing: Drawing, names: list[str], numbers: list[Value]) -> None:
    """The column of the inputs: in the circle its number, else its name, which stands before it if it is long."""
    outside = bool(numbers) or max(map(len, names)) > 4
    for y, i in _places(len(names)):
        if i is None:
            drawing.node('inputs more', '⋮', pos=_at(0, y), fontsize='20', **TEXT)
            continue
        inside = _brief(numbers[i].data) if numbers else '' if outside else _label(names[i])
        drawing.node(f'x{i}', inside, pos=_at(0, y), color=FAINT, tooltip=f'input {i}')
        if outside:
            _beside(drawing, f'x{i} name', names[i], 'r', -CIRCLE / 2 - 6, y)


def _answer(drawing: Drawing, source: str, name: str, number: str, x: float, y: float) -> None:
    """An arrow that leaves a circle at x, and what comes out."""
    drawing.node(f'{source} end', '', pos=_at(x + 30, y), **(TEXT | {'shape': 'point', 'style': 'invis'}))
    drawing.edge(source, f'{source} end', arrowhead='normal')
    _beside(drawing, f'{source} out', f'{name} = {number}' if number else name, 'l', x + 34, y)


def _beside(drawing: Drawing, node: str, words: str, side: str, x: float, y: float) -> None:
    """A text that ends (side 'r') or begins (side 'l') at x."""
    width = 8 * (len(short(words)) + wide(words)) + 8
    middle = x + (-width if side == 'r' else width) / 2
    drawing.node(node, graphviz.nohtml(f'{_label(words)}\\{side}'), pos=_at(middle, y),
                 **(TEXT | {'shape': 'box', 'fixedsize': 'true', 'width': f'{width / 72:.3f}', 'margin': '0'}))


def _at(x: float, y: float) -> str:
    """A node's place, which the layout keeps."""
    return f'{x:.4g},{y:.4g}!'


def _label(*lines: str) -> str:
    """Lines of any text as themselves in a plain label."""
    escapes = str.maketrans({'\\': r'\\', '&': '&amp;', '\n': ' '})
    label: str = graphviz.nohtml('\n'.join(printable(short(line)).translate(escapes) for line in lines))
    return label


def _indexed(name: str, i: int, count: int) -> str:
    """x₁, or x where it is the only one."""
    return f'{name}{i + 1}'.translate(SUBSCRIPTS) if count > 1 else name


def _brief(number: float) -> str:
    """A number in about six characters, for a circle: 0.12, −0.0034, 5e−7."""
    size = abs(number)
    written = f'{number:.2g}' if size == 0 or 1e-3 <= size < 100 else f'{number:.0f}' if size < 1e4 and size > 1 else (
        f'{number:.0e}'.replace('e+0', 'e').replace('e-0', 'e-').replace('e+', 'e'))
    return PLAIN.minus(written)


def _tip(parameter: Value, path: str) -> str:
    """A parameter's path, and all digits of its number and its gradient."""
    return f'{path} = {parameter.data!r}, grad {parameter.grad or 0.0!r}'
