"""The quiz of the step player: predict each number, then see it."""

import math

import pytest
from browser import lesson


def test_predict_then_reveal(opened):
    page = opened(lesson(), '#step=99')
    page.page.get_by_role('button', name='Predict').click()
    assert page.step == 1
    assert page.box('w')[1] == 'data 1'  # the inputs are given
    page.press('Enter')
    assert page.mathematics == 'y_hat = w·x = ?'
    assert page.box('y_hat')[1] == 'data ?'
    page.page.fill('#guess', '1')
    page.press('Enter')
    assert page.text('#verdict') == '✓ Right: y_hat = w·x = 1·1 = 1'
    assert page.box('y_hat')[1] == 'data 1'
    page.press('Enter')
    page.page.fill('#guess', '5')
    page.page.get_by_role('button', name='Check').click()
    assert page.text('#verdict') == '✗ Not 5. A hint: s = 1 − 2. Try once more.'
    assert page.box('s')[1] == 'data ?'
    page.page.fill('#guess', '6')
    page.page.get_by_role('button', name='Check').click()
    assert page.text('#verdict') == '✗ Not 6, but s = y_hat − y = 1 − 2 = −1'
    page.page.get_by_role('button', name='Next').click()
    page.page.get_by_role('button', name='Show me').click()
    assert page.text('#verdict') == 'It is loss = s² = (−1)² = 1'
    assert page.text('#score') == 'Score: 1 right, 1 wrong, 1 shown'
    page.page.click('#check')
    page.page.fill('#guess', '')
    page.page.click('#check')
    assert page.text('#verdict').startswith('Type a number')
    page.page.fill('#guess', '1,0')
    page.page.click('#check')
    page.page.click('#check')
    assert page.mathematics == '∂loss/∂s += ∂loss/∂loss · ∂loss/∂s = ?'
    assert page.text('#mathematics .line:nth-child(2) .chains') == '∂loss/∂s = 2·s'
    assert page.page.text_content('.edge.now text') == ''
    page.page.fill('#guess', '−2')
    page.page.click('#check')
    assert page.text('#verdict') == '✓ Right: ∂loss/∂s += ∂loss/∂loss · ∂loss/∂s = 1 · (−2) = −2'
    assert page.text('#score') == 'Score: 3 right, 1 wrong, 1 shown'


@pytest.mark.parametrize(('step', 'guess', 'verdict'), [
    (3, '-1/1', '✓ Right: s = y_hat − y'),
    (3, '−2 / 2', '✓ Right: s = y_hat − y'),
    (3, '1', '✗ Not 1. A hint: the size is right, the sign is not.'),
    (3, '1/0', 'Type a number, such as −0.5 or 1/2'),
    (3, '1/2/3', 'Type a number'),
    (3, '/2', 'Type a number'),
    (3, 'one', 'Type a number'),
    (5, '0', '✗ Not 0. A hint: by how much does a number grow when it grows by 1?'),
    (8, '-1', '✗ Not −1. A hint: that is the local gradient: multiply it by ∂loss/∂s = ?.'),
    (6, '5', '✗ Not 5. A hint: ∂loss/∂loss = ?, and ∂loss/∂s = 2·?.'),
])
def test_a_guess_and_its_hint(step: int, guess: str, verdict: str, opened):
    page = opened(lesson())
    page.page.click('#predict')
    page.page.evaluate(f'location.hash = "#step={step}"')
    page.wait_for_step(step)
    page.page.fill('#guess', guess)
    page.press('Enter')
    assert page.text('#verdict').startswith(verdict)
    right = verdict.startswith('✓')
    assert page.text('#score') == f'Score: {int(right)} right, 0 wrong, 0 shown'
    assert page.page.is_enabled('#reveal') != right  # another try


def test_predict_hides_what_was_passed_over(opened):
    page = opened(lesson())
    page.page.click('#predict')
    page.page.click('#last')
    assert [page.box(name)[1:] for name in ('s', 'w')] == [['data ?', 'grad ?'], ['data 1', 'grad ?']]
    assert all(math.isnan(x) for x in page.numbers('grad'))
    page.value('s').hover()
    assert page.text('#tip') == 'datas = y_hat − y = ? grad∂loss/∂s = ∂loss/∂loss · ∂loss/∂s = ?'
    page.page.click('#reveal')
    assert page.mathematics == '∂loss/∂x += ∂loss/∂y_hat · ∂y_hat/∂x = ? · 1 = −2'
    page.page.click('#predict')
    page.page.click('#last')
    assert page.box('s')[1:] == ['data −1', 'grad −2 ▼']


def test_playing_stops_at_a_question(opened):
    page = opened(lesson())
    page.page.click('#predict')
    page.page.select_option('#speed', '8')
    page.page.click('#play')
    page.page.get_by_role('button', name='Play', exact=True).wait_for()
    assert page.step == 2
