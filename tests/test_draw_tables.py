"""Inner products as tables: what stands in their rows, where arrows arrive, and in what order they stand."""

import math
import random
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from micrograd import Value, dot, draw_dot
from micrograd.nn import MLP
from micrograd.show.tables import MOST_PAIRS, common_start
from pictures import SVG, Picture, inside, least_width

pytestmark = pytest.mark.usefixtures('each_dot')


def mlp(*layers: int) -> Value:
    """The loss of a seeded MLP on one sample of three inputs, after its backward pass."""
    random.seed(1)
    model = MLP(3, list(layers))
    inputs = [Value(number, label=f'x{i}') for i, number in enumerate((2.0, 3.0, -1.0))]
    loss = (model(inputs) - 1) ** 2
    for name, parameter in model.named_parameters():
        parameter.label = name
    loss.label = 'loss'
    loss.backward()
    return loss


def rows(picture: Picture) -> list[list[list[str]]]:
    """The texts of each table, line by line, from left to right."""
    found = []
    for box in picture.boxes:
        lines: list[list] = []
        for words, x, y, _ in sorted(box.texts, key=lambda line: line[2]):
            if not lines or y > lines[-1][0][2] + 5:  # bold words stand a little lower
                lines.append([])
            lines[-1].append((x, words, y))
        found.append([[words for _, words, _ in sorted(line)] for line in lines])
    return [table for table in found if any(re.fullmatch(r'dot( \+ b)?', line[0]) for line in table)]


def test_a_neuron_is_one_table():
    w, b = [Value(n, label=f'w{i}') for i, n in enumerate((0.5, -1.0, 2.0))], Value(0.25, label='b')
    x = [Value(n, label=f'x{i}') for i, n in enumerate((1.0, 2.0, 3.0))]
    out = (dot(w, x) + b).tanh()
    out.label = 'out'
    out.backward()
    local = 1 - out.data ** 2
    digits = (lambda number: f'{number:.4g}'.replace('-', '−') + (' ▲' if number > 0 else ' ▼'))
    [table] = rows(Picture(draw_dot(out)))
    assert table == [
        *[[f'x{i}', f'{x[i].data:g}', digits(local * w[i].data),
           f'w{i}', f'{w[i].data:g}'.replace('-', '−'), digits(local * x[i].data)] for i in range(3)],
        ['b', '0.25', digits(local)],
        ['dot + b', '4.75', digits(local)],
        ['out', f' = tanh ↓ {local:.4g}', f'{out.data:.4g}', '1 ▲'],
    ]


def test_an_mlp_is_nine_tables_in_three_columns_and_in_order():
    picture = Picture(draw_dot(mlp(4, 4, 1)))
    tables = {line[0]: box.whole for box in picture.boxes
              if (line := [words for words in box.lines if re.fullmatch(r'layers\.\d\.neurons\.\d', words)])}
    assert len(tables) == 9
    assert len(picture.boxes) == 9 + 3 + 3  # the inputs, and 1, the difference and its square
    columns = [[tables[f'layers.{layer}.neurons.{i}'] for i in range(n)] for layer, n in enumerate((4, 4, 1))]
    for column in columns:
        assert all(above[3] < below[1] for above, below in pairwise(column))
    for column, following in pairwise(columns):
        assert max(right for _, _, right, *_ in column) < min(left for left, *_ in following)
    width = float(re.search(r'([\d.]+)', picture.root.get('width'))[1])
    assert width < 1450
    assert width * 12 / 1280 < 16  # 12 points, scaled to 1280 pixels, are more than 11 of them


def test_an_arrow_ends_at_its_row_and_says_its_local_gradient():
    picture = Picture(draw_dot(mlp(4, 1)))
    ends = []
    for edge in picture.root.iter(f'{SVG}g'):
        if edge.get('class') == 'edge' and edge.find(f'{SVG}text') is not None:
            tip = [tuple(map(float, point.split(','))) for point in edge.find(f'.//{SVG}polygon').get('points').split()]
            ends.append((max(tip), edge.find(f'.//{SVG}text').text))
    checked = 0
    for box in picture.boxes:
        for words, x, y, _ in box.texts:
            if not re.fullmatch(r'w\.\d', words):
                continue
            number = next(other for other, right, at, _ in box.texts if abs(at - y) < 5 and right > x)
            assert number in [label for (tx, ty), label in ends if abs(ty - y) < 10 and abs(tx - box.whole[0]) < 3]
            checked += 1
    assert checked == 4 * 3 + 4


def test_tables_off_draws_every_value():
    loss = mlp(4, 4, 1)
    picture = Picture(draw_dot(loss, tables=False))
    assert len(picture.boxes) == len(loss.topological_order()) == 73
    assert not any(line.startswith('w.') for box in picture.boxes for line in box.lines)


def test_a_long_one_is_cut_in_the_middle():
    w, x = ([Value(i / 7, label=f'{name}{i}') for i in range(784)] for name in 'wx')
    out = dot(w, x)
    [table] = rows(Picture(draw_dot(out, max_nodes=2000, names=False)))
    assert [line[0] for line in table] == [
        *(f'x{i}' for i in range(MOST_PAIRS // 2)), f'⋮ {784 - MOST_PAIRS} more',
        *(f'x{i}' for i in range(784 - MOST_PAIRS // 2, 784)), 'dot']
    hidden = [v.tanh() for v in x[:20]]
    drawing = draw_dot(dot(w[:20], hidden))
    assert len(Picture(drawing).boxes) == 20 + 20 + 1
    heads = re.findall(r'-> v\d+:(p\d+|more):w (.*)', drawing.source)
    assert len(heads) == 20
    assert [port for port, look in heads if 'headlabel' not in look] == ['more'] * (20 - MOST_PAIRS)


@pytest.mark.parametrize('build', [
    lambda w, x, b: dot(w[:2], x[:2]) + b,  # two pairs are a graph to look at
    lambda w, x, b: sum((a * c for a, c in zip(w, x, strict=True)), b),
])
def test_what_is_no_table(build):
    w, x, b = [Value(1.0) for _ in range(3)], [Value(2.0) for _ in range(3)], Value(3.0)
    out = build(w, x, b)
    assert len(Picture(draw_dot(out, names=False)).boxes) == len(out.topological_order())


def test_what_others_use_stays_outside():
    w, x = [Value(i, label=f'w{i}') for i in range(3)], [Value(i + 1, label=f'x{i}') for i in range(3)]
    shared = dot(w, x) + w[0] * x[2]
    picture = Picture(draw_dot(shared, names=False))
    assert {'w0', 'x2'} <= {box.name for box in picture.boxes}
    [table] = rows(picture)
    assert [line[0] for line in table] == ['0 ·', 'x1', '3 ·', 'dot']
    used_twice = dot(w, x)
    again = used_twice * used_twice + used_twice.tanh()
    [table] = rows(Picture(draw_dot(again, names=False)))
    assert [line[0] for line in table][-1] == 'dot'
    twice = dot([w[0]] * 3, x)
    [table] = rows(Picture(draw_dot(twice, names=False)))
    assert [line[0] for line in table] == ['0 ·', '0 ·', '0 ·', 'dot']


def test_two_operands_from_elsewhere_stand_one_below_the_other():
    a, b = [Value(i, label=f'a{i}') for i in range(1, 4)], [Value(i, label=f'b{i}') for i in range(5, 8)]
    heads = [v.tanh() for v in a]
    scores = dot(heads, b)
    [table] = rows(Picture(draw_dot(scores, names=False)))
    assert [line[:2] for line in table[:3]] == [[f'{v.data:.4g} ·', w.label] for v, w in zip(heads, b, strict=True)]
    [table] = rows(Picture(draw_dot(dot(heads, [v.tanh() for v in b]), names=False)))
    assert [' '.join(line) for line in table if '=' in ' '.join(line)] == [
        f'= {math.tanh(v.data) * math.tanh(w.data):.4g}' for v, w in zip(a, b, strict=True)]


def test_a_step_by_hand_is_no_table_and_ends_one():
    w, x = [Value(1.0) for _ in range(3)], [Value(2.0) for _ in range(3)]
    product = dot(w, x)
    out = Value(2 * product.data, (product,), 'twice', label='out')
    out._backward = lambda: setattr(product, 'grad', product.grad + 2 * out.grad)
    assert [line[0] for line in rows(Picture(draw_dot(out, names=False)))[0]][-1] == 'dot'
    product._backward = lambda: None
    assert rows(Picture(draw_dot(out, names=False))) == []
    assert len(Picture(draw_dot(out, names=False)).boxes) == 8


@pytest.mark.parametrize('label', ['{', '|', '<b>', '"', '\\', '\\N', '&amp;', '&#65;', 'a\nb', '\0', '\ud800',
                                   '🎉' * 30, '漢字' * 12, '</td>', 'a.', '.a', 'x.' * 30, '..', '\n', 'W' * 41])
def test_any_label_stays_in_its_row(label: str):
    w, x = [Value(i, label=label) for i in range(3)], [Value(1.0, label=f'{label}{i}') for i in range(3)]
    out = (dot(w, x) + Value(1.0, label=label)).tanh()
    out.label = label
    [table] = Picture(draw_dot(out, names=False)).boxes
    assert sum(words == '1' for words in table.lines) >= 4  # three inputs and the bias
    for words, left, y, _ in table.texts:
        assert inside(table.whole, left, y) and inside(table.whole, left + least_width(words), y), words


def test_highlight_goes_through_tables():
    loss = mlp(4, 1)
    x = next(v for v in loss.topological_order() if v.label == 'x0')
    root = ET.fromstring(draw_dot(loss, highlight=x).pipe())
    bold = [edge.find(f'{SVG}title').text for edge in root.iter(f'{SVG}g') if edge.get('class') == 'edge'
            and edge.find(f'.//{SVG}path').get('stroke-width') == '2.5']
    alive = [v for v in loss.topological_order() if v._op == 'relu' and v.data > 0]
    assert alive
    # To each neuron that is not dead, from there to the last one, and through − and **2, an arrow in and one out.
    assert len(bold) == 2 * len(alive) + 4


@pytest.mark.parametrize(('names', 'start'), [
    (['a.w.0', 'a.w.1', 'a.b'], 'a.'), (['w.0', 'w.1'], 'w.'), (['w', 'b'], ''), (['a.b'], ''), ([], ''),
    (['layers.1.w', 'layers.10.w'], 'layers.'), (['a', 'a.b'], ''), (['.a', '.b'], ''),
])
def test_what_names_begin_with(names: list[str], start: str):
    assert common_start(names) == start
