"""Long graphs in the player, in rows as the lines of a text: nothing is lost, and the picture is larger."""

import itertools
import re
from xml.etree import ElementTree

import pytest
from browser import GRAPHS, close, gradients
from hypothesis import given
from random_graphs import Graph, graphs
from test_player_screen import CHAIN, DEEP, NEURON, SHAPES, TREE, TWELVE

from micrograd.command.expression import evaluate
from micrograd.show.draw import draw_rows
from micrograd.show.player import play
from micrograd.show.player.rows import depths, in_rows, laid_out, passing, scale
from pictures import SVG

LONG = {'twelve': TWELVE, 'chain': CHAIN, 'deep': DEEP}


def cut(svg: str) -> list[tuple[str, str]]:
    """The arrows that are cut short: the name where each begins, and the operation where it ends."""
    root = ElementTree.fromstring(svg)
    titles = {group.find(f'{SVG}title').text: group for group in root.iter(f'{SVG}g')
              if group.get('class') in ('node', 'edge')}
    pairs = [title.split('->') for title in titles if title.startswith('far') and '->' in title]
    return [(titles[begin].find(f'.//{SVG}text').text, end) for begin, end in pairs]


@pytest.mark.parametrize('name', LONG)
def test_a_long_graph_stands_in_rows(name: str, each_dot):
    svg = play(evaluate(*LONG[name])).svg
    order = evaluate(*LONG[name]).topological_order()
    [one] = draw_rows(order, dict.fromkeys(order, 0))
    assert cut(svg)
    assert scale(svg) > max(0.62, 1.2 * scale(laid_out(one)))
    edges = re.findall(r'<title>(?:v\d+|far\d+_\d+)&#45;&gt;op\d+</title>', svg)
    assert len(edges) == sum(len(node._prev) for node in order)


@pytest.mark.parametrize('graph', [GRAPHS['lesson'], NEURON, TREE])
def test_a_graph_that_is_read_as_it_is_stays_in_one_row(graph: tuple):
    assert cut(play(evaluate(*graph)).svg) == []


def test_an_arrow_that_is_cut_begins_with_its_operands_name():
    assert cut(play(evaluate(*CHAIN)).svg) == [('v4', 'op5'), ('v8', 'op9')]


@given(graphs())
def test_rows_follow_the_order_of_the_operations(graph: Graph):
    order = graph.values()[graph.root].topological_order()
    depth = depths(order)
    for count in (1, 2, 3):
        rows = in_rows(order, count)
        assert set(rows) == set(order) and set(rows.values()) <= set(range(count))
        assert all(rows[operand] <= rows[node] for node in order for operand in node._prev)
        assert all(rows[a] <= rows[b] for a in order for b in order if a._prev and b._prev and depth[a] < depth[b])


def test_a_row_ends_where_few_arrows_pass():
    order = evaluate(*DEEP).topological_order()
    rows, depth = in_rows(order, 3), depths(order)
    ends = [max(depth[node] for node in order if node._prev and rows[node] == row) for row in (0, 1)]
    assert [passing(order, depth, end) for end in ends] == [1, 1]


@pytest.mark.parametrize('name', SHAPES)
def test_the_page_goes_through_rows_as_through_one(name: str, opened, each_dot):
    output = evaluate(*SHAPES[name])
    page = opened(play(output), '#step=99')
    order = output.topological_order()
    assert close(page.numbers('data'), [node.data for node in order])
    assert close(page.numbers('grad'), gradients(order))
    for _ in range(page.steps - 1):
        assert page.page.locator('.edge.now').count() >= 1 or page.mathematics.startswith('∂')
        page.press('ArrowLeft')
    assert page.step == 1


def test_rows_stand_below_each_other(opened):
    page = opened(play(evaluate(*CHAIN)), '#step=99', width=1280, height=800)
    boxes = page.page.eval_on_selector_all('.value', """boxes => boxes.sort((a, b) => a.dataset.node - b.dataset.node)
        .map(box => { const {x, y} = box.getBoundingClientRect(); return [x, y]; })""")
    rows = boxes[:5], boxes[5:9], boxes[9:]
    for above, below in itertools.pairwise(rows):
        assert max(y for _, y in above) + 20 < min(y for _, y in below)
    assert all(a[0] < b[0] for row in rows for a, b in itertools.pairwise(row))
