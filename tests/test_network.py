"""The textbook's diagram of a network: what is in its circles and on its lines, and where they stand."""

import itertools
import math
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from micrograd import Value, draw_network
from micrograd.nn import MLP, Layer, Module, Neuron, mse_loss
from micrograd.show.look import NEGATIVE, POSITIVE

SVG = '{http://www.w3.org/2000/svg}'
BLUE, ORANGE = ('#{:02x}{:02x}{:02x}'.format(*colour) for colour in (POSITIVE, NEGATIVE))


class Picture:
    """The circles and lines of a drawn network, by their names."""

    def __init__(self, drawing) -> None:
        self.root = ET.fromstring(drawing.pipe())
        self.circles: dict[str, ET.Element] = {}
        self.lines: dict[str, dict[str, str]] = {}  # by the parameter's path
        self.lines_from: dict[str, str] = {}
        self.texts: dict[str, list[str]] = {}
        for group in self.root.iter(f'{SVG}g'):
            title = group.findtext(f'{SVG}title')
            if group.get('class') == 'node':
                self.texts[title] = [text.text or '' for text in group.iter(f'{SVG}text')]
                self.circles.update((title, ellipse) for ellipse in group.iter(f'{SVG}ellipse'))
            for link in group.iter(f'{SVG}a') if group.get('class') == 'edge' else ():
                path = link.get('{http://www.w3.org/1999/xlink}title').split(' = ')[0]
                self.lines[path] = link.find(f'{SVG}path').attrib
                self.lines_from[path] = title.split('->')[0]

    @property
    def said(self) -> str:
        """All texts of the picture."""
        return ' '.join(text.text or '' for text in self.root.iter(f'{SVG}text'))

    def column(self, start: str) -> list[tuple[float, float]]:
        """The middles of the circles whose names begin like that."""
        return [(float(c.get('cx')), float(c.get('cy'))) for name, c in self.circles.items() if name.startswith(start)]


def network(*widths: int) -> MLP:
    random.seed(7)
    model = MLP(widths[0], widths[1:])
    for path, parameter in model.named_parameters():
        if path.endswith('b'):
            parameter.data = random.uniform(-1, 1)
    return model


def test_a_line_for_each_weight_from_its_source_to_its_neuron(each_dot):
    model = network(3, 4, 4, 1)
    picture = Picture(draw_network(model))
    weights = [path for path, _ in model.named_parameters() if '.w.' in path]
    assert sorted(picture.lines) == sorted(weights)
    assert picture.lines_from['layers.0.neurons.2.w.1'] == 'x1'
    assert picture.lines_from['layers.1.neurons.0.w.3'] == 'layers.0.neurons.3'
    assert [picture.texts[f'x{i}'] for i in range(3)] == [['x₁'], ['x₂'], ['x₃']]
    bias = model.layers[1].neurons[2].b.data
    assert picture.texts['layers.1.neurons.2'] == [f'{bias:.2g}'.replace('-', '−')]
    assert {'ŷ', 'layers.2', '4 · relu', '1 · linear'} <= {line for text in picture.texts.values() for line in text}


def test_circles_stand_in_columns_around_one_middle(each_dot):
    picture = Picture(draw_network(network(3, 4, 2, 1)))
    columns = [picture.column(start) for start in ('x', 'layers.0', 'layers.1', 'layers.2')]
    assert [len(column) for column in columns] == [3, 4, 2, 1]
    assert [len({x for x, _ in column}) for column in columns] == [1] * 4
    xs = [column[0][0] for column in columns]
    assert [b - a for a, b in itertools.pairwise(xs)] == pytest.approx([xs[1] - xs[0]] * 3, abs=1) and xs[0] < xs[1]
    middles = [sum(y for _, y in column) / len(column) for column in columns]
    assert middles == pytest.approx([columns[3][0][1]] * 4, abs=1)
    assert all(a[1] < b[1] for column in columns for a, b in itertools.pairwise(column))


@pytest.mark.parametrize('show', ['weights', 'grads'])
def test_width_by_size_colour_and_dash_by_sign(show: str):
    model = network(2, 3, 2)
    mse_loss(model([1.0, -0.5]), [0.0, 1.0]).backward()
    picture = Picture(draw_network(model, show=show))
    numbers = {path: p.data if show == 'weights' else p.grad for path, p in model.named_parameters() if '.w.' in path}
    assert any(number > 0 for number in numbers.values()) and any(number < 0 for number in numbers.values())
    largest = max(map(abs, numbers.values()))
    for path, number in numbers.items():
        line = picture.lines[path]
        if number:
            assert line['stroke'] == (BLUE if number > 0 else ORANGE)
            assert ('stroke-dasharray' in line) == (number < 0)
            assert float(line.get('stroke-width', 1)) == pytest.approx(0.5 + 3.5 * abs(number) / largest, abs=0.006)
        else:
            assert line['stroke'] not in (BLUE, ORANGE) and float(line['stroke-width']) < 1
    assert f'the widest line is {largest:.2g}' in picture.said


def test_gradients_that_are_not_there():
    model = network(2, 2, 1)
    for parameter in model.parameters():
        parameter.grad = None
    picture = Picture(draw_network(model, show='grads'))
    assert 'gradients not computed yet: call backward()' in picture.said
    assert picture.texts['layers.0.neurons.0'] == ['0']
    model.layers[0].neurons[0].w[1].grad = -2.0
    picture = Picture(draw_network(model, show='grads'))
    assert picture.lines['layers.0.neurons.0.w.1']['stroke'] == ORANGE
    assert 'not computed' not in picture.said


@pytest.mark.parametrize('number', [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_drawn(number: float, each_dot):
    model = network(2, 2, 1)
    model.layers[0].neurons[0].w[0].data = model.layers[1].neurons[0].b.data = number
    picture = Picture(draw_network(model))
    assert picture.lines['layers.0.neurons.0.w.0']['stroke'] not in (BLUE, ORANGE)
    assert picture.texts['layers.1.neurons.0'] == [f'{number}'.replace('-', '−')]
    assert 'nan' not in ''.join(line['d'] for line in picture.lines.values())
    assert 'the widest line is 0.' in picture.said
    assert len(Picture(draw_network(model, [1, 2])).lines) == 6


def test_every_number_bad():
    neuron = Neuron(2)
    for parameter in neuron.parameters():
        parameter.data = math.nan
    assert 'w₂ = nan' in Picture(draw_network(neuron, [1.0, 2.0])).said


def test_a_wide_layer_is_shortened():
    picture = Picture(draw_network(network(30, 16, 12, 1)))
    assert [name for name in picture.circles if name.startswith('layers.0')] == [
        f'layers.0.neurons.{i}' for i in (0, 1, 2, 3, 4, 5, 13, 14, 15)]
    assert len(picture.column('x')) == 9 and len(picture.column('layers.1')) == 12
    assert [text for text in picture.texts.values() if text == ['⋮']] == [['⋮']] * 2
    assert len(picture.lines) == 9 * 9 + 9 * 12 + 12
    assert '16 · relu' in picture.said and 'x₃₀' in picture.said


def test_numbers_of_the_inputs_show_the_activations(each_dot):
    model, xs = network(2, 3, 2), [0.5, Value(-1.5, label='height')]
    picture = Picture(draw_network(model, xs))
    hidden, outputs = model.layers[0](xs), model(xs)
    for i, layer in enumerate((hidden, outputs)):
        for j, out in enumerate(layer):
            activation, bias = picture.texts[f'layers.{i}.neurons.{j}']
            assert float(activation.replace('−', '-')) == pytest.approx(out.data, rel=0.06)
            assert float(bias.removeprefix('b ').replace('−', '-')) == pytest.approx(
                model.layers[i].neurons[j].b.data, rel=0.06)
    assert [picture.texts[f'x{i}'] for i in range(2)] == [['0.5'], ['−1.5']]
    assert [picture.texts[f'x{i} name'] for i in range(2)] == [['x₁'], ['height']]
    assert all(parameter.grad == 0 for parameter in model.parameters())


def test_one_neuron_is_the_classical_figure(each_dot):
    neuron = Neuron(3, activation='tanh')
    for weight, number in zip(neuron.w, (0.5, -2, 1)):
        weight.data = number
    neuron.b.data = 0.25
    picture = Picture(draw_network(neuron))
    for text in ('x₁', 'x₃', 'w₁ = 0.5', 'w₂ = −2', 'Σ + b', 'b = 0.25', 'f', 'tanh', 'ŷ'):
        assert text in [line for lines in picture.texts.values() for line in lines]
    assert sorted(picture.lines) == ['w.0', 'w.1', 'w.2']
    picture = Picture(draw_network(neuron, [1, 0.5, -0.25]))
    assert picture.texts['total'] == ['−0.5']
    assert picture.texts['f out'] == ['ŷ = −0.46']
    neuron.w[1].grad = 0.125
    assert 'w₂ grad 0.12' in Picture(draw_network(neuron, show='grads')).said
    assert Picture(draw_network(Neuron(1))).texts['x0'] == ['x']


@pytest.mark.parametrize('name', ['a "b"', '<b>', 'a\\nb', '\\', 'a & b', '&lt;', 'naïve 変数', 'x\ny', '\ud800',
                                  '-', ''])
def test_any_name_is_itself(name: str, each_dot):
    picture = Picture(draw_network(Layer(2, 2), [name, 'longer than four']))
    assert ''.join(picture.texts['x0 name']) == name.replace('\n', ' ').replace('\ud800', '\ufffd')
    short = Picture(draw_network(Layer(2, 2), [name[:4], 'b']))
    assert ''.join(short.texts['x0']) == name[:4].replace('\n', ' ').replace('\ud800', '\ufffd')


def test_the_same_network_has_the_same_source():
    assert draw_network(network(3, 4, 1)).source == draw_network(network(3, 4, 1)).source
    model = network(3, 4, 1)
    before = model.state_dict()
    draw_network(model, [1, 2, 3], 'grads').pipe()
    assert model.state_dict() == before


def test_subclasses_and_single_layers():
    class Mine(MLP):
        pass

    assert Picture(draw_network(Mine(2, [1]))).column('layers.0')
    picture = Picture(draw_network(Layer(2, 3, activation='sigmoid')))
    assert sorted(picture.lines) == sorted(f'neurons.{i}.w.{j}' for i in range(3) for j in range(2))
    assert [picture.texts[f'neurons.{i} out'] for i in range(3)] == [['ŷ₁'], ['ŷ₂'], ['ŷ₃']]


def test_other_models_are_refused():
    class Line(Module):
        def __init__(self) -> None:
            self.w = Value(1.0)

    for model in (Line(), Value(1.0), [Layer(1, 1)]):
        with pytest.raises(TypeError, match=rf'not a {type(model).__name__}.*draw_dot\(loss, fold=True\)'):
            draw_network(model)


def test_errors():
    model = MLP(3, [2, 1])
    with pytest.raises(ValueError, match=r"\('weights', 'grads'\), not 'data'"):
        draw_network(model, show='data')
    with pytest.raises(ValueError, match=r'takes 3 inputs, not 2'):
        draw_network(model, ['a', 'b'])
    with pytest.raises(TypeError, match=r'texts.*or numbers or Values.*not float, str'):
        draw_network(model, ['a', 1.0, 2.0])
    with pytest.raises(TypeError, match='not NoneType'):
        draw_network(model, [None] * 3)


def test_it_fits_the_width_of_a_notebook():
    for drawing in (draw_network(network(3, 4, 4, 1)), draw_network(network(2, 16, 16, 1)), draw_network(Neuron(12))):
        width = re.match(r'(\d+)pt', ET.fromstring(drawing.pipe()).get('width'))
        assert int(width[1]) * 4 / 3 < 1100  # pixels


def test_only_asking_for_it_loads_graphviz():
    code = ('import sys, micrograd; before = "graphviz" in sys.modules; micrograd.draw_network; '
            'print(before, "graphviz" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout == 'False True\n'
