"""The notebooks as they are committed: executed from top to bottom, without complaint, with the lessons' numbers."""

import base64
import json
import os
import re
from pathlib import Path

import pytest

# those that are committed, or a copy that has been executed anew
COMMITTED = Path(__file__).parent.parent / 'notebooks'
FOLDER = Path(os.environ.get('NOTEBOOKS', COMMITTED))
NOTEBOOKS = sorted(FOLDER.glob('*.ipynb'))
APPENDICES = [path for path in NOTEBOOKS if path.name.startswith('a')]


def cells(path):
    return json.loads(path.read_text(encoding='utf-8'))['cells']


def printed(number):
    """The text that the notebook with this number shows."""
    beginning = f'{number:02d}_' if isinstance(number, int) else number
    path = next(path for path in NOTEBOOKS if path.name.startswith(beginning))
    outputs = [output for cell in cells(path) for output in cell.get('outputs', ())]
    texts = [output.get('text', output.get('data', {}).get('text/plain', ())) for output in outputs]
    return ''.join(''.join(text) + '\n' for text in texts)


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_is_executed_in_order_and_quietly(path):
    code = [cell for cell in cells(path) if cell['cell_type'] == 'code']
    assert [cell['execution_count'] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell['outputs']]
    assert outputs
    assert not [output for output in outputs if output['output_type'] == 'error' or output.get('name') == 'stderr']
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_ends_with_what_to_take_along_and_three_questions(path):
    last = ''.join(cells(path)[-1]['source'])
    assert '## Take along\n' in last
    questions, answers = last.split('<details><summary>Answers</summary>')
    for part in (questions, answers):
        assert re.findall(r'^(\d)\. ', part, re.MULTILINE) == [*'123']


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_code_fits_a_screen_and_says_first_what_for(path):
    for before, cell in zip([None, *cells(path)], cells(path), strict=False):
        if cell['cell_type'] == 'code':
            lines = [line for line in ''.join(cell['source']).splitlines() if 'SOLUTION' not in line]
            whole = lines[0].startswith('%%writefile my_engine.py')  # all of the reader's engine, in one file
            assert len(lines) <= (29 if whole else 26)
            assert max(map(len, lines)) <= 125
            assert before
            if before['cell_type'] == 'markdown':
                assert not ''.join(before['source']).splitlines()[-1].startswith('#'), 'a heading, and no word'


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_every_answer_has_a_check_which_is_content(path):
    kinds = [cell['metadata'].get('tags', [''])[0] for cell in cells(path)]
    answers = [place for place, kind in enumerate(kinds) if kind == 'answer']
    assert answers
    for place in answers:
        assert kinds[place + 1] == 'check'
        [output] = cells(path)[place + 1]['outputs']
        assert ''.join(output['data']['text/plain']).startswith('OK')


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_stands_alone_and_asserts_nothing(path):
    """Nothing of the repository is read, and no number that a reader changes ends in an AssertionError of ours."""
    code = '\n'.join(''.join(cell['source']) for cell in cells(path) if cell['cell_type'] == 'code')
    assert '../' not in code
    assert not re.search(r'^\s*assert ', code, re.MULTILINE)


@pytest.mark.parametrize('uses, says', [
    (r'^ *import torch$', r'PyTorch +is not installed: .*left out'),
    (r'^ *(curves|bars|boundary)\(', 'A plot is left out here'),
])
def test_what_is_not_installed_is_left_out_everywhere_with_a_line_that_says_so(uses, says):
    """In a copy that was executed without PyTorch and matplotlib; in the committed notebooks nothing is left out."""
    using = [path for path in NOTEBOOKS if any(
        re.search(uses, ''.join(cell['source']), re.MULTILINE) for cell in cells(path) if cell['cell_type'] == 'code'
        and not cell['source'][0].startswith('%%'))]
    saying = [path for path in NOTEBOOKS if re.search(says, printed(path.name))]
    assert len(using) > 7
    assert saying == ([] if FOLDER == COMMITTED or not saying else using)


def test_lesson_0_finds_slopes():
    text = printed(0)
    assert re.search(r'h = 0.0001 +f grows by 0.001400, +that is +14.0003', text)
    assert re.findall(r'slope for (\w): (\S+)', text) == [('a', '-3.0'), ('b', '2.0'), ('c', '1.0')]


def test_lesson_1_agrees_with_the_hand_and_with_pytorch():
    text = printed(1)
    assert 'y_hat = 1.0   s = -1.0   loss = 1.0' in text
    assert re.findall(r'(by hand|micrograd|PyTorch) +(\S+)', text) == [
        ('by hand', '-2.0'), ('micrograd', '-2.0'), ('PyTorch', '-2.0')]
    assert 'w was 1.0 and is 1.0; w.grad is -2.0; loss.grad is 1.0' in text
    assert 'once: -2.0   twice: -4.0   the leaf w' in text
    assert 'once: -2.0   twice: -2.0   the result y_hat' in text


LESSON_2 = [  # y_hat, loss, w.grad and w after the update, where the gradients accumulate
    ('7.0000', '16.0000', '16.0000 24.0000 8.0000', '0.8400 0.7600 1.9200'),
    ('5.8800', '8.2944', '27.5200 41.2800 13.7600', '0.5648 0.3472 1.7824'),
    ('3.9536', '0.9094', '31.3344 47.0016 15.6672', '0.2515 -0.1228 1.6257'),
]


def test_lesson_2_accumulates_and_starts_afresh():
    text = printed(2)
    rows = re.findall(r'^ +\d +([\d.]+) +([\d.]+) +\[(.*?)\] +\[(.*?)\]$', text, re.MULTILINE)
    rows = [(y_hat, loss, *(' '.join(re.findall(r'[-\d.]+', vector)) for vector in vectors))
            for y_hat, loss, *vectors in rows]
    accumulating, afresh = rows[:4], rows[4:]
    assert accumulating[:3] == LESSON_2
    assert accumulating[3][:2] == ('1.7602', '1.5371')
    assert afresh[0] == LESSON_2[0]
    assert afresh[1][2] == '11.5200 17.2800 5.7600'
    beside_pytorch = re.findall(r'^ +\d +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$', text, re.MULTILINE)
    assert len(beside_pytorch) == 6
    assert all(a == b and c == d for a, b, c, d in beside_pytorch)


def test_lesson_3_builds_an_engine_that_gives_all_the_numbers():
    text = printed(3)
    for number in ('-2.0000', '2 * (-3) + 2 = -4', '1, -1 and -2', 'L = 16; q: -8, p: -8, a: 16, b: -16',
                   'comes out as 8, and should be 4', '64 after six doublings', '0.462117', '1.572895',
                   '1.630', '2.898', '6.740', '7.285', '597.7400', '0.0424',
                   '0.4289326', '0.0213347', '0.0024973', '-0.0286384', '-0.1',
                   'my_engine.Value gives the same numbers', 'micrograd.engine.Value gives the same numbers'):
        assert number in text
    assert int(re.search(r'(\d+) lines in my_engine.py', text)[1]) <= 23


def test_lesson_4_has_the_wrong_numbers_and_the_right_ones():
    text = printed(4)
    assert re.search(r'b = a \+ a; c = b \+ b +dc/da = 8.0', text)
    assert re.search(r'^ +6 +64 +64 +104064$', text, re.MULTILINE)
    assert 'a*a at 3: 3.0' in text and 'a*a at 3: 6.0' in text
    assert 'DIFFER' in text


def test_lesson_5_agrees_with_the_formulas_and_with_pytorch():
    text = printed(5)
    for name in ('dE/dw', 'dE/db'):
        by_hand, engine, pytorch = re.search(rf'^{name} +(\S+) +(\S+) +(\S+)$', text, re.MULTILINE).groups()
        assert by_hand == engine == pytorch
        assert float(by_hand)
    neuron = re.findall(r'^dE/(?:dw\d|db) +(\S+) +(\S+)$', text, re.MULTILINE)
    assert len(neuron) == 4 and all(formula == engine and float(engine) for formula, engine in neuron)
    assert re.search(r'w\.0 +3\.000000\nb +2\.000000', text)
    assert 'the weights before and after backward(): the same' in text


@pytest.mark.parametrize('quantity, number', [
    ('loss', '0.4289326'), ('dL/d hidden weight', '0.0213347'), ('dL/d hidden bias', '0.00249732'),
    ('dL/d output weight', '-0.0286384'), ('dL/d output bias', '-0.1000000'),
])
def test_lesson_6_has_its_five_numbers_three_times(quantity, number):
    row = re.search(rf'^{quantity} +(\S+) +(\S+) +(\S+)$', printed(6), re.MULTILINE)
    digits = len(number.partition('.')[2])
    assert [f'{float(cell):.{digits}f}' for cell in row.groups()] == [number] * 3


def test_lesson_6_has_the_predictions_and_what_a_wrong_formula_does():
    text = printed(6)
    predictions = re.search(r'predictions (.*)', text)[1].split()
    assert (len(predictions), predictions[0], predictions[-1]) == (8, '-0.0525', '-0.0475')
    assert 'loss before                       0.4771' in text
    assert re.search(r'all four +right 0.2582 +wrong 0.0713', text)
    assert re.search(r'the hidden two +right \S+ +wrong 0.5710', text)


LESSON_7 = {  # epoch: w by hand, L by hand, w by autograd, L by autograd
    1: (3.260, 597.7400, 1.630, 597.7400), 2: (5.071, 184.3844, 2.898, 361.5235), 3: (6.077, 56.8769, 3.884, 218.6557),
    4: (6.636, 17.5448, 4.651, 132.2467), 5: (6.946, 5.4120, 5.247, 79.9851), 10: (7.313, 0.0151, 6.740, 6.4734),
    15: (7.332, 0.0000, 7.164, 0.5239), 20: (7.333, 0.0000, 7.285, 0.0424),
}


@pytest.mark.parametrize('epoch', LESSON_7)
def test_lesson_7_by_hand_and_by_autograd(epoch):
    """To one unit in the last digit, since the lesson's own reference was computed in single precision."""
    cells = re.search(rf'^ +{epoch}((?: +\d+\.\d+){{8}})$', printed(7), re.MULTILINE).group(1).split()
    assert cells[2:4] == cells[4:6] == cells[6:8]  # Value, module and optimizer, PyTorch
    for cell, expected, unit in zip(cells, LESSON_7[epoch], (1e-3, 1e-4, 1e-3, 1e-4), strict=False):
        assert abs(float(cell) - expected) < 1.01 * unit


def test_lesson_7_has_every_row_the_predictions_and_the_slip():
    text = printed(7)
    assert len(re.findall(r'^ +\d+ +by hand .* by autograd ', text, re.MULTILINE)) == 20
    assert 'predictions by hand     0.000000 2.199983 … 41.79967' in text
    assert 'predictions by autograd 0.0000 2.1856 … 41.5262' in text
    assert 'by hand -3260.40   by autograd -163.02   ratio 20.0' in text
    assert 'single precision 597.7401   double precision 597.7400' in text
    assert 'RuntimeError: a leaf' in text


def test_lesson_8_has_the_symptoms():
    text = printed(8)
    assert 'equal gradients in 150 of 150 steps' in text and 'equal gradients in 0 of 150 steps' in text
    assert 'p -= …       the weights are [1.0, -2.0]' in text
    assert 'p.data -= …  the weights are [0.8, -1.6]' in text
    assert 'OverflowError' in text
    assert 'start at w = 8.0: after 200 steps w = 7.9999, loss = 1.0000' in text
    dead, leaky, patient, without = map(float, re.search(
        r'dead (\S+), leaky (\S+), patient (\S+), no relu (\S+)', text).groups())
    assert dead > 1 > 0.02 > max(leaky, patient, without)
    assert 'without zero_grad and with momentum 1: the same path' in text


def test_lesson_9_learns_the_moons_which_a_line_does_not():
    text = printed(9)
    assert int(re.search(r'accuracy on the 100 points: (\d+)%', text).group(1)) >= 97
    assert float(re.search(r'accuracy on 500 new points: ([\d.]+)%', text).group(1)) >= 95
    assert 'kinks through the origin: before 16  after 0' in text
    assert int(re.search(r'parameters: 337   accuracy: (\d+)%', text).group(1)) < 95


def test_lesson_10_is_p_minus_one_hot():
    text = printed(10)
    assert 'p = 0.705385, 0.259496, 0.035119   sum 1.000000' in text
    assert 'loss = 0.349012' in text
    numbers = '0.349012 -0.294615  0.259496  0.035119'
    assert f'micrograd {numbers}' in text and f'PyTorch   {numbers}' in text


def test_lesson_11_has_all_gradients_in_matrices():
    text = printed(11)
    found = re.search(r'gradients: (\d+) +largest difference: (\S+) +the loss: (\S+)', text)
    assert found[1] == '337'
    assert float(found[2]) < 1e-12 and float(found[3]) < 1e-12
    for name in ('dW', 'db'):
        ours, theirs = re.search(rf'{name} = (.*)\n +(.*) by the engine', text).groups()
        assert ours == theirs


def test_lesson_12_writes_lesson_1_and_ends_where_lesson_9_does():
    text = printed(12)
    assert '    y_hat = w * x\n    s = y_hat - y\n    loss = s ** 2\n' in text
    assert '    d_s = 2 * s\n    d_y_hat = d_s\n    d_w = d_y_hat * x\n' in text
    assert re.search(r'turn 6   u =  1.00000   v =  1.00000', text)
    last = re.compile(r'epoch +99 +loss (\S+)')
    assert last.search(text)[1] == last.search(printed(9))[1]
    assert re.findall(r'(\d+) of 100 points are on their side', text) == ['100', '100']


def test_the_appendices_have_the_same_numbers_everywhere():
    bridge, backends, machines = (printed(path.name) for path in APPENDICES)
    assert 'the same to the last bit: True' in bridge
    assert re.search(r'engine +(.*)\n\n?PyTorch +\1\n', re.sub(' +', ' ', bridge))
    assert 'fade = 0.30   speed = 1.99' in bridge
    assert re.findall(r'^(\w+) +equal to the last bit$', backends, re.MULTILINE)[0::2] == ['python', 'native']
    two, one = (list(map(float, numbers.split())) for numbers in
                re.search(r'^two processes: (.*)\none, compiled: (.*)$', machines, re.MULTILINE).groups())
    assert len(two) == 10 and two[-1] < 0.1 * two[0]
    assert one == pytest.approx(two, abs=1.01e-4)


def test_the_pictures_beside_the_readme_are_the_notebooks_own():
    drawn = {base64.b64decode(''.join(output['data']['image/png'])) for path in NOTEBOOKS for cell in cells(path)
             for output in cell.get('outputs', ()) if 'image/png' in output.get('data', {})}
    pictures = [picture for picture in (FOLDER / 'pictures').glob('*.png')
                if picture.name != 'player.png']  # a screenshot of the page, which no notebook draws
    assert pictures
    assert [picture.name for picture in pictures if picture.read_bytes() not in drawn] == []
