"""The picture, read back from its SVG, by either dot: what is in it, and what it is called."""

import colorsys
import functools
import math
import os
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import pairwise
from operator import mul
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import micrograd
from micrograd import Value, draw_dot
from micrograd.command.expression import evaluate
from micrograd.nn import MLP
from pictures import SVG, Picture, inside, least_width

pytestmark = pytest.mark.usefixtures('each_dot')


def chain(length: int) -> Value:
    """A graph of that many operations in a row."""
    return functools.reduce(lambda x, _: -x, range(length), Value(1.0))


LESSON = ('y_hat = w*x; s = y_hat - y; loss = s**2', {'w': 1, 'x': 1, 'y': 2})


def lesson() -> Value:
    """Lesson 1, before its backward pass."""
    w, x, y = (Value(number, label=name) for name, number in LESSON[1].items())
    return (w * x - y) ** 2


def drawn(text: str, numbers: dict[str, float], **options) -> Picture:
    """The picture of an expression, whose names are labels, after its backward pass."""
    return Picture(draw_dot(evaluate(text, numbers), **options))


def test_lesson_1():
    assert sorted((box.name, box.data, box.grad) for box in drawn(*LESSON).boxes) == [
        ('loss', 1, 1), ('s', -1, -2), ('w', 1, -2), ('x', 1, -2), ('y', 2, 2), ('y_hat', 1, -2)]


@pytest.mark.parametrize(('text', 'numbers', 'operations', 'arrows'), [
    (*LESSON, ['**2', '·', '−'], [
        ('w', '·', '1'), ('x', '·', '1'), ('·', 'y_hat', ''), ('y_hat', '−', '1'), ('y', '−', '−1'), ('−', 's', ''),
        ('s', '**2', '−2'), ('**2', 'loss', '')]),
    ('p = a*a', {'a': 3}, ['·'], [('a', '·', '3'), ('a', '·', '3'), ('·', 'p', '')]),
    ('d = dot([a, b], [e, f])', dict(zip('abef', range(1, 5), strict=True)), ['dot'], [
        ('a', 'dot', '3'), ('b', 'dot', '4'), ('e', 'dot', '1'), ('f', 'dot', '2'), ('dot', 'd', '')]),
])
def test_operations_and_arrows(text: str, numbers: dict[str, float], operations: list[str], arrows: list[tuple]):
    picture = drawn(text, numbers)
    assert sorted(operation.lines[0] for operation in picture.operations) == operations
    assert picture.arrows == sorted(arrows)
    assert len(picture.boxes) == len(numbers) + len(operations)


def test_frames_tell_leaves_constants_and_results():
    picture = drawn('result = leaf * 5', {'leaf': 2})
    frames = [picture.box(name).frame[0] for name in ('leaf', 'result', '')]
    assert len(set(frames)) == 3
    assert all(stroke.startswith('#') for stroke, *_ in frames)


def test_gradients_before_and_after_backward():
    loss = lesson()
    before = Picture(draw_dot(loss))
    assert [box.lines[-1] for box in before.boxes] == ['grad –'] * 6
    assert ['not computed' in caption and 'backward()' in caption for caption in before.captions] == [True]
    loss.backward()
    after = Picture(draw_dot(loss))
    assert sorted(box.grad for box in after.boxes) == [-2, -2, -2, -2, 1, 2]
    assert after.captions == []


def test_colours_and_signs_of_gradients():
    picture = drawn('a*4 + b + c*0 + d*-1 + e*-4', dict.fromkeys('abcde', 1))
    boxes = [picture.box(name) for name in 'abcde']
    assert [box.lines[-1] for box in boxes] == ['grad 4 ▲', 'grad 1 ▲', 'grad 0', 'grad −1 ▼', 'grad −4 ▼']
    rgb = [tuple(int(box.background()[i:i + 2], 16) / 255 for i in (1, 3, 5)) for box in boxes]
    hue, strength, _ = zip(*(colorsys.rgb_to_hsv(*colour) for colour in rgb), strict=True)
    assert rgb[2] == (1, 1, 1)
    assert strength[0] > strength[1] > strength[2] < strength[3] < strength[4]
    assert (hue[0], hue[4]) == pytest.approx((hue[1], hue[3]), abs=0.02)
    assert 0.25 < abs(hue[0] - hue[4]) < 0.75  # far around the circle
    assert abs(rgb[0][2] - rgb[4][2]) > 0.4  # in blue, which eyes that mistake red for green still see


@pytest.mark.parametrize('gradient', [math.inf, -math.inf, math.nan, 5e-324, -1e308])
def test_any_gradient_is_drawn(gradient: float):
    x = Value(1, label='x')
    out = Value(2, (x,), '*', lambda: (2.0,), label='out')
    x.grad, out.grad = gradient, 1.0
    picture = Picture(draw_dot(out))
    assert picture.box('x').grad == pytest.approx(gradient, rel=1e-3, nan_ok=True)
    assert len(picture.box('x').background()) == len('#123456')
    assert (picture.box('out').background() == '#ffffff') == (gradient == -1e308)  # else it is the largest one


def luminance(colour: str) -> float:
    parts = (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return sum(map(mul, (0.2126, 0.7152, 0.0722), linear))


def test_text_is_readable_on_any_page():
    for picture in (Picture(draw_dot(lesson())), drawn('out = x*5 - x', {'x': 2})):
        pairs = [(text.get('fill'), picture.paper) for text in picture.free_texts] + [
            (text[3], node.background(i)) for node in picture.boxes + picture.operations
            for i, text in enumerate(node.texts)]
        for ink, ground in pairs:
            dark, light = sorted((luminance(ink), luminance(ground)))
            assert (light + 0.05) / (dark + 0.05) > 4.5, (ink, ground)


def test_same_graph_same_bytes(tmp_path: Path):
    script = tmp_path / 'script.py'
    script.write_text('''if True:
        from micrograd import Value, draw_dot
        w, xs, by = Value(1.0), [Value(2.0), Value(3.0)], {'a': Value(4.0), 'b': Value(0.5)}
        u, _ = Value(7.0, label='ŷ'), [object() for _ in range(1000)]
        out = (w * xs[0] + xs[1] * by['a']).tanh() ** by['b'] - w * w / u + 2
        out.backward()
        drawing = draw_dot(out)
        print(ascii(drawing.source), ascii(drawing.pipe()))
        ''')
    environment = os.environ | {'PYTHONPATH': str(Path(micrograd.__file__).parents[1])}
    first, second = (subprocess.run([sys.executable, script], env=environment | {'PYTHONHASHSEED': seed}, check=True,
                                    capture_output=True).stdout for seed in ('1', '2'))
    assert first == second
    assert b'</svg>' in first


def labelled(label: str, op: str) -> Picture:
    """A picture with this label on a leaf and this symbol on an operation."""
    x = Value(1.0, label=label)
    out = Value(2.0, (x,), op, label='out', local_gradients=lambda: (3.0,))
    out.backward()
    return Picture(draw_dot(out, names=False))


def shape_of(picture: Picture) -> Counter:
    """How many elements of each kind and with which attributes, those aside that hold the lines of a text."""
    return Counter((e.tag, *e.attrib) for e in picture.root.iter() if e.tag != f'{SVG}text')


def check_shows(lines: list[str], text: str) -> None:
    """The lines are the text, or its beginning and an ellipsis; a mark stands for what XML or a font cannot show."""
    drawn, meant = ''.join(lines), text.replace('\n', '').replace('\xa0', ' ')
    if len(drawn) < len(meant):
        assert drawn.endswith('…')
        drawn = drawn[:-1]
    assert len(drawn) <= len(meant)
    for shown, character in zip(drawn, meant, strict=False):
        assert shown == character or unicodedata.category(character) in ('Cc', 'Cs', 'Cn'), (shown, character)


def check_label(label: str, op: str) -> None:
    picture = labelled(label, op)
    assert shape_of(picture) == shape_of(labelled('plain', 'op'))
    [leaf] = (box for box in picture.boxes if box.data == 1)
    [operation] = picture.operations
    check_shows(leaf.lines[:-2], label)
    minus = op.replace('-', '−') if op == '-' or op.startswith('**-') else op
    check_shows(operation.lines, '·' if op == '*' else minus)
    assert leaf.lines[-2:] == ['data 1', 'grad 3 ▲']
    for node in picture.boxes + picture.operations:
        for line, x, y, _ in node.texts:
            assert inside(node.whole, x, y) and inside(node.whole, x + least_width(line), y), line


@pytest.mark.parametrize('text', [
    '{', '|', '}', '<', '>', '"', "'", '\\', '&', '\\N', '\\n', '\\G', '\\\\', '\\"', 'a\\', 'a\nb', 'a\n\nb', '\na',
    'a\tb', 'a\r\nb', 'a\0b', 'a\x1b[31mb', 'a\x85b', '\ud800', '\udfff\ud800', '\ufffe', '\u2028', '\u202eabc', '%s',
    'ŷ', '∂L/∂w', '🎉', '漢字' * 12, '🎉' * 30, 'e\u0301' * 9, '</table>', '<b>', '</b></font>', '<br/>', '<!--', '-->',
    ']]>', '<![CDATA[', '&amp;', '&#65;', '&nbsp;', '&bogus;', ';}', '"]; x [label="y"', '--', '->', ' a  b ', '  ',
    'W' * 40, 'W' * 41, 'i' * 39, '\n' * 50 + 'end', '\\' * 41, '&' * 41,
], ids=ascii)
def test_any_label_draws_as_itself(text: str):
    check_label(text, text)


def test_long_label_is_cut_and_newline_makes_two():
    picture = labelled('xy' * 5000, '+' * 10_000)
    [(name, *_)] = (box.lines for box in picture.boxes if box.data == 1)
    for text, start in ((name, 'xy' * 9), (picture.operations[0].lines[0], '+' * 18)):
        assert text.startswith(start) and text.endswith('…') and len(text) <= 80
    assert len(ET.tostring(picture.root)) < 10_000
    assert labelled('first\nsecond', '+').box('first\nsecond').lines[:2] == ['first', 'second']


characters = st.text(st.characters(exclude_categories=()) | st.sampled_from('\\&<>"{}|\n\t\0\ud800-;#]N '), min_size=1)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label=characters, op=characters)
def test_arbitrary_text_stays_in_its_box(label: str, op: str):
    check_label(label, op)


def test_deep_chains():
    assert draw_dot(chain(5000), max_nodes=10_000).source.count('data ') == 2 * 5001  # in boxes and in tips
    with pytest.raises(ValueError, match=r'1,000,001 values'):
        draw_dot(chain(1_000_000), fold=False)


@pytest.mark.parametrize(('root', 'options', 'error', 'message'), [
    (None, {}, TypeError, 'NoneType'), (3.0, {}, TypeError, 'float'), ([lesson()], {}, TypeError, 'list'),
    (MLP(1, [1]), {}, TypeError, 'MLP'), (lesson(), {'rankdir': 'XY'}, ValueError, "'XY'"),
    (lesson(), {'rankdir': None}, ValueError, 'None'), (lesson(), {'format': 'nonsense'}, ValueError, "'nonsense'"),
])
def test_wrong_arguments(root: object, options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        draw_dot(root, **options)


@pytest.mark.parametrize(('rankdir', 'start', 'sign'), [('LR', 0, 1), ('RL', 0, -1), ('TB', 1, 1), ('BT', 1, -1)])
def test_rankdir(rankdir: str, start: int, sign: int):
    picture = drawn(*LESSON, rankdir=rankdir)
    places = [sign * picture.box(name).whole[start] for name in ('x', 'y_hat', 's', 'loss')]
    assert all(a < b for a, b in pairwise(places))


def test_hand_written_operation_has_question_marks():
    a, b = Value(2, label='a'), Value(3, label='b')
    out = Value(6, (a, b), 'mine', label='out')

    def step() -> None:
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = step
    out.backward()
    picture = Picture(draw_dot(out))
    assert picture.arrows == [('a', 'mine', '?'), ('b', 'mine', '?'), ('mine', 'out', '')]
    assert (picture.box('a').grad, picture.box('b').grad) == (3, 2)


def test_a_step_by_hand_beside_a_closure_has_question_marks_too():
    a = Value(2.0, label='a')
    out = a * 3
    out._backward = lambda: setattr(a, 'grad', 5.0)
    out.backward()
    assert [label for *_, label in Picture(draw_dot(out, names=False)).arrows] == ['?', '?', '']


@pytest.mark.parametrize('operation', [Value.sqrt, lambda x: x ** 0.5])
def test_undefined_local_gradient_is_drawn(operation):
    [label] = (label for tail, _, label in Picture(draw_dot(operation(Value(0, label='x')))).arrows if tail == 'x')
    assert label == 'undefined'


def test_drawing_changes_nothing():
    def state() -> list[tuple]:
        return [(node, node.data, node.grad, node.label, node._prev) for node in loss.topological_order()]

    loss = lesson()
    for step in (lambda: None, loss.backward):
        step()
        before = state()
        draw_dot(loss, names={'other': loss._prev[0]}).pipe()
        assert state() == before


def test_highlight_draws_every_path_bold():
    a, w = Value(3.0, label='a'), Value(-1.0, label='w')
    out = (a * a * w).tanh() + a
    root = ET.fromstring(draw_dot(out, highlight=a).pipe())
    edges = [g for g in root.iter(f'{SVG}g') if g.get('class') == 'edge']
    bold = [g for g in edges if g.find(f'.//{SVG}path').get('stroke-width') == '2.5']
    assert (len(edges), len(bold)) == (11, 10)  # all but the one from w
    assert not any(g.find(f'.//{SVG}path').get('stroke-width') for g in edges if g not in bold)
    for other in (Value(1.0), 'a'):
        with pytest.raises(ValueError, match='highlight is a Value of the graph'):
            draw_dot(out, highlight=other)
