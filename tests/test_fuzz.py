"""A few thousand inputs of the fuzzer, which has the rest on demand; and that it finds what it is there to find."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name('fuzz.py')


PLANT = """
import itertools, sys, time
import micrograd.command.expression as e
original, calls = e.Evaluation.__init__, itertools.count()
def init(self, *given):
    if next(calls) > 3:  # four expressions are there to warm up
{}
    original(self, *given)
e.Evaluation.__init__ = init
"""


def fuzz(target, count, folder, planted=''):
    """The fuzzer's exit status, and what it says; with some code planted before every expression, if it is given."""
    code = ('import runpy, sys\n'
            f'sys.path.insert(0, {str(FUZZ.parent.parent)!r})\nsys.argv[1:] = {[target, str(count)]!r}\n'
            + PLANT.format(textwrap.indent(planted, ' ' * 8)) * bool(planted)
            + f'runpy.run_path({str(FUZZ)!r}, run_name="__main__")')
    run = subprocess.run([sys.executable, '-W', 'error', '-c', code], capture_output=True, text=True, cwd=folder)
    assert run.stderr == ''
    return run.returncode, run.stdout


@pytest.mark.parametrize(('target', 'count', 'fates'), [
    ('command', 3000, ('computed', 'refused')), ('pictures', 100, ('computed', 'refused')),
    ('load', 2000, ('loaded', 'refused')),
])
def test_fuzz(target, count, fates, tmp_path):
    status, said = fuzz(target, count, tmp_path)
    assert (status, said[:len(target) + 30].split('; ')[0]) == (0, f'{target}: {count} inputs, 0 failures'), said
    assert all(fate in said for fate in fates)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('planted', 'words'), [
    ('{}["gone"]', "KeyError: 'gone'"), ('sys.exit(3)', 'exit status 3'),
    ('print("Traceback", file=sys.stderr)', "on stderr 'Traceback"),
    ('end = time.process_time() + 1.1\nwhile time.process_time() < end: pass', 'took 1.1 s'),
    ('bytearray(600 * 2**20)', 'held 6'), ('open("pwned", "w").close()', "left {'pwned'}"),
    ('open("pwned", "w").close(); __import__("os").remove("pwned")', "('write', 'pwned')"), ('exec("1")', "('exec', "),
])
def test_the_fuzzer_finds(planted, words, tmp_path):
    status, said = fuzz('command', 3, tmp_path, planted)
    assert status == 1
    assert words in said
