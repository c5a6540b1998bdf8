"""The copies of the notebooks: the reader's, with blank answers, and those with solutions; the pages for paper."""

import ast
import json
import os
import runpy
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from xml.etree import ElementTree

import pytest
from needs import absent

from micrograd.exercises import check
from micrograd.exercises.lessons import QUESTIONS
from micrograd.exercises.missing import numpy_is_missing

TOP = Path(__file__).parent.parent
BUILD = runpy.run_path(f'{TOP / "notebooks" / "build.py"}')
NAMES = [path.name for path in BUILD['NOTEBOOKS']]


@pytest.fixture(scope='module')
def copies(tmp_path_factory):
    folder = tmp_path_factory.mktemp('copies')
    BUILD['copies'](folder)
    return folder


def cells(path):
    return json.loads(path.read_text(encoding='utf-8'))['cells']


def source(cell):
    return ''.join(cell['source'])


def kinds(path):
    return [(cell['metadata'].get('tags') or [''])[0] for cell in cells(path)]


@pytest.mark.parametrize('name', NAMES)
def test_the_reader_s_copy_has_neither_solutions_nor_assertions_nor_outputs(copies, name):
    path = copies / 'reader' / name
    text = '\n'.join(source(cell) for cell in cells(path))
    assert 'SOLUTION' not in text and 'HIDDEN TESTS' not in text
    code = [cell for cell in cells(path) if cell['cell_type'] == 'code']
    assert not any('assert ' in source(cell) for cell in code)
    assert all(cell['outputs'] == [] and cell['execution_count'] is None for cell in code)
    assert 'guard' not in kinds(path)


@pytest.mark.parametrize('kind', ['reader', 'solutions'])
@pytest.mark.parametrize('name', NAMES)
def test_a_copy_has_what_nbgrader_asks_for(copies, kind, name):
    """As in nbgrader's metadata schema 3: a solution is not locked, a test is, and names are unique."""
    found = [cell for cell in cells(copies / kind / name) if 'nbgrader' in cell['metadata']]
    assert found
    for cell in found:
        meta = cell['metadata']['nbgrader']
        assert set(meta) == {'schema_version', 'grade_id', 'grade', 'solution', 'locked', 'task'} | (
            {'points'} if meta['grade'] else set())
        assert meta['schema_version'] == 3 and not meta['task']
        assert meta['grade'] == meta['locked'] != meta['solution']
        assert cell['cell_type'] == 'code'
    ids = [cell['metadata']['nbgrader']['grade_id'] for cell in found]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize('name', NAMES)
def test_a_blank_answer_is_still_python_and_its_check_is_not_content(copies, name):
    """Each answer cell by itself: what it leaves is no number, and no function that answers."""
    path = copies / 'reader' / name
    for place, kind in enumerate(kinds(path)):
        if kind == 'answer':
            text = source(cells(path)[place])
            ast.parse(text.partition('\n')[2] if text.startswith('%%writefile') else text)
            assert 'your' in text or '...' in text
    solved = BUILD['solutions_copy'](BUILD['read'](TOP / 'notebooks' / name), name)
    asked = [cell for cell in solved['cells'] if 'check' in cell['metadata'].get('tags', ())]
    assert all('### BEGIN HIDDEN TESTS\nassert ' in source(cell) for cell in asked)


def test_what_is_asked_is_asked_once_and_no_more_is_known_than_is_asked():
    asked = [node.args[0].value for name in NAMES for cell in cells(TOP / 'notebooks' / name)
             if cell['cell_type'] == 'code' and 'check' in cell['metadata'].get('tags', ())
             for node in ast.walk(ast.parse(source(cell)))
             if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'check']
    questions = [key for key in asked if isinstance(key, str)]
    assert sorted(questions) == sorted(QUESTIONS)
    assert {key for key in asked if isinstance(key, int)} == set(range(1, 11))


@pytest.mark.parametrize('key', QUESTIONS)
def test_a_question_s_mistakes_are_mistakes_and_its_answer_is_not_told(key):
    right, mistakes = QUESTIONS[key]
    assert check(key, right)
    for wrong, cause in mistakes:
        verdict = check(key, wrong)
        assert not verdict and cause in str(verdict)
        assert 'expected' not in str(verdict)
    assert not check(key, ...) and 'not written yet' in str(check(key, ...))


def test_blank_answers_of_build_it_yourself_earn_no_ok(tmp_path, monkeypatch, capsys):
    """Nor does a cell after them, which is handed what works without the reader."""
    monkeypatch.chdir(tmp_path)
    names = {'__name__': '__main__'}
    copy = BUILD['reader_copy'](BUILD['read'](TOP / 'notebooks' / '03_build_it_yourself.ipynb'), '')
    verdicts = []
    for cell in copy['cells']:
        if cell['cell_type'] == 'code':
            magic, _, text = source(cell).partition('\n')
            if magic.startswith('%%writefile'):
                Path(magic.split()[1]).write_text(text)
                continue
            *before, last = ast.parse(source(cell)).body
            exec(compile(ast.Module(before, []), '<cell>', 'exec'), names)
            if isinstance(last, ast.Expr):
                verdicts.append(eval(compile(ast.Expression(last.value), '<cell>', 'eval'), names))
            else:
                exec(compile(ast.Module([last], []), '<cell>', 'exec'), names)
    said = [repr(verdict).partition(':')[0] for verdict in verdicts if type(verdict).__name__ == 'Verdict']
    assert said == [f'Not yet, step {step}' for step in (*range(1, 11), 10)]
    assert 'OK' not in capsys.readouterr().out


def solution_of_step_10():
    [text] = [source(cell) for cell in cells(TOP / 'notebooks' / '03_build_it_yourself.ipynb')
              if source(cell).startswith('%%writefile my_engine.py')]
    return text.partition('\n')[2]


@pytest.mark.parametrize('change, own', [
    (('', ''), True), (('(1.0, -1.0)', '[1.0, -1.0]'), True), (('operands', '_prev'), False),
    (('1.0, -1.0', '1, 1'), False), (('class Value', 'class Number'), False),
    (('def backward(self):', 'def backward(self)'), False),
    (('import math', 'from micrograd import Value\nraise NotImplementedError'), False), (None, False),
    (('import math', 'import math\nfrom micrograd import Value as V'), True),
])
def test_the_museum_s_exhibits_are_made_from_any_engine(tmp_path, monkeypatch, capsys, change, own):
    """Of the reader's own where it fits, else of one like it; and then all rooms run."""
    monkeypatch.chdir(tmp_path)
    if change:
        text = solution_of_step_10()
        assert change[0] in text
        Path('my_engine.py').write_text(text.replace(*change))
    names = {'__name__': '__main__'}
    copy = BUILD['reader_copy'](BUILD['read'](TOP / 'notebooks' / '04_museum_engine_rooms.ipynb'), '')
    for cell in copy['cells']:
        if cell['cell_type'] == 'code':
            exec(source(cell), names)
    said = capsys.readouterr().out
    assert ('made from your own engine' in said) == own
    assert '6      64           64    104064' in said


def test_a_blank_answer_within_a_function_is_three_dots_and_elsewhere_nothing():
    blank = BUILD['blank']
    assert blank('def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION') == (
        'def f(x):\n    ...  # your code here')
    assert blank('answer = ...\n### BEGIN SOLUTION\nanswer = 2\n### END SOLUTION') == 'answer = ...'


def test_nothing_is_installed_unless_a_repository_is_given(copies):
    code = [source(cell) for name in NAMES for cell in cells(copies / 'reader' / name) if cell['cell_type'] == 'code']
    assert not any("'pip'" in text or '%pip' in text for text in code)


def test_with_an_address_a_copy_installs_from_there_and_opens_in_colab(tmp_path):
    BUILD['copies'](tmp_path, 'https://github.com/somebody/micrograd')
    first, install, *_ = cells(tmp_path / 'reader' / NAMES[0])
    assert source(first).startswith('[![Open in Colab]')
    address = 'https://colab.research.google.com/github/somebody/micrograd/blob/main/notebooks'
    assert f'({address}/{NAMES[0]})' in source(first)
    assert "'git+https://github.com/somebody/micrograd'" in source(install)
    ast.parse(source(install))


def test_with_a_path_a_copy_installs_from_there_over_another_package_of_that_name(tmp_path):
    """In a fresh environment, where an empty package has the name already."""
    repository = tmp_path / 'repository'  # a copy, in which pip may leave what it builds
    shutil.copytree(TOP / 'micrograd', repository / 'micrograd')
    for name in ('setup.cfg', 'pyproject.toml', 'README.md', 'LICENSE'):
        shutil.copy(TOP / name, repository)
    BUILD['copies'](tmp_path, f'{repository}')
    first, install, *_ = cells(tmp_path / 'reader' / NAMES[0])
    assert 'colab' not in source(first)
    venv.create(tmp_path / 'fresh', with_pip=True)
    python = tmp_path / 'fresh' / ('Scripts' if sys.platform == 'win32' else 'bin') / 'python'
    stranger = tmp_path / 'work' / 'stranger' / 'micrograd'
    stranger.mkdir(parents=True)
    (stranger / '__init__.py').write_text('')
    script = tmp_path / 'work' / 'cell.py'
    script.write_text(f'import sys; sys.path.append({str(stranger.parent)!r})\n{source(install)}\n'
                      'from micrograd.exercises import check\nprint(check("1a", 2.0))\n')
    run = subprocess.run([python, script], capture_output=True, text=True, timeout=300,
                         env={name: value for name, value in os.environ.items() if name != 'PYTHONPATH'})
    if 'No matching distribution' in run.stderr or 'Could not fetch' in run.stderr:
        absent('pip reaches no package index here')
    assert run.stdout.endswith('OK, 1a: 2\n'), run.stderr


def test_the_pages_for_paper(tmp_path):
    gates, graph = (ElementTree.parse(path).getroot() for path in BUILD['paper'](tmp_path))
    words = ' '.join(''.join(gates.itertext()).split())
    assert 'add copies' in words and 'multiply swaps' in words and 'lets through' in words
    texts = [''.join(node.itertext()).strip() for node in graph.iter('{http://www.w3.org/2000/svg}text')]
    assert {'a', 'b', 'p', 'q', 'L'} <= set(texts)
    assert not {'16', '−4', '−8', '−16', '-4'} & set(' '.join(texts).split())  # they are to be filled in


def test_a_lesson_that_cannot_go_on_says_so_in_one_line():
    """What IPython shows of such an error, in place of a traceback."""
    error = numpy_is_missing()
    assert isinstance(error, ImportError)
    assert error._render_traceback_() == ['This lesson is about arrays, and needs NumPy: pip install numpy']
