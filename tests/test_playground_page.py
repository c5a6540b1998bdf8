"""The playground in a headless Chromium: it trains as micrograd.optim does, and its controls do what they say."""

import json
import math
import re

import pytest
from browser import Browser, Opened, expect, found_by_axe
from playgrounds import Moons, data_of, trained

from micrograd import Value, playground
from micrograd.nn import MLP, mse_loss


@pytest.fixture
def network() -> Moons:
    return Moons((4, 1), count=20)


def line(**options):
    """The playground of y = w x + b on three points."""
    x, y, w, b = (Value(0.5, label=name) for name in 'xywb')
    answer = w * x + b
    return playground((answer - y)**2, [x, y], [w, b], [[1, 2, 3], [2, 4, 7]], answer, **options)


def facts(page: Opened) -> dict[str, str]:
    """What the page says of the chosen parameter."""
    return dict(zip(page.page.locator('#numbers dt').all_text_contents(),
                    page.page.locator('#numbers dd').all_text_contents(), strict=True))


COPY = '''canvas => {  // a copy of a canvas, whose pixels may be read as often as one likes
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
    copy.drawImage(canvas, 0, 0);
    return (x, y) => [...copy.getImageData(Math.round(x), Math.round(y), 1, 1).data];
}'''


def until(page: Opened, condition: str) -> None:
    """Wait for what becomes true in the page, frame by frame."""
    page.page.evaluate(f'''() => new Promise((done, fail) => {{
        let frames = 0;
        const look = () => {condition} ? done() : ++frames > 3000 ? fail('in vain') : requestAnimationFrame(look);
        look();
    }})''')


def settled(page: Opened) -> None:
    """Wait until all that changed is drawn."""
    until(page, '!state.dirty')


# ---- Training ----

@pytest.mark.parametrize(('optimizer', 'lr', 'batch_size'), [('sgd', 0.1, 100), ('adam', 0.01, 20)])
def test_a_hundred_epochs_in_the_browser_are_those_of_optim(optimizer, lr, batch_size, opened):
    moons = Moons()
    made = moons.playground(optimizer=optimizer, lr=lr, batch_size=batch_size)
    page = opened(made)
    numbers, losses = page.page.evaluate('''() => {
        trainer.advance({epoch: 100});
        return [[...trainer.p], trainer.history.map(entry => entry.train)];
    }''')
    assert losses == pytest.approx(trained(moons, optimizer, 100, made, batch_size, lr), rel=1e-9)
    assert numbers == pytest.approx([value.data for value in moons.params], rel=1e-9, abs=1e-9)


def test_one_step(opened):
    page = opened(line(lr=0.01))
    page.page.click('#step')
    settled(page)
    assert [page.text(f'#{name}') for name in ('epoch', 'steps')] == ['1', '1']
    gradient = sum(2 * (0.5 * x + 0.5 - y) * x for x, y in [(1, 2), (2, 4), (3, 7)]) / 3
    assert facts(page) == {'value': f'{0.5 - 0.01 * gradient:.5g}', 'gradient': f'{gradient:.5g}'.replace('-', '−')}
    assert page.text('#loss-numbers') == 'train 10.75'  # (1 + 6.25 + 25) / 3, of epoch 0, before the step
    assert re.fullmatch(r'[\d.]+ ms', page.text('#took'))


def test_play_pause_and_reset(opened):
    page = opened(line(lr=0.001))
    page.page.click('#play')
    assert page.page.get_attribute('#play', 'aria-label') == 'Pause'
    until(page, 'trainer.epoch > 5')
    page.page.click('#play')
    assert page.page.get_attribute('#play', 'aria-label') == 'Train'
    epoch = page.page.evaluate('trainer.epoch')
    page.page.wait_for_timeout(100)
    assert page.page.evaluate('trainer.epoch') == epoch
    page.page.click('#reset')
    settled(page)
    assert (page.text('#epoch'), facts(page)['value']) == ('0', '0.5')
    page.page.focus('#plot')
    page.page.keyboard.press('ArrowRight')
    page.page.keyboard.press('ArrowRight')
    until(page, 'trainer.steps === 2')
    page.page.keyboard.press('r')
    until(page, 'trainer.steps === 0')
    page.page.keyboard.press(' ')
    until(page, 'trainer.steps > 3')
    page.page.keyboard.press(' ')
    assert not page.page.evaluate('state.playing')


@pytest.mark.parametrize('speed', ['steps', 'epochs', 'fast'])
def test_speeds(speed, opened, network):
    page = opened(network.playground(batch_size=5))
    page.page.select_option('#speed', speed)
    page.page.click('#play')
    until(page, 'trainer.epoch >= 1')
    assert page.page.evaluate('trainer.trouble') == ''


def test_settings_go_to_the_trainer(opened, network):
    page = opened(network.playground())
    assert page.text('#lr-number') == '0.1'
    page.page.fill('#lr', '-3')
    assert (page.text('#lr-number'), page.page.evaluate('trainer.lr')) == ('0.001', 0.001)
    assert page.page.is_hidden('#momentum-setting')
    page.page.select_option('#optimizer', 'momentum')
    page.page.fill('#momentum', '0.5')
    page.page.select_option('#batch', '4')
    assert page.page.evaluate('[trainer.optimizer, trainer.momentum, trainer.batch]') == ['momentum', 0.5, 4]
    page.page.click('#step')
    settled(page)
    assert list(facts(page)) == ['value', 'gradient', 'velocity']
    assert facts(page)['velocity'] == facts(page)['gradient']
    page.page.select_option('#optimizer', 'adam')
    page.page.click('#step')
    settled(page)
    assert list(facts(page)) == ['value', 'gradient', 'mean of the gradient', 'mean of its square', 'steps of Adam']
    assert facts(page)['steps of Adam'] == '1'


def test_a_loss_that_diverges_stops_and_says_at_which_step(opened):
    page = opened(line(lr=1000))
    page.page.select_option('#speed', 'fast')
    page.page.click('#play')
    expect(page.page.locator('#trouble')).to_be_visible()
    said = page.text('#trouble')
    steps = page.page.evaluate('trainer.steps')
    assert said.startswith(f'Training stopped at step {steps + 1}, in epoch {steps + 1}: ')
    assert 'The learning rate 1e+03 is too large' in said
    assert page.page.get_attribute('#play', 'aria-label') == 'Train'
    page.page.click('#reset')
    assert page.page.is_hidden('#trouble')


def test_a_loss_that_is_no_number_at_the_start(opened):
    x, w = Value(1.0, label='x'), Value(2.0, label='w')
    page = opened(playground((w * x).log(), [x], [w], [[-1.0, 1.0]]))
    page.page.click('#step')
    settled(page)
    assert page.text('#trouble').startswith('Training cannot begin: with the numbers at the start the loss is not a n')


# ---- What there is to see ----

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
    page.page.evaluate('answer.ranges[0][0] = -1')
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

    assert texts()['w'] == ['data 0.5', '']
    assert 'computed' not in page.text('#drawing')
    assert texts()['x'] == ['data 1', '']  # of the first sample
    page.page.click('#step')
    settled(page)
    [slope, offset], [gradient, _] = page.page.evaluate('[[...trainer.p], [...trainer.mean]]')
    assert texts()['w'] == [f'data {slope:.3g}', f'grad {gradient:.3g}'.replace('-', '−')]
    shown = [text for box in texts().values() for text in box]
    assert f'{(slope + offset - 2)**2:.3g}' in shown  # the loss of the first sample
    name = page.page.locator('text', has_text=re.compile('^b$'))
    page.page.locator('#drawing g.node').filter(has=name).click()
    settled(page)
    assert page.page.eval_on_selector('#which', 'select => select.selectedOptions[0].text') == 'b'


# ---- Results come back ----

def test_the_parameters_come_back(opened, network):
    page = opened(network.playground())
    page.page.evaluate('trainer.advance({epoch: 3})')
    page.page.click('#copy')
    expect(page.page.locator('#json-note')).to_contain_text('model.load_state_dict(json.loads(text))')
    text = page.page.input_value('#json-text')
    network.model.load_state_dict(json.loads(text))
    assert [value.data for value in network.params] == page.page.evaluate('[...trainer.p]')
    page.page.click('#json-close')
    assert not page.page.is_visible('#json')


def test_inside_a_notebook(browser: 'Browser', network):
    page = Opened(browser.new_page())
    shown = network.playground()._repr_html_()
    page.page.set_content(f'<h1>A notebook</h1>{shown}')
    assert '</iframe>' in shown and 'sandbox="allow-scripts"' in shown
    frame = page.page.frame_locator('iframe')
    frame.locator('#step').click()
    expect(frame.locator('#steps')).to_have_text('1')
    frame.locator('#copy').click()
    expect(frame.locator('#json-note')).to_contain_text('load_state_dict')
    frame.locator('#json-close').click()
    assert page.complaints == []
    page.page.close()


# ---- Manners ----

@pytest.mark.parametrize(('width', 'height'), [(1280, 800), (1920, 1080), (820, 1100), (390, 844)])
def test_nothing_is_wider_than_the_window(width, height, opened, network):
    page = opened(network.playground(test=0.2, optimizer='momentum'), width=width, height=height)
    settled(page)
    assert page.page.evaluate('document.documentElement.scrollWidth') <= width
    if height < 1000 < width:
        assert page.page.evaluate('document.documentElement.scrollHeight') <= height  # all on one screen


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_light_and_dark(scheme, opened, network):
    page = opened(network.playground(), color_scheme=scheme)
    settled(page)
    for expected in (scheme, 'dark' if scheme == 'light' else 'light'):
        paper = page.page.evaluate('COLOURS.paper')
        assert (paper[0] > 128) == (expected == 'light')
        page.page.click('#theme')
        settled(page)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize(('setting', 'width'), [('trained', 1280), ('trouble', 1280), ('trained', 390)])
def test_axe_finds_nothing(setting, width, scheme, opened, network):
    page = opened(network.playground(test=0.2, optimizer='adam'), width=width,
                  height=800, color_scheme=scheme)
    page.page.click('#step')
    if setting == 'trouble':
        page.page.evaluate('trainer.trouble = "the loss"; stop()')
    settled(page)
    assert found_by_axe(page) == []


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_axe_finds_nothing_in_the_folded_picture(scheme, opened):
    page = opened(line(), color_scheme=scheme)
    settled(page)
    assert found_by_axe(page) == []


def test_everything_is_reached_by_the_keyboard(opened, network):
    page = opened(network.playground())
    reached = []
    for _ in range(30):
        page.press('Tab')
        found = page.page.evaluate('[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]')
        if not found[0]:
            break
        reached.append(tuple(found))
    assert {'copy', 'theme', 'reset', 'play', 'step', 'lr', 'optimizer', 'batch', 'speed', 'plot', 'adding', 'which',
            'log'} <= {name for name, _ in reached}
    assert {style for _, style in reached} == {'solid'}


@pytest.mark.parametrize('label', ['</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '"\'&amp;',
                                   '\\', 'naïve ŷ 変数', '__proto__', 'x' * 300])
def test_labels_are_shown_as_they_are(label, opened):
    x, w = Value(1.0, label=label), Value(1.0, label=f'w{label}')
    page = opened(playground((w * x - 1)**2, [x], [w], [[1.0, 2.0]]))
    page.page.click('#step')
    settled(page)
    shown = page.page.eval_on_selector('#which', 'select => select.options[0].text')
    assert shown.startswith(f'w{label}'[:39])
    page.page.click('#copy')
    assert list(json.loads(page.page.input_value('#json-text'))) == [page.page.evaluate('DATA.names[0]')]


def test_a_network_of_5000_parameters_never_computes_long_without_a_look_at_the_clock(opened):
    page = opened(Moons((64, 64, 8, 1), count=40).playground())
    longest = page.page.evaluate('''() => {
        let time = 0, most = 0;  // a clock on which every sample takes 3 ms
        const loss = trainer.loss;
        trainer.loss = (x, p, g) => { time += 3; return loss(x, p, g); };
        for (let i = 0; i < 30; i++) {
            const began = time;
            trainer.advance({until: began + BUDGET.train, now: () => time});
            if (i > 3) most = Math.max(most, time - began);
        }
        return most;
    }''')
    assert longest <= 9 + 3
    assert page.page.evaluate('trainer.seen') > 60
    assert math.isfinite(page.page.evaluate('trainer.last'))
    drawn = page.page.evaluate('''() => {
        let time = 0, most = 0, passes = 0;  // a clock on which every place of the surface takes 3 ms
        const {surface} = answer, real = performance.now, out = surface.out.fill;
        surface.out.fill = function (x) { time += 3; return out.call(this, x); };
        performance.now = () => time;
        surface.at = 0;
        for (let i = 0; i < 2000; i++) {
            const began = time;
            passes += surface.compute(trainer.p, began + BUDGET.draw);
            most = Math.max(most, time - began);
        }
        performance.now = real;
        return [most, passes];
    }''')
    assert drawn[0] <= 7 + 3 and drawn[1] > 1
