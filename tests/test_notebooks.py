"""The notebooks as they are committed: executed from top to bottom, without complaint, with the lessons' numbers."""

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
