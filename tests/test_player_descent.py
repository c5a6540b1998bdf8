"""Descent in the step player: its steps are the engine's, it says what it does, and takes it back."""

import re

import pytest
from browser import GRAPHS, close, gradients, lesson

from micrograd.command.expression import evaluate
from micrograd.show.player import play


@pytest.mark.parametrize('before', [lambda page: None, lambda page: page.page.click('#last')])
def test_descent_is_the_engines(before, opened):
    """Three steps by the buttons, and by hand on the same graph."""
    text, numbers = GRAPHS['tanh, sigmoid']
    page = opened(play(evaluate(text, numbers)))
    before(page)
    page.page.get_by_label('c descends').uncheck()
    page.page.fill('#rate', '0.5')
    losses = []
    for _ in range(3):
        output = evaluate(text, numbers)
        losses.append(output.data)
        page.page.click('#descend')
        grads = {v.label: v.grad for v in output.topological_order()}
        numbers = {name: number - 0.5 * grads[name] * (name != 'c') for name, number in numbers.items()}
    output = evaluate(text, numbers)
    page.page.click('#last')
    assert close(page.numbers('data'), [v.data for v in output.topological_order()])
    assert close(page.numbers('grad'), gradients(output.topological_order()))
    assert page.text('#loss') == f'y = {output.data:.6g} after 3 steps'
    losses.append(output.data)
    shown = page.page.get_attribute('#curve', 'aria-label').split(': ')[1].split(', ')
    assert [float(loss) for loss in shown] == pytest.approx(losses, rel=1e-5)
    heights = [float(y) for _, y in re.findall(r'[ML]([\d.]+) ([\d.]+)', page.page.get_attribute('#line', 'd'))]
    share = [(high - losses[0]) / (losses[-1] - losses[0]) for high in losses]
    assert [(y - heights[0]) / (heights[-1] - heights[0]) for y in heights] == pytest.approx(share, abs=0.01)


def test_the_keyboard_goes_on_where_a_button_cannot_be_pressed_any_more(opened):
    page = opened(lesson())
    focused = 'document.activeElement.id'
    page.page.focus('#descend')
    page.press('Enter')
    assert page.page.evaluate(focused) == 'descend'
    page.page.focus('#undo')
    page.press('Enter')
    assert (page.page.is_disabled('#undo'), page.page.evaluate(focused)) == (True, 'rate')
    page.page.click('#predict')
    page.press('Enter')
    page.page.focus('#reveal')
    page.press('Enter')
    assert (page.page.is_disabled('#reveal'), page.page.evaluate(focused)) == (True, 'check')
    page.press('Enter')
    assert page.step == 3


def test_descent_says_what_it_does_and_takes_it_back(opened):
    page = opened(lesson())
    assert page.page.is_disabled('#undo')
    page.page.click('#descend')
    assert page.text('#descent') == 'w ← 1 − 0.1 · (−2) = 1.2'  # x and y are data
    page.page.click('#descend')
    assert page.page.get_by_label('w, number', exact=True).input_value() == '1.36'
    page.page.click('#undo')
    assert page.page.get_by_label('w, number', exact=True).input_value() == '1.2'
    page.page.get_by_label('w, number', exact=True).fill('1.5')  # by hand: the last point moves with it
    assert page.text('#loss') == 'loss = 0.25 after 1 step'
    page.page.click('#undo')
    assert page.text('#loss') == 'loss = 1 after 0 steps'
    assert page.page.is_disabled('#undo')
    page.page.click('#descend')
    page.page.click('#reset')
    assert page.text('#loss') == 'loss = 1 after 0 steps'


def test_descent_that_cannot_be(opened):
    page = opened(play(evaluate('y = sqrt(a) + w', {'a': 0.01, 'w': 1})))
    page.page.get_by_label('w descends').uncheck()
    assert page.text('#descent').startswith('Choose what descends')
    assert page.page.is_disabled('#descend')
    page.page.get_by_label('a descends').check()
    page.page.fill('#rate', '0')
    assert page.text('#descent') == 'The learning rate is a number above 0.'
    page.page.fill('#rate', '1')
    page.page.click('#descend')
    assert 'sqrt is not defined here' in page.text('#trouble')
    assert page.text('#descent').startswith('A gradient is not defined here')
    assert page.page.is_disabled('#descend')
    page.page.click('#undo')
    assert page.text('#loss') == 'y = 1.1 after 0 steps'
    assert page.page.is_enabled('#descend')
