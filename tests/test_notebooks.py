"""The notebooks as they are committed: executed from top to bottom, without complaint, with the lessons' numbers."""

import base64
import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / 'notebooks').glob('*.ipynb'))


def cells(path):
    return json.loads(path.read_text(encoding='utf-8'))['cells']


def printed(number):
    """The text that the notebook with this number prints."""
    path = next(path for path in NOTEBOOKS if path.name.startswith(f'{number:02d}_'))
    outputs = [output for cell in cells(path) for output in cell.get('outputs', ())]
    return ''.join(text for output in outputs for text in output.get('text', ()))


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_is_executed_in_order_and_quietly(path):
    code = [cell for cell in cells(path) if cell['cell_type'] == 'code']
    assert [cell['execution_count'] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell['outputs']]
    assert outputs
    assert not [output for output in outputs if output['output_type'] == 'error' or output.get('name') == 'stderr']
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_ends_with_exercises_and_folded_answers(path):
    last = ''.join(cells(path)[-1]['source'])
    assert '## Exercises' in last
    assert '<details><summary>Answers</summary>' in last


def test_lesson_1_agrees_with_the_hand_and_with_pytorch():
    text = printed(1)
    assert 'y_hat = 1.0   s = -1.0   loss = 1.0' in text
    assert re.findall(r'(by hand|micrograd|PyTorch) +(\S+)', text) == [
        ('by hand', '-2.0'), ('micrograd', '-2.0'), ('PyTorch', '-2.0')]
    assert 'once: -2.0   twice: -4.0' in text


LESSON_2 = [  # y_hat, loss, w.grad and w after the update, where the gradients accumulate
    ('7.0000', '16.0000', '16.0000 24.0000 8.0000', '0.8400 0.7600 1.9200'),
    ('5.8800', '8.2944', '27.5200 41.2800 13.7600', '0.5648 0.3472 1.7824'),
    ('3.9536', '0.9094', '31.3344 47.0016 15.6672', '0.2515 -0.1228 1.6257'),
]


def test_lesson_2_accumulates_and_starts_afresh():
    rows = re.findall(r'^ +\d +([\d.]+) +([\d.]+) +\[(.*?)\] +\[(.*?)\]$', printed(2), re.MULTILINE)
    rows = [(y_hat, loss, *(' '.join(re.findall(r'[-\d.]+', vector)) for vector in vectors))
            for y_hat, loss, *vectors in rows]
    accumulating, afresh = rows[:4], rows[4:]
    assert accumulating[:3] == LESSON_2
    assert accumulating[3][:2] == ('1.7602', '1.5371')
    assert afresh[0] == LESSON_2[0]
    assert afresh[1][2] == '11.5200 17.2800 5.7600'


def test_lesson_3_agrees_with_the_formulas_and_with_pytorch():
    for name in ('dE/dw', 'dE/db'):
        by_hand, engine, pytorch = re.search(rf'^{name} +(\S+) +(\S+) +(\S+)$', printed(3), re.MULTILINE).groups()
        assert by_hand == engine == pytorch
        assert float(by_hand)
    assert 'w = 3.0000   b = 2.0000' in printed(3)


@pytest.mark.parametrize('quantity, number', [
    ('loss', '0.4289326'), ('dL/d hidden weight', '0.0213347'), ('dL/d hidden bias', '0.00249732'),
    ('dL/d output weight', '-0.0286384'), ('dL/d output bias', '-0.1000000'),
])
def test_lesson_4_has_its_five_numbers_three_times(quantity, number):
    row = re.search(rf'^{quantity} +(\S+) +(\S+) +(\S+)$', printed(4), re.MULTILINE)
    digits = len(number.partition('.')[2])
    assert [f'{float(cell):.{digits}f}' for cell in row.groups()] == [number] * 3


LESSON_5 = {  # epoch: w by hand, L by hand, w by autograd, L by autograd
    1: (3.260, 597.7400, 1.630, 597.7400), 2: (5.071, 184.3844, 2.898, 361.5235), 3: (6.077, 56.8769, 3.884, 218.6557),
    4: (6.636, 17.5448, 4.651, 132.2467), 5: (6.946, 5.4120, 5.247, 79.9851), 10: (7.313, 0.0151, 6.740, 6.4734),
    15: (7.332, 0.0000, 7.164, 0.5239), 20: (7.333, 0.0000, 7.285, 0.0424),
}


@pytest.mark.parametrize('epoch', LESSON_5)
def test_lesson_5_by_hand_and_by_autograd(epoch):
    """To one unit in the last digit, since the lesson's own reference was computed in single precision."""
    cells = re.search(rf'^ +{epoch}((?: +\d+\.\d+){{8}})$', printed(5), re.MULTILINE).group(1).split()
    assert cells[2:4] == cells[4:6] == cells[6:8]  # Value, module and optimizer, PyTorch
    for cell, expected, unit in zip(cells, LESSON_5[epoch], (1e-3, 1e-4, 1e-3, 1e-4), strict=False):
        assert abs(float(cell) - expected) < 1.01 * unit


def test_lesson_6_learns_the_moons():
    text = printed(6)
    assert int(re.search(r'accuracy on the 100 points: (\d+)%', text).group(1)) >= 97
    assert float(re.search(r'accuracy on 500 new points: ([\d.]+)%', text).group(1)) >= 95


def test_lesson_7_has_the_wrong_number_and_the_right_one():
    text = printed(7)
    assert re.search(r'b = a \+ a; c = b \+ b +dc/da = 8.0', text)
    assert 'dc/da = 4.0' in text
    assert 'equal gradients in 150 of 150 steps' in text


def test_lesson_9_writes_lesson_1_and_goes_as_the_engine_goes():
    text = printed(9)
    assert '    y_hat = w * x\n    s = y_hat - y\n    loss = s ** 2\n' in text
    assert '    d_s = 2 * s\n    d_y_hat = d_s\n    d_w = d_y_hat * x\n' in text
    assert re.findall(r'^(\w+) +equal to the last bit$', text, re.MULTILINE)[0::2] == ['python', 'native']
    assert re.findall(r'accuracy on the 100 points: (\d+)%', text) == ['100', '100']
    assert re.search(r'turn 6   u =  1.00000   v =  1.00000', text)


def test_lesson_10_has_the_same_numbers_in_scalars_tensors_and_two_processes():
    text = printed(10)
    for name in ('loss', 'one gradient'):
        engine, compiled = map(float, re.findall(rf'^{name}: +(\S+)$', text, re.MULTILINE))
        assert engine and abs(engine - compiled) < 1e-12
    differences = re.findall(r'^(.+?) +largest difference (\S+)$', text, re.MULTILINE)
    assert [name for name, _ in differences] == ['100 scores', 'the loss', '337 gradients']
    assert all(float(number) < 1e-12 for _, number in differences)

    rows = re.findall(r'^layers\S+ +(\S+) +(\S+) +(\S+) +(\S+)$', text, re.MULTILINE)
    assert len(rows) == 5
    assert all(mean == full != first != second for first, second, mean, full in rows)
    two, one = (list(map(float, numbers.split())) for numbers in
                re.search(r'^two processes: (.*)\none, compiled: (.*)$', text, re.MULTILINE).groups())
    assert len(two) == 10 and two[-1] < 0.1 * two[0]
    assert one == pytest.approx(two, abs=1.01e-4)
    right = [int(number) for number in re.findall(r'(\d+) of 100 points are on their side', text)]
    assert len(right) == 2 and min(right) >= 97


def test_lesson_10_has_compiled_scalars_ahead_in_small_networks_and_tensors_in_wide_ones():
    rows = {int(width): times.split() for width, times in
            re.findall(r'^ +(\d+) +[\d,]+((?: +(?:[\d.]+|–)){4})$', printed(10), re.MULTILINE)}
    assert list(rows) == [4, 16, 64, 256, 512]
    for width in (4, 16):
        engine, compiled, pytorch, _ = map(float, rows[width])
        assert compiled < pytorch < engine
    _, compiled, pytorch, _ = rows[256]
    assert float(pytorch) < float(compiled)


def test_the_pictures_beside_the_readme_are_the_notebooks_own():
    drawn = {base64.b64decode(''.join(output['data']['image/png'])) for path in NOTEBOOKS for cell in cells(path)
             for output in cell.get('outputs', ()) if 'image/png' in output.get('data', {})}
    pictures = [picture for picture in (NOTEBOOKS[0].parent / 'pictures').glob('*.png')
                if picture.name != 'player.png']  # a screenshot of the page, which no notebook draws
    assert pictures
    assert [picture.name for picture in pictures if picture.read_bytes() not in drawn] == []
