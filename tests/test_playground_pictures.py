"""What there is to see in the playground, and to move by hand: surface, points, network, folded graph."""

import math
import random
import re

import pytest
from browser import expect
from playgrounds import data_of, facts, line, settled

from micrograd import Value, dot, playground
from micrograd.nn import MLP, Module, mse_loss

COPY = '''canvas => {  // a copy of a canvas, whose pixels may be read as often as one likes
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
    copy.drawImage(canvas, 0, 0);
    return (x, y) => [...copy.getImageData(Math.round(x), Math.round(y), 1, 1).data];
}'''


def test_the_surface_has_the_colours_of_the_answer(opened):
    x, z, y, w = (Value(1.0, label=name) for name in ('x', 'z', 'y', 'w'))
    answer = w * x + 0 * z
    page = opened(playground((1 - y * answer).relu(), [x, z, y], [w], [[-1, 1], [-1, 1], [-1, 1]], answer))
    settled(page)
    (red, _, blue, _), (red2, _, blue2, _) = page.page.evaluate(f'''() => {{
        const {{canvas}} = answer, at = ({COPY})(canvas);
        return [0.2, 0.9].map(share => at(share * canvas.width, 0.3 * canvas.height));
    }}''')
    assert red > blue + 100 and blue2 > red2 + 80  # orange on the left, blue on the right
    assert page.text('#answer-title') == 'Decision surface'
    assert page.text('#right') == '100 % right'


def test_where_the_answer_has_no_number_the_surface_is_grey(opened):
    x, z, w = (Value(1.0, label=name) for name in ('x', 'z', 'w'))
    answer = (w * x).log() + 0 * z
    page = opened(playground(answer**2, [x, z], [w], [[0.1, 1.0], [0.0, 1.0]], answer))
    page.page.evaluate('answer.ranges[0][0] = -1; state.stale = true')
    settled(page)
    page.page.click('#theme')
    settled(page)
    left, right = page.page.evaluate('[answer.surface.outputs[0][0], answer.surface.outputs[0][39]]')
    assert (math.isnan(left), math.isfinite(right)) == (True, True)
    assert page.page.evaluate('''() => {
        const {pixels} = answer.surface.pictures[0];
        return [pixels[0] === COLOURS.nowhere, pixels[39] === COLOURS.nowhere];
    }''') == [True, False]


def test_points_are_added_moved_and_removed(opened, network):
    page = opened(network.playground())
    settled(page)
    box = page.page.locator('#plot').bounding_box()
    x, y = box['x'] + 0.7 * box['width'], box['y'] + 0.1 * box['height']
    page.page.select_option('#adding', '-1')
    page.page.mouse.click(x, y)
    assert page.page.evaluate('trainer.samples.length') == 21
    page.page.mouse.down()
    before = page.page.evaluate('[...trainer.samples[20]]')
    page.page.mouse.move(x - 60, y + 90, steps=3)
    page.page.mouse.up()
    after = page.page.evaluate('[...trainer.samples[20]]')
    assert after[0] < before[0] and after[1] < before[1] and after[2] == before[2] == -1
    page.page.click('#step')
    assert page.page.evaluate('trainer.history.length') == 1
    expect(page.page.locator('#remove')).to_be_enabled()
    page.page.click('#remove')
    assert page.page.evaluate('trainer.samples.length') == 20
    assert page.page.evaluate('[...trainer.samples[19]]') == pytest.approx(data_of(network.playground())['train'][19])


def test_points_by_the_keyboard(opened):
    page = opened(line())
    settled(page)
    page.page.focus('#plot')
    page.press('PageDown', 'PageDown', 'ArrowUp')
    [x, y] = page.page.evaluate('[...trainer.samples[1]]')
    assert x == 2 and y > 4
    page.press('Enter', 'ArrowLeft', 'Delete', 'PageUp', 'Delete')
    assert page.page.evaluate('trainer.samples.length') == 2
    assert page.page.evaluate('trainer.steps') == 0  # the arrows were the point's


def test_the_network_and_its_parameters(opened, network):
    page = opened(network.playground())
    settled(page)
    assert page.text('#about') == '17 parameters, 20 samples'
    assert page.page.get_attribute('#diagram', 'aria-label') == f'The network: {network.model!r}'
    box = page.page.locator('#diagram').bounding_box()
    for choose in ('state.network.lines[5]', 'state.network.lines.at(-1)'):
        x, y, name, number = page.page.evaluate(f'''() => {{
            const {{from, to, parameter}} = {choose}, share = 0.3;
            return [from.x + from.size + share * (to.x - to.size - from.x - from.size),
                    from.y + share * (to.y - from.y), DATA.names[parameter], trainer.p[parameter]];
        }}''')
        page.page.mouse.move(box['x'] + x, box['y'] + y)
        assert page.page.get_attribute('#diagram', 'title').startswith(f'{name} = ')
        page.page.mouse.click(box['x'] + x, box['y'] + y)
        settled(page)
        assert page.page.eval_on_selector('#which', 'select => select.selectedOptions[0].text') == name
        assert float(facts(page)['value'].replace('−', '-')) == pytest.approx(number, rel=1e-4)
    page.page.select_option('#which', label='layers.0.neurons.3.b')
    settled(page)
    assert facts(page)['value'] == '0'


def test_a_neuron_shows_its_own_surface(opened, network):
    for value in network.params:
        value.data = 0.0
    network.model.layers[0].neurons[0].w[0].data = 1.0  # relu(x1): nothing on the left, blue on the right
    page = opened(network.playground())
    settled(page)
    left, right = page.page.evaluate(f'''() => {{
        const {{x, y, size}} = state.network.circles.find(({{layer, i}}) => layer === 1 && i === 0);
        const {{canvas}} = state.network, sharp = canvas.width / canvas.clientWidth, at = ({COPY})(canvas);
        return [-0.6, 0.6].map(share => at((x + share * size) * sharp, y * sharp));
    }}''')
    assert left[:3] == [255, 255, 255]
    assert right[2] - right[0] > 60


def test_more_than_two_features(opened):
    inputs, target = [Value(0.5, label=f'x{i}') for i in range(3)], Value(0.0, label='y')
    model = MLP(3, [2, 1], activation='tanh')
    answer = model(inputs)
    answer = answer[0] if isinstance(answer, list) else answer
    data = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [1.0, 2.0]]
    page = opened(playground(mse_loss(answer, target), [*inputs, target], model.parameters(), data, answer, model,
                             test=[[0], [0], [0], [1]]))
    settled(page)
    assert page.text('#answer-title') == 'Predicted against true'
    assert page.page.is_hidden('#editing')
    expected = model([0.2, 0.4, 0.6])
    expected = expected[0] if isinstance(expected, list) else expected
    assert page.page.evaluate('answer.predicted(trainer.samples[1])') == pytest.approx(expected.data)


def test_a_loss_of_parameters_alone(opened):
    a, b = Value(3.0, label='a'), Value(-2.0, label='b')
    page = opened(playground((1 - a)**2 + (b - a**2)**2, [], [a, b], [], lr=0.001))
    assert page.page.is_hidden('#answer')
    page.page.click('#step')
    settled(page)
    assert page.text('#loss-numbers') == 'train 125'


def test_the_folded_picture_is_alive(opened):
    x, y, w, b = (Value(0.5, label=name) for name in 'xywb')
    answer = w * x + b
    page = opened(playground((answer - y)**2, [x, y], [w, b], [[1, 2, 3], [2, 4, 7]], answer, lr=0.01))
    settled(page)

    def texts():
        groups = page.page.eval_on_selector_all('#drawing g.node', """groups => groups.map(
            group => [...group.querySelectorAll('text')].map(text => text.textContent))""")
        return {name: rest for name, *rest in groups}

    assert texts()['w'] == ['data 0.5', 'grad −2']  # 2 (0.5 + 0.5 − 2) 1, of the first sample
    assert texts()['x'] == ['data 1', 'grad −1']
    assert 'computed' not in page.text('#drawing')
    page.page.click('#step')
    settled(page)
    slope, offset = page.page.evaluate('[...trainer.p]')
    assert texts()['w'] == [f'data {slope:.3g}', f'grad {2 * (slope + offset - 2):.3g}'.replace('-', '−')]
    shown = [text for box in texts().values() for text in box]
    assert f'{(slope + offset - 2)**2:.3g}' in shown  # the loss of the first sample
    name = page.page.locator('text', has_text=re.compile('^b$'))
    page.page.locator('#drawing g.node').filter(has=name).click()
    settled(page)
    assert page.page.eval_on_selector('#which', 'select => select.selectedOptions[0].text') == 'b'


class Recurrent(Module):
    """A recurrent network of four, which is folded."""

    def __init__(self) -> None:
        draw = random.Random(3)
        self.u = [Value(draw.uniform(-1, 1)) for _ in range(4)]
        self.w = [[Value(draw.uniform(-1, 1)) for _ in range(4)] for _ in range(4)]

    def __call__(self, xs: list[Value]) -> Value:
        h = [u * xs[0] for u in self.u]
        for x in xs[1:]:
            h = [(dot(row, h) + u * x).tanh() for row, u in zip(self.w, self.u, strict=True)]
        return dot(h, h) / 4


def test_folded_gradients_and_numbers_are_the_engines(opened):
    model, xs = Recurrent(), [Value(0.3 * i - 0.5, label=f'x{i}') for i in range(4)]
    loss = model(xs)
    shown = playground(loss, xs, model.parameters(), [[x.data] for x in xs], model=model, optimizer='adam')
    page = opened(shown)
    settled(page)
    loss.backward()
    results = [value for card in shown.drawing._shown for row in card for value in row if value._prev]
    engine = [loss if value._prev == loss._prev else value for value in results]
    found = page.page.evaluate('[...state.live.g]')
    expected = [value.grad for value in [*xs, *model.parameters(), *engine]] + [value.data for value in engine]
    assert len(engine) > 20 and found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    texts = page.page.locator('#drawing g.node text').all_text_contents()
    assert not [text for text in texts if '0.0088' in text]  # every place has its own
    low, high = min(u.grad for u in model.u), max(u.grad for u in model.u)
    assert f'grad {low:.2g} … {high:.2g}'.replace('-', '−') in texts
