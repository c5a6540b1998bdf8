"""The playground in a headless Chromium: it trains as micrograd.optim does, and its controls do what they say."""

import json
import re

import pytest
from browser import Browser, Opened, expect
from playgrounds import Moons, facts, line, settled, trained, until

from micrograd import Value, playground


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
