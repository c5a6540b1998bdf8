"""The course in nbgrader and in otter: hand-ins right, wrong and blank get the points that they should.

    pip install nbgrader otter-grader && pytest -m graders tests/test_graders.py
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from needs import require

pytestmark = pytest.mark.graders

TOP = Path(__file__).parent.parent
BUILD = runpy.run_path(f'{TOP / "notebooks" / "build.py"}')
NUMBERS, ENGINE = '00_slopes_by_nudging.ipynb', '03_build_it_yourself.ipynb'
STUDENTS = {  # what each has made of the solutions: a text and what stands in its place
    'right': ('', ''), 'blank': None,
    NUMBERS: ('answer = slope(f, -1.0)', "answer = 'minus ten'"), ENGINE: ('grad += local', 'grad = local')}


@pytest.fixture(autouse=True, scope='module')
def graders():
    require('nbgrader', 'otter')


def handed_in(folder, student):
    """The two notebooks as a student has filled them in, in the reader's copies."""
    folder.mkdir(parents=True)
    for name in (NUMBERS, ENGINE):
        solved = BUILD['read'](TOP / 'notebooks' / name)
        copy = BUILD['reader_copy'](solved, name)
        change = STUDENTS[student]
        for cell in copy['cells']:
            if change and 'answer' in BUILD['tags'](cell):
                [full] = [other for other in solved['cells'] if other['id'] == cell['id']]
                cell['source'] = ''.join(full['source']).replace(*change)
        BUILD['write'](copy, folder / name)


def run(folder, *command):
    beside = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'  # where nbgrader looks for alembic
    environment = {**os.environ, 'PYTHONPATH': f'{TOP}', 'PATH': beside}
    done = subprocess.run([sys.executable, '-m', *command], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope='module')
def course(graders, tmp_path_factory):
    """A course of nbgrader's with one assignment of two lessons, handed in by all and graded."""
    folder = tmp_path_factory.mktemp('course')
    BUILD['copies'](folder / 'copies')
    (folder / 'source' / 'lessons').mkdir(parents=True)
    for name in (NUMBERS, ENGINE):
        shutil.copy(folder / 'copies' / 'solutions' / name, folder / 'source' / 'lessons')
    run(folder, 'nbgrader', 'generate_assignment', 'lessons')
    for student in STUDENTS:
        handed_in(folder / 'submitted' / student.partition('_')[0] / 'lessons', student)  # called 00 and 03, those two
    run(folder, 'nbgrader', 'autograde', 'lessons')
    return folder


def points(course, student, name):
    """The points of each check, in the notebook's order."""
    from nbgrader.api import Gradebook

    with Gradebook(f'sqlite:///{course / "gradebook.db"}') as book:
        graded = book.find_submission_notebook(name.removesuffix('.ipynb'), 'lessons', student)
        return [int(grade.auto_score) for grade in sorted(graded.grades, key=lambda grade: grade.name)]


@pytest.mark.parametrize('student, numbers, engine', [
    ('right', [1, 1, 1], [1] * 10), ('blank', [0, 0, 0], [0] * 10), ('00', [0, 1, 1], [1] * 10),
    ('03', [1, 1, 1], [1, 1, 1, 1, 0, 0, 1, 0, 0, 0]),  # whose engine has = for +=
])
def test_nbgrader_gives_a_point_for_each_right_answer(course, student, numbers, engine):
    assert points(course, student, NUMBERS) == numbers
    assert points(course, student, ENGINE) == engine


@pytest.mark.parametrize('name', [NUMBERS, ENGINE])
def test_nbgrader_s_release_is_the_reader_s_copy_but_for_what_stands_in_blank_answers(course, name):
    release, reader = (json.loads((folder / name).read_text(encoding='utf-8'))['cells']
                       for folder in (course / 'release' / 'lessons', course / 'copies' / 'reader'))
    assert len(release) == len(reader)
    for theirs, ours in zip(release, reader, strict=True):
        assert 'SOLUTION' not in ''.join(theirs['source']) and 'HIDDEN' not in ''.join(theirs['source'])
        if 'answer' not in BUILD['tags'](ours):
            assert theirs['source'] == ours['source']


OTTER = {
    'slope': """
OK_FORMAT = True
code = '>>> from micrograd.exercises import check\\n>>> assert check(1, slope)'
case = {'code': code, 'hidden': False, 'locked': False}
suite = {'type': 'doctest', 'scored': True, 'setup': '', 'teardown': '', 'cases': [case]}
test = {'name': 'slope', 'points': 1, 'suites': [suite]}
""", 'engine': """
from otter.test_files import test_case
from micrograd.exercises import check

OK_FORMAT, name, points = False, 'engine', 1

@test_case(points=1)
def test_engine(env):
    verdict = check(6, env.get('Value'))
    assert verdict, verdict
"""}


@pytest.mark.parametrize('student, slope, engine, said', [
    ('right', 1, 1, ''), ('blank', 0, 0, 'the return is missing'), ('03', 1, 0, '= in place of +=')])
def test_otter_takes_a_verdict(tmp_path, student, slope, engine, said):
    """Both of its forms of a test, on a lesson that somebody has handed in; the verdict is what the student reads."""
    handed_in(tmp_path / 'handed in', next(name for name in STUDENTS if name.startswith(student)))
    (tmp_path / 'tests').mkdir()
    for name, text in OTTER.items():
        (tmp_path / 'tests' / f'{name}.py').write_text(text.lstrip())
    run(tmp_path, 'otter', 'generate', '-t', 'tests', '-o', 'autograder.zip', '--no-environment')
    run(tmp_path, 'otter', 'run', f'handed in/{ENGINE}', '-a', 'autograder.zip', '-o', '.')
    results = {test['name']: test for test in json.loads((tmp_path / 'results.json').read_text())['tests']}
    assert (results['slope']['score'], results['engine']['score']) == (slope, engine)
    assert said in results['engine']['output']
