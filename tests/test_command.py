"""The command's options: where the picture goes, where numbers come from, and what a narrow terminal shows."""

import codecs
import os
import re
import stat
from pathlib import Path

import pytest
from test_cli import LESSON, MAGIC, process, run  # noqa: F401

from micrograd.command.cli import _replacement

LARGE = ('a0=x' + ''.join(f';a{i + 1}=a{i}*0.5+x' for i in range(300)), 'x=0.1')


@pytest.mark.parametrize(('name', 'format'), [('-', 'svg'), ('-.png', 'png'), ('-.gv', 'gv'), ('-.html', 'html')])
def test_the_picture_on_standard_output(tmp_path, name, format):
    plain = process(*LESSON, '--no-picture', cwd=tmp_path, encoding=None)
    result = process(*LESSON, '-o', name, cwd=tmp_path, encoding=None)
    assert (result.returncode, result.stderr) == (0, plain.stdout)
    assert result.stdout.startswith({**MAGIC, 'html': b'<!DOCTYPE html>'}[format])
    assert os.listdir(tmp_path) == []
    process(*LESSON, f'-ograph.{format}', cwd=tmp_path)
    assert (tmp_path / f'graph.{format}').read_bytes() == result.stdout
    assert process(*LESSON, f'--output={name}', cwd=tmp_path, encoding=None).stdout == result.stdout


def test_a_reader_that_has_enough_of_the_picture(tmp_path):
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = process(*LESSON, '-o', '-', cwd=tmp_path, capture_output=False, stdout=write_end, stderr=-1)
    os.close(write_end)
    assert result.returncode == 0
    assert 'Traceback' not in result.stderr and 'Error' not in result.stderr


def test_no_picture(run):  # noqa: F811
    result, plain = run(*LESSON), run(*LESSON, '--no-picture')
    assert (plain.status, plain.err) == (0, '')
    assert plain.out == result.out.replace('\n\nthe graph is in graph.svg', '')
    os.unlink('graph.svg')
    run(*LESSON, '--no-picture')
    assert os.listdir() == []
    assert run(*LESSON, '--no-picture', '-o', 'graph.svg').status == 2


@pytest.mark.parametrize('text', ['x=1\ny=2\nw=1\n', 'x = 1  # an input\n\n# the target\ny =2 w= 1', 'x=1 y=2 w=1'])
def test_values_from_a_file_and_from_standard_input(run, tmp_path, text):  # noqa: F811
    Path('numbers.txt').write_text(text)
    expected = run(*LESSON).out
    assert run(LESSON[0], '--values', 'numbers.txt') == (0, expected, '')
    assert run('--values=numbers.txt', LESSON[0]) == (0, expected, '')
    assert run(LESSON[0], '--values', 'numbers.txt', 'w=3').out == run(*LESSON[:3], 'w=3').out
    assert process(LESSON[0], '--values', '-', cwd=tmp_path, input=text).stdout == expected


@pytest.mark.parametrize(('text', 'message'), [
    (b'x=1\ny 2\n', r"numbers\.txt, line 2: 'y' is not of the form name=number, such as x=1"),
    (b'x=1\n\nx=2', r'numbers\.txt, line 3: x is given twice'),
    (b'x=one', r"numbers\.txt, line 1: 'x=one': 'one' is not a number"),
    (b'\xff\xfe', r'numbers\.txt: this is no text in UTF-8'), (b'', "'w' has no value: give it one"),
    (b'x=1 y=2 w=1 z=3', 'z=3 is given, but nothing in the expression takes it'),
])
def test_wrong_values_in_a_file(run, text, message):  # noqa: F811
    Path('numbers.txt').write_bytes(text)
    result = run(LESSON[0], '--values', 'numbers.txt')
    assert (result.status, result.out) == (2, '')
    assert re.match(f'micrograd: {message}', result.err)
    assert run(LESSON[0], '--values', 'none.txt').err == 'micrograd: none.txt: No such file or directory\n'


@pytest.mark.parametrize('arguments', [
    (*LESSON, '--colour'), (*LESSON, '--colour=red'), ('--colour', *LESSON), (*LESSON, '--colour', 'red'),
    (LESSON[0], '--colour', *LESSON[1:]), ('x', 'x=1', '-o', 'graph.svg', '--colour')])
def test_an_unknown_option_is_named(run, arguments):  # noqa: F811
    assert run(*arguments) == (2, '', 'micrograd: there is no option --colour (see micrograd --help)\n')
    assert os.listdir() == []


def test_an_unknown_short_option_is_named(run):  # noqa: F811
    assert run(*LESSON, '-wrt', 'w').err == 'micrograd: there is no option -wrt (see micrograd --help)\n'
    assert run('-x', 'x=1').status == 0  # this is an expression
    assert run(*LESSON, '--max-nodes', 'many').err.startswith('micrograd: argument --max-nodes: invalid int')


@pytest.mark.parametrize('name', ['graph.svg', 'graph.png', '-'])
def test_where_only_the_picture_is_too_large_the_tables_are_printed(run, name):  # noqa: F811
    plain = run(*LARGE, '--no-picture')
    result = run(*LARGE, '-o', name)
    assert result.status == 0
    assert (result.out if name != '-' else result.err).startswith(plain.out)
    assert result.err.endswith('micrograd: the graph is not drawn, since 901 values are too many to look at: '
                               '--max-nodes 901 draws it all the same, and takes time\n')
    assert os.listdir() == []


def test_a_larger_picture_when_it_is_asked_for(run):  # noqa: F811
    text, *numbers = 'a0=x' + ''.join(f';a{i + 1}=tanh(a{i})' for i in range(100)), 'x=0.1'
    assert run(text, *numbers, '-o', 'graph.png').err
    assert run(text, *numbers, '-o', 'graph.png', '--max-nodes', '101').err == ''
    assert Path('graph.png').read_bytes().startswith(MAGIC['png'])
    assert run(*LARGE, '-o', 'graph.gv').err == ''  # which is no picture yet
    assert run(*LESSON, '-o', 'graph.html', '--max-nodes=5').err.startswith('micrograd: the graph is not drawn')
    assert run(*LESSON, '-o', 'graph.html', '--max-nodes=6').err == ''


def test_a_layout_that_takes_too_long(run, monkeypatch):  # noqa: F811
    monkeypatch.setattr('micrograd.show.drawing.Drawing.seconds', 1e-9)
    result = run(*LESSON)
    assert (result.status, result.out) == (0, run(*LESSON, '--no-picture').out)
    assert result.err == ('micrograd: the graph is not drawn, since it takes longer than 1e-09 s: --max-nodes 6 draws '
                          'it all the same, and takes time; -o graph.gv writes it as text\n')
    assert os.listdir() == []
    assert run(*LESSON, '--max-nodes', '6').err == ''
    assert os.listdir() == ['graph.svg']


@pytest.mark.parametrize('arguments', [
    (*LESSON, '-o', 'missing/graph.svg'), (*LESSON, '--wrt', 'z'), (*LESSON, '-o', 'graph.pdf'), ('log(x)', 'x=-1')])
def test_nothing_is_printed_before_an_error(run, arguments):  # noqa: F811
    result = run(*arguments)
    assert (result.status, result.out) == (2, '')


@pytest.mark.parametrize(('encoding', 'lines'), [
    ('ascii', ['dy/dx = dy/da * da/dx', '= 1 * 3*x^2', '+ 1 * (-2*x^-3)']),
    ('latin-1', ['dy/dx = dy/da · da/dx', '= 1 · 3·x²', '+ 1 · (-2·x^-3)']),
    ('utf-8', ['∂y/∂x = ∂y/∂a · ∂a/∂x', '= 1 · 3·x²', '+ 1 · (−2·x⁻³)']),
])
def test_a_terminal_without_the_letters_shows_their_like(tmp_path, encoding, lines):
    result = process('a = x**3; b = x**-2; y = a + b', 'x=2', '--wrt', 'x', cwd=tmp_path, encoding=encoding,
                     env={'PYTHONIOENCODING': encoding})
    assert (result.returncode, result.stderr) == (0, '')
    for line in lines:
        assert line in result.stdout
    assert '\\u' not in result.stdout


def test_what_stands_for_a_character():
    assert ascii_only('∂L/∂w = 2·σ(x)·√(y) − x⁻¹²·x³ …') == 'dL/dw = 2*sigmoid(x)*sqrt(y) - x^-12*x^3 ...'
    assert ascii_only('ŷ漢\U0001f389') == r'\u0177\u6f22\U0001f389'


def ascii_only(text):
    codecs.register_error('like', _replacement)
    return text.encode('ascii', 'like').decode()


def test_a_picture_keeps_its_files_permissions_and_links(run):  # noqa: F811
    Path('graph.svg').write_bytes(b'an older picture')
    Path('graph.svg').chmod(0o640)
    assert run(*LESSON).status == 0
    assert stat.S_IMODE(Path('graph.svg').stat().st_mode) == 0o640
    os.link('graph.svg', 'copy.svg')
    assert run('x*x', 'x=1').status == 0
    assert Path('copy.svg').read_bytes() == Path('graph.svg').read_bytes()
