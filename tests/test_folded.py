"""The picture of a folded graph, read back from its SVG."""

import importlib.util
import math
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import graphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Graph, graphs

from micrograd import Value, draw_dot, nn
from micrograd.show.frames import common_name, module_path
from micrograd.show.look import BOLD
from micrograd.show.rows import beside, columns, rows
from pictures import SVG

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / 'benchmarks'))
import networks  # noqa: E402


class Folded:
    """What a picture shows: cards by their first line, frames by their label, and arrows between cards."""

    def __init__(self, drawing: graphviz.Digraph) -> None:
        root = ET.fromstring(drawing.pipe(format='svg'))
        self.width, self.height = (float(root.get(side).removesuffix('pt')) for side in ('width', 'height'))
        groups = {kind: [g for g in root.iter(f'{SVG}g') if g.get('class') == kind]
                  for kind in ('graph', 'node', 'edge', 'cluster')}
        self.cards = {g.find(f'{SVG}title').text: lines(g) for g in groups['node']}
        self.text = {line for card in self.cards.values() for line in card}
        self.caption = [line for line in lines(groups['graph'][0], deep=False) if line]
        self.frames = Counter(line for g in groups['cluster'] for line in lines(g))
        self.tops = {g.find(f'{SVG}title').text: min(float(t.get('y')) for t in g.iter(f'{SVG}text'))
                     for g in groups['node']}
        self.arrows = [g.find(f'{SVG}title').text.split('->') for g in groups['edge']]
        self.double = sum(len(g.findall(f'.//{SVG}path')) > 1 for g in groups['edge'])
        self.bold = sum(BOLD['color'] in ET.tostring(g, encoding='unicode') for g in groups['edge'])
        self.labels = [line for g in groups['edge'] for line in lines(g)]

    def card(self, *texts: str) -> list[str]:
        [found] = (card for card in self.cards.values() if set(texts) <= set(card))
        return found


def lines(group: ET.Element, deep: bool = True) -> list[str]:
    texts = group.iter(f'{SVG}text') if deep else group.findall(f'{SVG}text')
    return [re.sub(r'\s+', ' ', t.text.replace('\xa0', ' ')).strip(' →') for t in texts]


def test_a_graph_too_large_for_single_boxes_is_folded_by_itself():
    model, loss = networks.moons(20)
    loss.backward()
    picture = Folded(draw_dot(loss))
    assert picture.frames == Counter(['layers.0', 'layers.1', 'layers.2'])
    assert picture.caption == ['3,134 values of 33 kinds']
    assert {'Σ of 337', 'Σ of 20', 'x / 20', '0.0001 · x', 'neurons[·].w', 'neurons.0.b'} <= picture.text
    assert picture.card('dot of 2')[:2] == ['dot of 2', '×320']
    assert 'data −1 … 0.99' in picture.card('neurons[·].w', '×256')
    assert draw_dot(loss).source == draw_dot(loss, fold=True, names={'loss': loss}, model=model).source
    with pytest.raises(ValueError, match=r'3,134 values.*leave out fold=False'):
        draw_dot(loss, fold=False)


def test_few_values_fold_only_when_asked():
    a, b = Value(1.0, label='a'), Value(2.0, label='b')
    total = a.tanh() + b.tanh()
    assert len(Folded(draw_dot(total)).cards) > len(Folded(draw_dot(total, fold=True)).cards) == 3
    assert Folded(draw_dot(total, fold=True)).card('tanh') == ['tanh', '×2', 'data 0.76 … 0.96', 'grad –']


def test_every_picture_is_drawn_by_either_dot_on_a_slide_with_its_rows_in_order(each_dot: Path):
    cut = 0
    for model, loss in (networks.moons(), networks.words(), networks.sequence(), networks.mlp(30)):
        loss.backward()
        drawing = draw_dot(loss, fold=True, model=model)
        drawing.seconds = 20
        picture = Folded(drawing)
        assert picture.width / picture.height < 3.5
        signs = {name: re.fullmatch(r'sign(\d+)_\d+', name) for name in picture.cards}
        crossing = [(f'b{found[1]}', name) for name, found in signs.items() if found]
        assert all(picture.tops[source] < picture.tops[sign] for source, sign in crossing)
        cut += len(crossing)
    assert cut


@pytest.mark.parametrize('number', [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_and_steps_by_hand_do_not_stop_it(number):
    leaves = [Value(number if i == 3 else float(i)) for i in range(30)]
    made = []
    for leaf in leaves:
        made.append(Value(leaf.data, (leaf,), 'mine'))
        made[-1]._backward = lambda: None
        leaf.grad = leaf.data
    out = sum(made)
    out.grad = 1.0
    picture = Folded(draw_dot(out, fold=True, names=False))
    written = {math.nan: 'nan', math.inf: '0 … inf', -math.inf: '−inf … 29'}[number]
    assert picture.card('mine', '×30')[2] == f'data {written}'
    assert picture.card('leaves')[2:] == [f'data {written}', *f'grad {written}'.replace('… ', '…\n').split('\n')]


def test_a_single_leaf_is_called_so():
    assert Folded(draw_dot(Value(3.0).tanh(), fold=True, names=False)).card('leaf')[1:] == ['data 3', 'grad –']


def test_gradients_before_backward_and_none():
    model, loss = networks.moons(4)
    picture = Folded(draw_dot(loss, fold=True, model=model))
    assert picture.caption == ['1,438 values of 33 kinds', 'gradients not computed yet: call backward()']
    loss.backward()
    for parameter in model.parameters():
        parameter.grad = None
    assert 'grad 0' in Folded(draw_dot(loss, fold=True, model=model)).card('neurons[·].w', '×32')


def test_it_says_what_its_numbers_are_not():
    model, loss = networks.mlp(2)
    for _ in range(2):
        loss.backward()
    said = ' '.join(Folded(draw_dot(loss, fold=True, model=model)).caption)
    assert 'some grad holds more than one backward()' in said
    model.layers[0].neurons[0].b.data += 1.0
    assert 'inputs changed' in ' '.join(Folded(draw_dot(loss, fold=True, model=model)).caption)


@pytest.mark.parametrize(('dot_of', 'products'), [(networks.gpt.dot, 0), (networks.gpt.products, 1)])
def test_one_sees_the_parts_of_a_gpt(dot_of, products):
    model, loss = networks.words(dot=dot_of)
    loss.backward()
    picture = Folded(draw_dot(loss, fold=True, model=model))
    assert picture.frames['blocks.0'] and picture.frames['attention'] == picture.frames['mlp'] == 1
    assert {'query.rows', 'key.rows', 'value.rows', 'output.rows', 'wider.rows', 'head.rows'} <= picture.text
    normalisation = ['x / 16', 'x + 1e−05', 'x^−0.5']
    found = [card for card in picture.cards.values() if set(normalisation) <= set(card)]
    assert len(found) == 3  # where it begins, before the attention, and before the MLP
    assert all([line for line in card if line in normalisation] == normalisation for card in found)
    assert {'Σ of 1…5', 'Σ of 27', 'exp', 'relu', 'ln', '−x', 'x / 5'} <= picture.text
    assert ('dot of 1…5' in picture.text) == (not products)
    assert sorted(picture.labels) == ['a'] * 4 + ['b'] * 4  # two differences, two quotients


@pytest.mark.parametrize(('depth', 'cards'), [(1, 8), (2, 10)])
def test_a_closed_gpt_is_ten_cards(depth, cards):
    model, loss = networks.words()
    loss.backward()
    picture = Folded(draw_dot(loss, fold=True, model=model, depth=depth))
    assert len([card for card in picture.cards if card.startswith('b')]) == cards
    assert picture.card('head')[:2] == ['head', '432 parameters']
    assert picture.card('attention')[1] == '1,024 parameters' if depth == 2 else picture.card('blocks.0')
    assert Folded(draw_dot(loss, fold=True, model=model, depth=9)).frames == Folded(
        draw_dot(loss, fold=True, model=model, depth=9)).frames
    with pytest.raises(ValueError, match='at least 1, not 0'):
        draw_dot(loss, fold=True, model=model, depth=0)


def test_a_recurrence_rolls_up_to_the_same_picture_but_for_the_counts():
    def skeleton(steps: int) -> tuple:
        root = networks.recurrence(steps)
        root.backward()
        picture = Folded(draw_dot(root, fold='time'))
        shapes = [tuple(line for line in card if not re.search(r'\d', line)) for card in picture.cards.values()]
        return shapes, sorted(picture.arrows), picture.labels, {line for line in picture.text if line.startswith('×')}

    short, long = skeleton(20), skeleton(60)
    assert short[:3] == long[:3]
    assert short[3] == {'×18', '×19', '×20'} and long[3] == {'×58', '×59', '×60'}
    assert long[2].count('again') == 1


def test_a_deep_network_is_rolled_up_in_a_frame_for_its_like_layers():
    model, loss = networks.mlp(30)
    picture = Folded(draw_dot(loss, model=model))
    assert picture.frames == Counter(['layers.0', 'layers.1', 'layers.2…29'])
    assert picture.caption[0].startswith('5,583 values of 22 kinds, rolled up')
    assert {'×1,085', '×1,736'} <= picture.text


def test_samples_fold_and_parameters_stay_apart():
    random.seed(1)
    model = nn.MLP(2, [2, 1], activation='tanh')
    loss = nn.mse_loss([model([i / 7, i / 5]) for i in range(30)], [0.5] * 30)
    picture = Folded(draw_dot(loss, fold='samples'))
    assert Counter(line for card in picture.cards.values() for line in card)['dot of 2'] == 3
    assert picture.frames == Counter(['layers.0', 'neurons.0', 'neurons.1', 'layers.1'])
    assert len([line for line in picture.text if re.fullmatch(r'(neurons\.0\.)?(w\.[01]|b)', line)]) == 6
    for card in picture.cards.values():
        assert not ('b' in card and any(line.startswith('×') for line in card))


@pytest.mark.parametrize(('options', 'error', 'message'), [
    ({'fold': 'weeks'}, ValueError, "'weeks'"), ({'fold': 'samples'}, ValueError, 'pass model='),
    ({'fold': True, 'model': 3}, TypeError, 'not a int'), ({'fold': True, 'max_boxes': 1}, ValueError, 'max_boxes=1'),
])
def test_what_cannot_be_drawn_says_so(options, error, message):
    with pytest.raises(error, match=message):
        draw_dot(sum(Value(i) * 2 for i in range(3)), **options)


def test_names_come_from_variables_modules_and_labels():
    xs = [Value(float(i)) for i in range(3)]
    hs = [(x * x).exp() for x in xs]
    for i, h in enumerate(hs):
        h.label = f'h{i}'
    out = sum(hs)
    picture = Folded(draw_dot(out, fold=True))
    assert {'xs', 'h[·]', 'out'} <= picture.text
    layers = [nn.Layer(2, 3), nn.Layer(3, 1)]
    second = Folded(draw_dot(layers[1](layers[0]([1.0, 2.0])), fold=True))
    assert any('neurons[·].w' in line for line in second.text)


def test_the_highlighted_paths_are_bold():
    model, loss = networks.mlp(2)
    assert Folded(draw_dot(loss, fold=True, model=model)).bold == 0
    lit = Folded(draw_dot(loss, fold=True, model=model, highlight=model.layers[1].neurons[0].b))
    assert lit.bold == 3  # to the sum, to the squared errors, to their mean
    assert lit.double + lit.bold <= len(lit.arrows)


@given(graphs(max_steps=25), st.sampled_from([True, 'time']), st.sampled_from(['LR', 'TB']))
@settings(max_examples=25, deadline=None)
def test_any_graph_is_drawn(graph: Graph, fold, rankdir):
    root = graph.values()[graph.root]
    root.backward()
    drawing = draw_dot(root, rankdir=rankdir, fold=fold, max_boxes=1000)
    assert ET.fromstring(drawing.pipe(format='svg')).tag == f'{SVG}svg'
    assert drawing.source == draw_dot(root, rankdir=rankdir, fold=fold, max_boxes=1000).source


def test_hash_order_and_addresses_change_nothing():
    code = ('import networks; from micrograd import draw_dot; model, loss = networks.words();'
            'loss.backward(); print(draw_dot(loss, model=model).source, draw_dot(loss, depth=2).source)')
    paths = ':'.join(sys.path)
    said = {subprocess.run([sys.executable, '-c', f'waste = [[] for _ in range({seed} * 1000)]; {code}'], check=True,
                           capture_output=True, env={'PYTHONHASHSEED': f'{seed}', 'PYTHONPATH': paths}).stdout
            for seed in (1, 2, 3)}
    assert len(said) == 1 and b'digraph' in said.pop()


@pytest.mark.parametrize(('names', 'common'), [
    (['x'], 'x'), (['x', 'x'], 'x'), (['x1', 'x2', 'x12'], 'x1…12'), (['a.0.w.3', 'a.0.w.1'], 'a.0.w.1…3'),
    (['x1', 'y1'], ''), (['x1', 'x'], ''), (['x', 'x1.2'], ''),
])
def test_common_names(names, common):
    assert common_name(names) == common


@pytest.mark.parametrize(('name', 'path'), [
    ('w', ()), ('w.3', ()), ('layers.0.neurons.0…7.b', ('layers.0', 'neurons.0…7')), ("rows['a.b'][0…3]", ()),
])
def test_module_paths(name, path):
    assert module_path(name) == path


def test_rows_cut_where_few_arrows_cross():
    chain = [(i, i + 1) for i in range(19)]
    sizes, frames = [(100.0, 60.0)] * 20, [()] * 20
    straight = rows(sizes, chain, {}, frames)
    assert max(straight) > 0 and straight == sorted(straight)
    first = straight.index(1)
    cut = rows(sizes, [*chain, *((i, first) for i in range(first - 4, first - 1))], {}, frames)
    assert cut[first - 1] == cut[first]
    framed = rows(sizes, chain, {}, [('a',) if i in (first - 1, first) else () for i in range(20)])
    assert framed[first - 1] == framed[first]
    assert rows(sizes[:5], chain[:4], {}, frames[:5]) == [0] * 5


def test_columns_are_as_late_as_they_can_be():
    assert columns(5, [(0, 1), (1, 2), (3, 2), (4, 3)], {}) == [0, 1, 2, 1, 0]
    assert columns(4, [(0, 1), (2, 1), (1, 3)], {2: 1}) == [0, 1, 1, 2]


def test_parameters_stand_beside_what_uses_data():
    leaves = [(True, True), (True, False), (False, False), (True, True), (False, False)]
    assert beside(leaves, [(0, 2), (1, 2), (2, 4), (3, 4)]) == {0: 2, 3: 4}


def pictures():
    """The script that draws the README's pictures."""
    spec = importlib.util.spec_from_file_location('folded_pictures', ROOT / 'notebooks' / 'pictures' / 'folded.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('name', ['folded_moons.svg', 'folded_gpt.svg', 'tables.svg'])
def test_the_pictures_of_the_readme_are_those_that_are_drawn_now(name):
    script = pictures()
    kept = ROOT / 'notebooks' / 'pictures' / name
    now = script.slim(script.PICTURES[name]().pipe(encoding='utf-8'))
    assert sorted(lines(ET.parse(kept).getroot())) == sorted(lines(ET.fromstring(now)))
    assert 10_000 < kept.stat().st_size < 60_000
