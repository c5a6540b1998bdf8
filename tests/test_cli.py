"""The command: what it prints and draws, what it refuses, and what it leaves untouched when it does."""

import math
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import FUNCTIONS, METHODS, tensor
from random_graphs import evaluate as evaluate_as_python
from tellings import BACKWARD, FORWARD, LOCAL, read

import micrograd
from micrograd import Value
from micrograd.command.cli import main
from micrograd.command.expression import ExpressionError, evaluate

LESSON = ('y_hat = w*x; s = y_hat - y; loss = s**2', 'x=1', 'y=2', 'w=1')
MAGIC = {'svg': b'<?xml', 'png': b'\x89PNG\r\n\x1a\n', 'gv': b'digraph {'}


class Run(NamedTuple):
    """What a run of the command gave."""

    status: int
    out: str
    err: str

    @property
    def numbers(self) -> dict[str, dict[str, float]]:
        """The tables: the number of each row by what stands on its left."""
        text = self.out.partition('\n\nthe graph is in ')[0]
        return {title: {row[0]: float(row[-1]) for row in rows} for title, rows in read(text).items()}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """The command, within this process, in a folder of its own."""
    def command(*arguments: str) -> Run:
        try:
            status = main([*arguments])
        except SystemExit as stop:
            status = stop.code
        return Run(status, *capsys.readouterr())

    monkeypatch.chdir(tmp_path)
    return command


def process(*arguments: str, python: Sequence[str] = (), **options) -> subprocess.CompletedProcess:
    """The command as a process of its own."""
    environment = os.environ | {'PYTHONPATH': str(Path(micrograd.__file__).parents[1])} | options.pop('env', {})
    return subprocess.run([sys.executable, *python, '-m', 'micrograd', *arguments], env=environment,
                          **{'capture_output': True, 'encoding': 'utf-8', 'timeout': 60, **options})


def texts(svg: Path) -> list[str]:
    return [t.text for t in ET.parse(svg).iter('{http://www.w3.org/2000/svg}text')]


def test_lesson_1(run: Callable[..., Run], tmp_path: Path):
    result = run(*LESSON)
    assert (result.status, result.err) == (0, '')
    assert result.out.endswith('\nthe graph is in graph.svg\n')
    assert result.numbers == {
        FORWARD: {'w': 1, 'x': 1, 'y_hat': 1, 'y': 2, 's': -1, 'loss': 1},
        LOCAL: {'∂loss/∂s': -2, '∂s/∂y_hat': 1, '∂s/∂y': -1, '∂y_hat/∂w': 1, '∂y_hat/∂x': 1},
        BACKWARD: {'∂loss/∂loss': 1, '∂loss/∂s': -2, '∂loss/∂y_hat': -2, '∂loss/∂y': 2, '∂loss/∂x': -2, '∂loss/∂w': -2},
    }
    assert os.listdir(tmp_path) == ['graph.svg']
    assert {'w', 'x', 'y', 'y_hat', 's', 'loss'} <= set(texts(tmp_path / 'graph.svg'))


def test_lesson_1_as_a_process(tmp_path: Path, run: Callable[..., Run]):
    result = process(*LESSON, cwd=tmp_path)
    assert Run(result.returncode, result.stdout, result.stderr) == run(*LESSON)


def test_lesson_2(run: Callable[..., Run]):
    result = run('loss = (dot([w1, w2, w3], [2, 3, 1]) - 3)**2', 'w1=1', 'w2=1', 'w3=2')
    assert result.numbers[FORWARD]['loss'] == 16
    assert [result.numbers[BACKWARD][f'∂loss/∂w{i}'] for i in (1, 2, 3)] == [16, 24, 8]
    assert 'dot' in texts(Path('graph.svg'))


@pytest.mark.parametrize('name', ['loss.svg', 'loss.png', 'loss.gv', 'LOSS.SVG', 'ŷ.v2.png', 'folder/loss.gv'])
def test_output_file(run: Callable[..., Run], tmp_path: Path, name: str):
    (tmp_path / 'folder').mkdir()
    Path(name).write_bytes(b'an older picture')
    for arguments in ((*LESSON, '-o', name), ('-o', name, *LESSON), (*LESSON, f'--output={name}')):
        result = run(*arguments)
        assert (result.status, result.err, result.out.splitlines()[-1]) == (0, '', f'the graph is in {name}')
    assert Path(name).read_bytes().startswith(MAGIC[name.rpartition('.')[2].lower()])
    assert not [path for path in tmp_path.rglob('*') if path.is_file() and path != tmp_path / name]


def test_output_through_a_symlink(run: Callable[..., Run]):
    Path('link.gv').symlink_to('real.gv')
    assert run('x', 'x=1', '-o', 'link.gv').status == 0
    assert Path('link.gv').is_symlink()
    assert Path('real.gv').read_bytes().startswith(MAGIC['gv'])


@pytest.mark.parametrize('text', ['a = x*2; b = a + x; b*a', 'a = x*2\nb = a + x\nb*a', 'a = x*2;\n  b = a + x ;b*a;\n',
                                  'a = (x\n*2)\n\nb = a + x # comment\nb*a'])
def test_statements(run: Callable[..., Run], text: str):
    numbers = run(text, 'x=3').numbers
    assert numbers[FORWARD] == {'x': 3, 'a': 6, 'b': 9, 'b·a': 54}
    assert numbers[BACKWARD] == {'∂(b·a)/∂(b·a)': 1, '∂(b·a)/∂a': 15, '∂(b·a)/∂b': 6, '∂(b·a)/∂x': 36}
    assert sorted(filter(str.isidentifier, texts(Path('graph.svg')))) == ['a', 'b', 'x']  # nothing else has a name


@pytest.mark.parametrize(('arguments', 'data'), [
    (('-x',), -3), (('- x + 1',), -2), (('-x*-x',), 9), (('-2*x',), -6), (('-o', 'a.svg', '-x'), -3), (('--x',), 3),
    (('--', '-x'), -3), (('-hidden', 'hidden=3'), -3), (('-out + x', 'out=4'), -1), (('-1e3 + x',), -997),
])
def test_expression_may_begin_with_a_minus(run: Callable[..., Run], arguments: tuple[str, ...], data: float):
    result = run(*arguments, *(['x=3'] if 'x' in arguments[-1] or 'x' in arguments[0] else []))
    assert (result.status, result.err) == (0, '')
    assert list(result.numbers[FORWARD].values())[-1] == data


@pytest.mark.parametrize('name', [*METHODS, 'abs'])
@pytest.mark.parametrize('number', [0.3, 2.5])
def test_functions(name: str, number: float):
    output = evaluate(f'{name}(x)', {'x': number})
    x = tensor(number)
    expected = FUNCTIONS[name](x)
    expected.backward()
    assert output._op == name
    assert output.data == pytest.approx(getattr(math, name, FUNCTIONS[name])(number) if hasattr(math, name)
                                        else expected.item(), rel=1e-15)
    assert output._prev[0].grad == pytest.approx(x.grad.item(), rel=1e-14)


@pytest.mark.parametrize('text', [
    'x', 'x + y', 'x - y*3', '-x**2', '(-x)**2', 'x**2**y', '2**x', 'x**y', 'x**-2', 'x**(1/2)', 'x**2.5', '2*3*x',
    'x*2*3', '1/3*x', 'x/y/2', '(x + y)*(x + y)', 'x*x*x', 'dot([x, 2], [y, x])', 'dot((x,), (0.5,))', '1e-3*x + .5',
    'tanh(x)/exp(-y)', 'sigmoid(relu(x) - abs(y))', 'sqrt(x) + log(y)*sin(x)/cos(y)', '7 - x', 'x - 7', '-(-x)',
    '1_0*x',
])
def test_same_as_python(text: str):
    def graph(output: Value) -> list[tuple]:
        order = output.topological_order()
        return [(type(node), node.data, node.grad, node._op, [order.index(operand) for operand in node._prev])
                for node in order]

    numbers = {name: number for name, number in {'x': 0.75, 'y': 1.25}.items() if name in re.findall(r'\w+', text)}
    expected = evaluate_as_python(text, {name: Value(number) for name, number in numbers.items()})
    expected.backward()
    assert graph(evaluate(text, numbers)) == graph(expected)


def test_names_are_labels():
    output = evaluate('ŷ = w*2; e = ŷ; (e - 1)*ŷ', {'w': 3})
    assert [node.label for node in output.topological_order()] == ['w', '', 'ŷ', '', '', '']
    assert evaluate('k = 2', {}).label == 'k'
    assert evaluate('+x', {'x': 2}).label == 'x'
    assert evaluate('ﬁt', {'fit': 2}).label == evaluate('fit', {'ﬁt': 2}).label == 'fit'  # as Python reads names


BAD = 'x\N{NO-BREAK SPACE}$ y'
ERRORS = {  # the expression and its numbers; a word of the message; what is marked, None for no place, ... for any
    'unknown name': ('w*x + b', 'w=1 x=2', "'b'.* b=1", 'b'),
    'unknown name in line two': ('a = 2\nŷ*a + zz', 'ŷ=1', "'zz'", 'zz'),
    'missing value': ('x', '', "'x'", 'x'),
    'unused value': ('x', 'x=1 y=2', 'y=2', None),
    'assigned before it is used': ('x = 3', 'x=1', 'x=1', None),
    'duplicate value': ('x', 'x=1 x=2', 'x.* twice', None),
    'bad number': ('x', 'x=one', "'one'", None),
    'no number': ('x', 'x=', "'x='", None),
    'no name': ('x', '=1', "'=1'", None),
    'value without a sign': ('x', 'x', "'x'", None),
    'name that is none': ('x', '2x=1', "'2x=1'", None),
    'syntax': ('x + * 2', 'x=1', 'syntax', '*'),
    'syntax at the end': ('x +', 'x=1', 'syntax', ''),
    'open parenthesis': ('(x + 1', 'x=1', 'syntax', '('),
    'strange character': (BAD, 'x=1 y=1', 'syntax', BAD[1]),
    'keyword': ('lambda = 1', '', 'syntax', ...),
    'null byte': ('x + 1\0', 'x=1', 'null', ...),
    'empty': ('', '', 'no expression', None),
    'blank': (' \n ', '', 'no expression', None),
    'domain': ('1 + log(x - 2)', 'x=1', r'log.*-1\.0', 'log(x - 2)'),
    'division by zero': ('a = x; 2 / (a - 1)', 'x=1', r'0\.0', '2 / (a - 1)'),
    'negative base': ('x**0.5 + 1', 'x=-1', r'x = -1\.0', 'x**0.5'),
    'domain of numbers': ('x + (-2)**0.5', 'x=1', r'-2\.0.*0\.5', '(-2)**0.5'),
    'overflow': ('exp(x)*2', 'x=1000', r'1000\.0', 'exp(x)'),
    'backward domain': ('3 + sqrt(x)*2', 'x=0', r'sqrt\(x = 0\.0\)', 'sqrt(x)'),
    'backward domain in line two': ('a = x*2\nb = a**0.5\nb + 1', 'x=0', r'a = 0\.0', 'a**0.5'),
    'attribute': ('x + x.data', 'x=1', 'attributes', 'x.data'),
    'method': ('x.tanh() + 1', 'x=1', r'tanh\(…\)', 'x.tanh()'),
    'call': ('1 + open(x)', 'x=1', "'open'", 'open(x)'),
    'call of a call': ('exp(x)(x)', 'x=1', 'language', 'exp(x)(x)'),
    'two arguments': ('exp(x, x)', 'x=1', 'one argument', 'exp(x, x)'),
    'no argument': ('x + exp()', 'x=1', 'one argument', 'exp()'),
    'keyword argument': ('exp(x=1)', '', 'one argument', 'exp(x=1)'),
    'star': ('exp(*x)', 'x=1', 'language', '*x'),
    'dot without lists': ('dot(x, x)', 'x=1', 'two lists', 'dot(x, x)'),
    'dot of two lengths': ('dot([x], [1, 2])', 'x=1', '1 and 2', 'dot([x], [1, 2])'),
    'import': ('import os', '', 'statement', 'import os'),
    'string': ('x + "y"', 'x=1', 'language', '"y"'),
    'f-string': ('f"{x}"', 'x=1', 'language', 'f"{x}"'),
    'truth value': ('x + True', 'x=1', 'language', 'True'),
    'complex number': ('x + 1j', 'x=1', 'language', '1j'),
    'comparison': ('(x < 1)*2', 'x=1', 'language', 'x < 1'),
    'lambda': ('(lambda: x)', 'x=1', 'language', 'lambda: x'),
    'subscript': ('x[0] + 1', 'x=1', 'language', 'x[0]'),
    'walrus': ('(y := x) + 1', 'x=1', 'language', 'y := x'),
    'list': ('[x]', 'x=1', 'language', '[x]'),
    'condition': ('x if x else 1', 'x=1', 'language', 'x if x else 1'),
    'xor': ('x^2', 'x=1', r'\*\*', 'x^2'),
    'other operator': ('x // 2', 'x=1', 'language', 'x // 2'),
    'two targets': ('a = b = x', 'x=1', 'statement', 'a = b = x'),
    'augmented assignment': ('a = x; a += 1', 'x=1', 'statement', 'a += 1'),
    'attribute assignment': ('x.data = 1', '', 'statement', 'x.data = 1'),
    'long sum': ('+'.join(['x'] * 3000), 'x=1', 'too deeply', None),
    'many signs': ('y = ' + '-' * 50_000 + 'x', 'x=1', 'too deeply', None),
    'many parentheses': ('(' * 300 + 'x' + ')' * 300, 'x=1', 'nested', ...),
    'many digits': ('x*' + '1' * 5000, 'x=1', 'digits', ...),
    'a name assigned twice': ('a = x; a = a + 1', 'x=1', 'a has a value already', 'a = a + 1'),
    'a given name assigned': ('y = x; x = 2', 'x=1', 'x has a value already', 'x = 2'),
}


@pytest.mark.parametrize(('text', 'numbers', 'message', 'marked'), ERRORS.values(), ids=ERRORS)
def test_errors(run: Callable[..., Run], text: str, numbers: str, message: str, marked: str | None):
    Path('graph.svg').write_bytes(b'an older picture')
    result = run(text, *numbers.split())
    assert result.status == 2
    assert re.match(rf'micrograd: .*{message}', result.err)
    lines = result.err.splitlines()
    assert len(lines) in {None: (1,), ...: (1, 2)}.get(marked, (2,))
    if marked is not ...:
        assert re.findall(r'>>(.*?)<<', result.err) == [marked] * (marked is not None)
    if marked not in (None, ...):  # the second line is the line of the expression
        assert lines[1].replace('>>', '', 1).replace('<<', '', 1).strip() in text.splitlines()
    assert len(result.err) < 600
    assert Path('graph.svg').read_bytes() == b'an older picture'
    assert os.listdir() == ['graph.svg']


@pytest.mark.parametrize(('arguments', 'message'), [
    ((), 'expression'), (('x', 'x=1', '-o'), '-o'), (('x', 'x=1', '--colour'), '--colour'),
    (('x', 'x=1', '-o', 'graph.pdf'), r'graph\.pdf.*\.svg, \.png, \.gv'),
    (('x', 'x=1', '-o', 'graph'), r'graph.*\.svg'), (('x', 'x=1', '-o', '.svg'), r'\.svg'),
    (('x', 'x=1', '-o', ''), r'\.svg'),
    (('x', 'x=1', '-o', 'missing/graph.svg'), r'missing/graph\.svg: No such file or directory'),
    (('x', 'x=1', '-o', 'graph.gv/graph.svg'), r'graph\.gv/graph\.svg: (Is|Not) a directory'),
    (('x', 'x=1', '-o', 'folder.svg'), r'folder\.svg: Is a directory'),
    (('x', 'x=1', '-o', 'a' * 300 + '.svg'), r'a+\.svg: File name too long'),
    (('x', 'x=1', '-o', 'full.svg'), r'.*full\.svg: No space left on device'),
])
def test_output_errors(run: Callable[..., Run], arguments: tuple[str, ...], message: str):
    Path('folder.svg').mkdir()
    Path('graph.gv').write_bytes(b'an older picture')
    Path('full.svg').symlink_to('/dev/full')
    result = run(*arguments)
    assert result.status == 2
    assert re.search(message, result.err)
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith('micrograd: ')
    assert sorted(os.listdir()) == ['folder.svg', 'full.svg', 'graph.gv']
    assert (Path('graph.gv').read_bytes(), os.listdir('folder.svg')) == (b'an older picture', [])


@pytest.mark.parametrize('text', [
    "__import__('os').system('touch x')", "open('x', 'w')", "exec('open(\"x\", \"w\")')", 'x = open("x", "w")',
    "[open('x', 'w') for _ in (1,)]", 'exp(open("x", "w"))', 'dot([open("x", "w")], [1])', '(lambda: open("x", "w"))()',
    'f"{open(chr(120), chr(119))}"', '@open("x", "w")\ndef f(): pass', 'def f(y=open("x", "w")): pass',
    'class C(open("x", "w")): pass', 'x: open("x", "w") = 1', 'y = x if open("x", "w") else 1', 'raise open("x", "w")',
])
def test_nothing_runs_as_python(run: Callable[..., Run], text: str):
    for arguments in ((text,), (text, 'x=1')):
        assert run(*arguments).status == 2
        assert os.listdir() == []


@pytest.mark.parametrize('dot', ['missing', 'failing'])
def test_without_a_working_dot(run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dot: str):
    programs = tmp_path / 'programs'
    programs.mkdir()
    monkeypatch.setenv('PATH', str(programs))
    monkeypatch.setattr('graphviz.backend.dot_command.DOT_BINARY', Path('dot'))
    monkeypatch.setattr('importlib.metadata.files', lambda name: [])
    if dot == 'failing':
        (programs / 'dot').write_text(f'#!{sys.executable}\nimport sys\nsys.exit("line one\\nline two\\nline three")')
        (programs / 'dot').chmod(0o755)
    result = run('x', 'x=1')
    assert result.status == 2
    assert result.err.startswith('micrograd: ') and len(result.err.splitlines()) <= 2
    assert os.listdir() == ['programs']
    assert run('x', 'x=1', '-o', 'graph.gv').status == 0


def test_help(run: Callable[..., Run]):
    result = run('--help')
    assert (result.status, result.err) == (0, '')
    examples = re.findall(r'^  micrograd (".*)$', result.out, re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        assert run(*shlex.split(example)).status == 0
    assert all(name in result.out for name in (*METHODS, 'abs', 'dot', '**', '-o', 'graph.svg'))


def test_version(run: Callable[..., Run]):
    assert run('--version') == (0, f'micrograd {micrograd.__version__}\n', '')


def test_terminal_without_the_letters(tmp_path: Path):
    result = process('ŷ = x*2', 'x=3', cwd=tmp_path, env={'PYTHONIOENCODING': 'ascii'})
    assert (result.returncode, result.stderr) == (0, '')
    assert re.search(r'd\\u0177/dx += +2$', result.stdout, re.MULTILINE)
    result = process('z = x*x', 'x=3', '--wrt', 'x', cwd=tmp_path, env={'PYTHONIOENCODING': 'ascii'})
    assert '  dz/dx = dz/dx[1]\n        + dz/dx[2]\n' in result.stdout
    result = process('ŷ', cwd=tmp_path, env={'PYTHONIOENCODING': 'ascii'})
    assert (result.returncode, result.stderr.splitlines()[-1]) == (2, r'  >>\u0177<<')


def test_reader_that_has_enough(tmp_path: Path):
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = process(*LESSON, cwd=tmp_path, capture_output=False, stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert result.stderr == ''


def test_full_disk_behind_stdout(tmp_path: Path):
    with open('/dev/full', 'w') as full:
        result = process(*LESSON, cwd=tmp_path, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 2
    assert re.fullmatch('micrograd: .*No space left on device\n', result.stderr)
    assert 'None' not in result.stderr


def test_no_warnings_from_the_parser(tmp_path: Path):
    result = process(r'"\d" + 1or 2', cwd=tmp_path, python=('-W', 'always'))
    assert result.returncode == 2
    assert result.stderr.startswith('micrograd: ') and len(result.stderr.splitlines()) == 2


tokens = st.lists(st.sampled_from((
    'x', 'y', 'z', '=', ';', '\n', '+', '-', '*', '**', '/', '(', ')', '[', ']', ',', '.', '0', '2', '0.5', '1e200',
    'exp', 'log(', 'sqrt(', 'dot([', '], [', 'abs', 'if', 'lambda', ':', '"', '\\', '#', 'ŷ', '\r', '\x0c', '\0',
    '\ud800', '>', 'x = ', 'y - x', 'x*', ' ')))


@settings(max_examples=600, deadline=None)
@given(text=st.text(st.characters(exclude_categories=())) | tokens.map(''.join) | tokens.map(' '.join))
def test_any_text_is_a_value_or_an_error(text: str):
    for numbers in ({}, {name: 0.5 for name in 'xy' if name in text}):
        try:
            assert isinstance(evaluate(text, numbers), Value)
        except ExpressionError as error:
            assert str(error)
            assert len(str(error).splitlines()) <= 2


def test_wrt_writes_out_the_chain_rule(run):
    done = run('y_hat = w*x; s = y_hat - y; loss = s**2', 'x=1', 'y=2', 'w=1', '--wrt', 'w')
    assert done.status == 0
    assert '\n'.join(['the chain rule', '  ∂loss/∂w = ∂loss/∂s · ∂s/∂y_hat · ∂y_hat/∂w', '           = 2·s · 1 · x',
                      '           = 2·(−1) · 1 · 1', '           = −2', '', 'the graph is in graph.svg']) in done.out


def test_wrt_a_name_that_is_not_there_is_an_error(run, tmp_path):
    done = run('y = x*2', 'x=1', '--wrt=z')
    assert (done.status, done.out) == (2, '')
    assert done.err == 'micrograd: --wrt z: the expression has x, y, and no z\n'
    assert not list(tmp_path.iterdir())


def test_html_is_the_step_player(run, tmp_path):
    assert run('y = x*2', 'x=1', '-o', 'backprop.html').status == 0
    page = (tmp_path / 'backprop.html').read_text(encoding='utf-8')
    assert page.startswith('<!DOCTYPE html>')
    assert '<title>y, step by step</title>' in page


@pytest.mark.parametrize('name', ['y', '𝐲', 'x'])
def test_wrt_takes_every_name_that_the_expression_has(run, name):
    assert '\n  ∂z/∂x = ∂z/∂x₍₁₎\n        + ∂z/∂x₍₂₎\n        = x\n' in run('y = x; z = y*y', 'x=3', '--wrt', name).out


@pytest.mark.parametrize('exponent', ['1e309', '-1e309'])
def test_infinite_exponents_are_an_answer_or_an_error(run, exponent):
    for arguments in ([], ['--wrt', 'x'], ['-o', 'x.html']):
        done = run(f'x**{exponent}', 'x=0.5', *arguments)
        assert (done.status == 0 and '/∂x' in done.out) or (done.status == 2 and done.err.startswith('micrograd: '))
