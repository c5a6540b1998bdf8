"""What a picture says of itself: notes below it, tips, a legend, and what is left empty for those who learn."""

import re
import xml.etree.ElementTree as ET

import pytest

from micrograd import Value, dot, draw_dot
from micrograd.nn import MLP
from pictures import SVG, Picture

pytestmark = pytest.mark.usefixtures('each_dot')
TITLE = '{http://www.w3.org/1999/xlink}title'


def lesson() -> Value:
    """Lesson 1, before its backward pass."""
    w, x, y = (Value(number, label=name) for name, number in (('w', 1), ('x', 1), ('y', 2)))
    y_hat = w * x
    s = y_hat - y
    loss = s ** 2
    for name, node in {'y_hat': y_hat, 's': s, 'loss': loss}.items():
        node.label = name
    return loss


def named(root: Value) -> dict[str, Value]:
    return {node.label: node for node in root.topological_order() if node.label}


def notes(root: Value, **options) -> str:
    return ' '.join(Picture(draw_dot(root, **options)).captions)


def remarks(root: Value, **options) -> dict[str, list[str]]:
    return {box.name: box.remarks for box in Picture(draw_dot(root, **options)).boxes if box.remarks}


def test_nothing_to_say_after_one_backward():
    loss = lesson()
    assert notes(loss) == 'gradients not computed yet: call backward()'
    loss.backward()
    assert (notes(loss), remarks(loss)) == ('', {})


def test_passes_that_added_up():
    loss = lesson()
    loss.backward()
    loss.backward()
    assert 'more than one backward() of loss' in notes(loss)
    assert remarks(loss) == {'w': [' not −2'], 'x': [' not −2'], 'y': [' not 2']}
    for node in named(loss).values():
        node.grad = None
    assert notes(loss) == 'gradients not computed yet: call backward()'


def test_inputs_that_changed():
    loss = lesson()
    loss.backward()
    named(loss)['w'].data = 5.0
    assert notes(loss) == 'inputs changed since the forward pass: compute it again'
    assert remarks(loss) == {'y_hat': [' now 5']}  # where it begins
    w, x, b = [Value(1.0, label=f'w{i}') for i in range(3)], [Value(2.0) for _ in range(3)], Value(4.0)
    out = dot(w, x) + b
    w[0].data = 2.0
    [table] = (box for box in Picture(draw_dot(out)).boxes if box.remarks)
    assert table.remarks == [' now 12']


def test_gradients_of_another_result():
    x = Value(2.0, label='x')
    inner = x * 3
    loss = inner ** 2
    loss.backward()
    assert notes(inner, names=locals()) == 'the gradients are those of loss, not of inner'
    assert notes(inner, names=False) == 'the gradients are those of something computed from this, not of this'
    other = x * 5
    assert notes(other, names=locals()) == (
        'gradients not computed yet: call backward(); what is there is left from another pass')


def test_a_zero_below_a_dead_relu_is_a_zero():
    a = Value(-1.0, label='a')
    result = a * 2
    loss = (result.relu() - 1) ** 2
    assert notes(result).startswith('gradients not computed yet')
    loss.backward()
    picture = Picture(draw_dot(result))
    assert picture.captions == ['the gradients are those of loss, not of result']
    assert [box.lines[-1] for box in picture.boxes] == ['grad 0'] * 3
    assert [box.lines[-1] for box in Picture(draw_dot(result, names=False)).boxes] == ['grad –'] * 3


def arrows(root: Value, **options) -> dict[str, tuple[str | None, str | None]]:
    """The width and the dashes of each arrow, by its title."""
    svg = ET.fromstring(draw_dot(root, **options).pipe())
    found = {}
    for group in svg.iter(f'{SVG}g'):
        if group.get('class') == 'edge':
            path = group.find(f'.//{SVG}path')
            found[group.find(f'{SVG}title').text] = path.get('stroke-width'), path.get('stroke-dasharray')
    return found


def test_dead_arrows_are_dashed_and_never_lit():
    a, b = Value(-1.0, label='a'), Value(2.0, label='b')
    out = (a * b).relu() + a
    order = out.topological_order()
    relu, total = (f'op{order.index(v)}' for v in order if v._op in ('relu', '+'))
    product, start = f'v{order.index(order[2])}', f'v{order.index(a)}'
    plain, lit = arrows(out), arrows(out, highlight=a)
    assert [title for title, (_, dashes) in plain.items() if dashes] == [f'{product}->{relu}']
    assert {title for title, (width, _) in lit.items() if width == '2.5'} == {
        f'{start}->{total}', f'{total}->v{len(order) - 1}'}  # not by way of the relu


def test_tips_have_full_names_all_digits_and_formulas():
    w, x = Value(1 / 3, label='w' * 50), Value(3.0, label='x')
    out = (w * x).tanh()
    out.label = 'out'
    out.backward()
    root = ET.fromstring(draw_dot(out).pipe())
    tips = [element.get(TITLE) for element in root.iter() if element.get(TITLE)]
    assert any('w' * 50 in tip and f'data {1 / 3!r}' in tip and f'grad {w.grad!r}' in tip for tip in tips)
    assert any(re.search(r'^out = tanh\(', tip) and f'data {out.data!r}' in tip for tip in tips)
    assert any(re.search(rf'^∂.*/∂.* = {1 - out.data ** 2!r}$', tip) for tip in tips)


@pytest.mark.parametrize('label', ['<b>', '&amp;', '&#65;', '"', '\\', '\\N', '\\"', '\\\\T', 'a\nb', '\0', '\ud800',
                                   '-->', ']]>'])
def test_any_label_in_a_tip(label: str):
    root = ET.fromstring(draw_dot(Value(1.0, label=label) * 2).pipe())
    [tip] = (e.get(TITLE) for e in root.iter() if (e.get(TITLE) or '').endswith('data 1'))
    assert tip.startswith(re.sub(r'[\0\ud800]', '\ufffd', label.replace('\n', ' ')))


def test_the_legend_explains_what_is_to_be_seen():
    plain, legend = (Picture(draw_dot(lesson(), legend=choice)) for choice in (False, True))
    assert plain.captions == ['gradients not computed yet: call backward()']
    words = ' '.join(legend.captions)
    for sign in ('leaf', 'result', 'constant', 'operation', '▲', '▼', 'local gradient', 'dashed'):
        assert sign in words
    assert len(plain.boxes) == len(legend.boxes)


def test_a_page_for_paper_gives_no_answer_away():
    loss = lesson()
    loss.backward()
    picture = Picture(draw_dot(loss, blank=True))
    words = [line for box in picture.boxes for line in box.lines]
    assert sorted(words) == sorted(['w', 'data 1', 'x', 'data 1', 'y', 'data 2', 'y_hat', 's', 'loss', *['data'] * 3,
                                    *['grad'] * 6])
    assert not any(label for *_, label in picture.arrows)
    grounds = {box.background(-1) for box in picture.boxes}
    assert grounds == {'#ffffff'}
    neuron = MLP(3, [2])([1.0, 2.0, 3.0])[0]
    neuron.backward()
    given = {f'{node.data:.4g}'.replace('-', '−') for node in neuron.topological_order() if not node._prev}
    numbers = {line for box in Picture(draw_dot(neuron, blank=True)).boxes for line in box.lines
               if re.fullmatch(r'−?[\d.]+( [▲▼])?', line)}
    assert numbers <= given


def test_a_folded_picture_says_the_same():
    loss = lesson()
    assert notes(loss, fold=True).endswith('gradients not computed yet: call backward()')
    loss.backward()
    loss.backward()
    assert 'more than one backward() of loss' in notes(loss, fold=True)
    named(loss)['w'].data = 5.0
    assert 'inputs changed since the forward pass' in notes(loss, fold=True)
    assert 'a leaf' not in notes(loss, fold=True, legend=True)
    for sign in ('×20', 'the same job', 'constants', 'a module', 'the smallest and the largest', 'which operand'):
        assert sign in notes(loss, fold=True, legend=True)
    with pytest.raises(ValueError, match='a page to fill in has a box for each value, and this graph has 6'):
        draw_dot(loss, fold=True, blank=True)


def test_larger_letters_and_more_dots():
    small, large = (ET.fromstring(draw_dot(lesson(), fontsize=size).pipe()) for size in (12, 24))
    sizes = [{float(text.get('font-size')) for text in root.iter(f'{SVG}text')} for root in (small, large)]
    assert sizes[1] == {2 * size for size in sizes[0]}

    def width(png: bytes) -> int:
        return int.from_bytes(png[16:20], 'big')

    coarse, fine = (width(draw_dot(lesson(), dpi=dpi).pipe(format='png')) for dpi in (96, 192))
    assert fine == pytest.approx(2 * coarse, abs=3)
    assert draw_dot(lesson(), dpi=192).pipe() == draw_dot(lesson()).pipe()  # what is drawn in lines has no dots


@pytest.mark.parametrize('options', [{'dpi': 0}, {'dpi': -96}, {'dpi': float('nan')}, {'fontsize': 0},
                                     {'fontsize': float('inf')}])
def test_sizes_that_are_none(options: dict):
    [(name, number)] = options.items()
    with pytest.raises(ValueError, match=rf'{name} is a number above 0, not {number}'):
        draw_dot(lesson(), **options)
