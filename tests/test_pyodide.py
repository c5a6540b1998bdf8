"""The package where there are no processes: in Pyodide, run by Node."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from needs import absent

TOP = Path(__file__).parent.parent
BUILD = runpy.run_path(f'{TOP / "notebooks" / "build.py"}')
MODULES = os.environ.get('PYODIDE_MODULES', '')  # where npm has installed them
WHEELS = ('graphviz', 'pytest', 'hypothesis', 'sortedcontainers', 'pluggy', 'iniconfig', 'packaging', 'pygments')
FILES = {  # of tests that pass there, but for those below
    'core': 'rooms engine engine_manners module nn losses optim exercises',
    'graph': 'formulas gradients recompute names naming questions edges',
    'show': 'explain explain_tables gradcheck draw draw_tables draw_notes network player layout fold folded',
    'compiler': 'compiler compiler_errors compiler_source compiler_use tables files writing command docstrings',
}
NOT_THERE = (  # memory of another size, files without owners, a picture that nobody can stop
    'test_files.py::test_no_file_takes_much_time_or_memory', 'test_files.py::test_a_larger_file_is_not_even_read',
    'test_writing.py::test_a_file_that_cannot_be_replaced_by_one_like_it_is_written_in_place',
    'test_command.py::test_a_layout_that_takes_too_long',
)
FEWEST = {'core': 1000, 'graph': 400, 'show': 300, 'compiler': 400}


@pytest.fixture(scope='module')
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages that the tests in Pyodide need, which are pure Python."""
    if not MODULES or not shutil.which('node'):
        absent('install Node.js, npm install pyodide@314.0.6 @viz-js/viz@3.31.0, and set PYODIDE_MODULES to its '
               'node_modules folder')
    folder = tmp_path_factory.mktemp('wheels')
    pure = ['--only-binary=:all:', '--python-version=3.14', '--implementation=py', '--abi=none', '--platform=any']
    subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', *pure,
                    '-d', folder, *WHEELS], check=True)
    return folder


@pytest.fixture
def python(wheels: Path, tmp_path: Path):
    """Run Python in Pyodide; what its last line comes to, as text."""
    def run(code: str) -> str:
        file = tmp_path / 'code.py'
        file.write_text(textwrap.dedent(code), encoding='utf-8')
        done = subprocess.run(['node', Path(__file__).with_name('pyodide.mjs'), MODULES, TOP, wheels, file],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip().splitlines()[-1]

    return run


def test_a_deep_graph_is_freed(python):
    """In a browser's stack, CPython's own way of freeing ends from some two thousand operations on."""
    assert python('''
        from micrograd import Value
        a = Value(1.0)
        out = a
        for _ in range(150_000):
            out = (out + a) * 1.0
        out.backward()
        del out
        a.grad
        ''') == '150001'


def test_what_is_freed_with_a_module_or_an_attribute_may_be_as_deep(python):
    assert python('''
        from micrograd import Value
        from micrograd.nn import Module
        kept, weight = Module(), Value(2.0)
        for kind in (Module, lambda: Value(1.0)):
            outer = inner = kind()
            for _ in range(20_000):
                inner.next = {'inner': [kind()]}
                inner = inner.next['inner'][0]
            inner.weight, kept.weight = weight, weight
            del inner, outer
        str((kept.parameters()[0] is weight, weight.data))
        ''') == '(True, 2.0)'


def test_results_are_freed_with_the_last_name_and_leaves_stay(python):
    assert json.loads(python('''
        import gc, json, sys, weakref
        from micrograd import Value
        gc.disable()
        a, b = Value(2.0), Value(3.0)
        out = a * b + a
        product = weakref.ref(out._prev[0])
        kept = out._prev[0]
        del out
        alive = product() is kept, kept.data, kept.local_gradients()
        kept._backward = lambda: None
        del kept
        said = []
        sys.unraisablehook = lambda what: said.append(str(what.exc_value))
        try:
            Value('2')  # whose __init__ does not come to its operands
        except TypeError as error:
            said.append(type(error).__name__)
            del error
        json.dumps([*alive, product() is None, a.data, (a * b).data, *said])
        ''')) == [True, 6.0, [3.0, 2.0], True, 2.0, 6.0, 'TypeError']


def test_pictures_are_drawn_by_viz(python):
    found = json.loads(python('''
        import json, js
        from micrograd import Value, draw_dot, explain, play
        from micrograd.show import webassembly
        a = Value(2.0, label='a')
        out = (a * a).exp()
        found = []
        for format in ('svg', 'png'):
            try:
                draw_dot(out).pipe(format)
            except RuntimeError as error:
                found.append(str(error))
            webassembly.use(await js.newViz())
        svg = draw_dot(out).pipe(encoding='utf-8')
        json.dumps([*found, svg.count('<g'), svg.startswith('<?xml'), 'role="img"' in svg, len(play(out).html)])
        '''))
    assert 'there is no `dot` program here' in found[0] and '.source' in found[0]
    assert not {'apt', 'brew', 'pip'} & set(found[0].split())
    assert 'draws no PNG in a browser: save the picture as SVG' in found[1]
    assert found[2] > 10 and found[3:5] == [True, True] and found[5] > 10_000


def test_the_command_draws_there(python):
    assert '</svg>' in python('''
        import io, contextlib, js
        from micrograd.command.cli import main
        from micrograd.show import webassembly
        webassembly.use(await js.newViz())
        main(['y = w*x', 'w=2', 'x=3', '-o', '/tmp/y.svg'])
        open('/tmp/y.svg').read().replace('\\n', ' ')
        ''')


def test_nothing_is_advised_that_cannot_be_had_there(python):
    """No llvmlite, and no package of PyPI that has to be built."""
    assert json.loads(python('''
        import json, warnings
        import micrograd
        from micrograd.bridge import to_torch
        a, x = micrograd.Value(2.0, label='a'), micrograd.Value(3.0, label='x')
        said = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            step = micrograd.compile((a * x)**2, [x], [a])
            said += [str(warning.message) for warning in caught]
            said.append(step.value_and_grad([2.0], [3.0, 1.0])[0])
            micrograd.compile(a * x, [x], [a], backend='native')
            said.append(str(caught[-1].message))
        try:
            to_torch(a * x)
        except ImportError as error:
            said.append(str(error))
        json.dumps(said)
        ''')) == [20.0, "no native backend, so Python computes: No module named 'numpy'", 'this needs PyTorch']


@pytest.mark.parametrize('path', BUILD['NOTEBOOKS'], ids=lambda path: path.stem)
def test_a_reader_s_copy_runs_there_and_leaves_out_what_cannot_be_had(python, path):
    """Every cell, without a warning; and what is left blank earns no OK."""
    copy = BUILD['reader_copy'](BUILD['read'](path), path.name)
    code = [''.join(cell['source']) for cell in copy['cells'] if cell['cell_type'] == 'code']
    said = json.loads(python(f'''
        import ast, contextlib, io, js, json, os, sys, tempfile, warnings
        from micrograd.exercises.missing import MissingError
        from micrograd.show import webassembly
        webassembly.use(await js.newViz())
        os.chdir(tempfile.mkdtemp())
        warnings.simplefilter('error')
        def run(cell, names):
            if cell.startswith('%%writefile'):
                magic, _, text = cell.partition('\\n')
                with open(magic.split()[-1], 'a' if ' -a ' in magic else 'w') as file:
                    file.write(text)
                return
            *before, last = ast.parse(cell).body
            exec(compile(ast.Module(before, []), 'cell', 'exec'), names)
            if not isinstance(last, ast.Expr):
                return exec(compile(ast.Module([last], []), 'cell', 'exec'), names)
            shown = eval(compile(ast.Expression(last.value), 'cell', 'eval'), names)
            for name in ('__repr__', '_repr_html_', '_repr_mimebundle_'):  # as Jupyter asks for them
                said = getattr(shown, name, str)()
                print(said if name == '__repr__' else '')
        out, names = io.StringIO(), {{'__name__': '__main__'}}
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            for cell in {code!r}:
                try:
                    run(cell, names)
                except MissingError as error:
                    print(error)
                    break
        json.dumps(out.getvalue())
        '''))
    assert 'OK, ' not in said and 'OK: ' not in said
    assert 'pip install' not in said
    if 'numpy_is_missing' in code[0]:
        assert said == ('This lesson is about the arrays of NumPy, which is not here. '
                        'Its page among the lessons can be read, with all that it prints.\n')
    else:
        answers = sum('check' in BUILD['tags'](cell) for cell in copy['cells'])
        assert said.count('Not yet') >= answers > 0


@pytest.mark.parametrize('room', FILES)
def test_the_tests_that_need_nothing_else_pass_there(python, room):
    files = [f'tests/test_{name}.py' for name in FILES[room].split()]
    left_out = [f'--deselect=tests/{test}' for test in NOT_THERE]
    outcomes = json.loads(python(f'''
        import js, json, os, pytest
        from micrograd.show import webassembly
        webassembly.use(await js.newViz())
        os.environ.pop('CI', None)  # what needs more is skipped
        outcomes = []
        class Reports:
            def pytest_runtest_logreport(self, report):
                if report.when == 'call' or report.failed:
                    outcomes.append([report.nodeid, report.outcome])
            def pytest_collectreport(self, report):
                if report.failed:
                    outcomes.append([report.nodeid, report.outcome])
        pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'no:faulthandler', *{left_out!r}, *{files!r}],
                    plugins=[Reports()])
        json.dumps(outcomes)
        '''))
    assert [name for name, outcome in outcomes if outcome == 'failed'] == []
    assert sum(outcome == 'passed' for _, outcome in outcomes) > FEWEST[room]
