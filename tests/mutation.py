"""Mutation testing: change one thing in a module, run its tests, and see whether one of them fails. On demand:

    python tests/mutation.py                   # every module, about half an hour on one core
    python tests/mutation.py optim nn          # these; with --only 12,40, these mutants of theirs

It prints each mutant that survives, and for each module how many there were and how many were killed. The tests run
in forks of one process that has imported everything big: a mutant takes a second or two. It needs a system that forks.
"""

import argparse
import ast
import gc
import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

TOP = Path(__file__).parent.parent
TESTS = {
    'formulas': ['test_formulas.py', 'test_explain.py', 'test_explain_tables.py'],
    'optim': ['test_optim.py'],
    'nn': ['test_nn.py', 'test_module.py'],
    'plumbing': ['test_nn.py', 'test_module.py'],
    'losses': ['test_losses.py'],
    'engine': ['test_engine_manners.py', 'test_engine.py'],
}
BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
          ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult}
COMPARE = {ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
           ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
           ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}
STATEMENTS = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Return, ast.Continue, ast.Break)
PYTEST = ['-x', '-q', '-p', 'no:cacheprovider', '-W', 'ignore::pytest.PytestAssertRewriteWarning']

Mutation = tuple[str, Callable[[], ast.AST | None]]  # what is done, and the doing: to the node, or a new one


def setting(thing: object, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(thing, name, value)


def without(parts: list | ast.Dict, i: int) -> Callable[[], None]:
    def do() -> None:
        for each in (parts.keys, parts.values) if isinstance(parts, ast.Dict) else (parts,):
            del each[i]
    return do


def mutations(n: ast.AST) -> Iterator[Mutation]:
    """Everything that can be done to a node."""
    match n:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in BINARY:
            yield f'{type(op).__name__} to {BINARY[type(op)].__name__}', setting(n, 'op', BINARY[type(op)]())
    match n:
        case ast.AugAssign():
            yield 'plain =', lambda: ast.Assign([n.target], n.value)
        case ast.Compare():
            for i, op in enumerate(n.ops):
                for other in COMPARE[type(op)]:
                    yield f'{type(op).__name__} to {other.__name__}', lambda i=i, o=other: n.ops.__setitem__(i, o())
        case ast.Constant(value=bool() as value):
            yield f'{not value}', setting(n, 'value', not value)
        case ast.Constant(value=int() | float() as value):
            yield f'{value} to {value + 1}', setting(n, 'value', value + 1)
        case ast.Constant(value=str() as value):
            yield f'{value!r} to {"" if value else "XX"!r}', setting(n, 'value', '' if value else 'XX')
        case ast.Constant(value=None):
            yield 'None to 1', setting(n, 'value', 1)
        case ast.UnaryOp():
            yield f'no {type(n.op).__name__}', lambda: n.operand
        case ast.BoolOp():
            yield 'and or', setting(n, 'op', ast.Or() if isinstance(n.op, ast.And) else ast.And())
            for i in range(len(n.values)):
                yield f'without part {i}', without(n.values, i)
        case ast.IfExp():
            yield 'always', lambda: n.body
            yield 'never', lambda: n.orelse
        case ast.If():
            yield 'if True', setting(n, 'test', ast.Constant(True))
            yield 'if False', setting(n, 'test', ast.Constant(False))
        case ast.While():
            yield 'while False', setting(n, 'test', ast.Constant(False))
        case ast.For():
            yield 'for in ()', setting(n, 'iter', ast.Tuple([], ast.Load()))
        case ast.comprehension():
            yield 'for in ()', setting(n, 'iter', ast.Tuple([], ast.Load()))
            for i in range(len(n.ifs)):
                yield 'without if', without(n.ifs, i)
        case ast.Tuple() | ast.List() if len(n.elts) == 2 and isinstance(n.ctx, ast.Load):
            yield 'swap', n.elts.reverse
        case ast.Dict() if len(n.keys) > 1:
            for i, key in enumerate(n.keys):
                yield f'without {key and ast.unparse(key)}', without(n, i)
        case ast.Call():
            if len(n.args) == 1 and not n.keywords and not isinstance(n.args[0], ast.Starred):
                yield 'without the call', lambda: n.args[0]
            if len(n.args) > 1:
                yield 'swap arguments', lambda: n.args.insert(0, n.args.pop(1))
            for i, keyword in enumerate(n.keywords):
                yield f'without {keyword.arg}', without(n.keywords, i)
        case ast.ExceptHandler(type=ast.Tuple(elts=errors)):
            for i, error in enumerate(errors):
                yield f'no except {ast.unparse(error)}', without(errors, i)
        case ast.Match() if len(n.cases) > 1:
            for i, case in enumerate(n.cases):
                yield f'no case {ast.unparse(case.pattern)}', without(n.cases, i)
        case ast.Attribute(attr='data' | 'grad' as name, ctx=ast.Load()):
            yield 'data for grad', setting(n, 'attr', 'grad' if name == 'data' else 'data')
        case ast.FunctionDef() | ast.ClassDef():
            for i, decorator in enumerate(n.decorator_list):
                yield f'no @{ast.unparse(decorator)}', without(n.decorator_list, i)
    if isinstance(n, STATEMENTS):
        yield 'delete', ast.Pass


def mutable(tree: ast.Module) -> list[ast.AST]:
    """The tree's nodes without annotations, docstrings and imports, whose change changes nothing."""
    out = set()
    for n in ast.walk(tree):
        parts = [getattr(n, 'annotation', None), getattr(n, 'returns', None)]
        if isinstance(n, (ast.Import, ast.ImportFrom)):
            parts.append(n)
        if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(n) is not None:
            parts.append(n.body[0])
        out |= {m for part in parts if part for m in ast.walk(part)}
    return [n for n in ast.walk(tree) if n not in out]


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Each mutant once: the line, what was done there, and its source."""
    seen = {ast.unparse(ast.parse(source))}
    for i, node in enumerate(mutable(ast.parse(source))):
        for j, (what, _) in enumerate(mutations(node)):
            tree = ast.parse(source)
            target = mutable(tree)[i]
            new = list(mutations(target))[j][1]()

            class Replace(ast.NodeTransformer):
                def visit(self, n: ast.AST) -> ast.AST:
                    return new if n is target and isinstance(new, ast.AST) else self.generic_visit(n)  # noqa: B023

            text = ast.unparse(ast.fix_missing_locations(Replace().visit(tree)))
            if text not in seen:
                seen.add(text)
                yield getattr(node, 'lineno', 0), what, text


def run(tests: list[str], limit: float) -> str:
    """What becomes of the tests, in a process of their own in this folder: 'passed', 'failed' or 'timeout'."""
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
        output = os.open('output', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        status = 1
        try:
            status = pytest.main([*PYTEST, *(f'tests/{name}' for name in tests)])
        finally:
            os._exit(int(status))
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return 'failed' if status else 'passed'
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 'timeout'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('modules', nargs='*', default=list(TESTS), help=f'of {", ".join(TESTS)}')
    parser.add_argument('--only', default='', metavar='N,N', help='only the mutants with these numbers')
    arguments = parser.parse_args()
    for big in ('numpy', 'sympy', 'torch._dynamo', 'graphviz', 'playwright.sync_api'):
        importlib.import_module(big)
    os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'
    hypothesis.settings.register_profile('mutation', derandomize=True, database=None,
                                         phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])
    hypothesis.settings.load_profile('mutation')
    gc.freeze()  # all this is here to stay: not to be looked through again after each fork
    with tempfile.TemporaryDirectory() as folder:
        for part in ('micrograd', 'tests'):
            shutil.copytree(TOP / part, Path(folder, part), ignore=shutil.ignore_patterns('__pycache__'))
        shutil.copy(TOP / 'setup.cfg', folder)
        os.chdir(folder)
        sys.path[:] = [folder] + [path for path in sys.path if Path(path).resolve() not in (TOP, TOP / 'tests')]
        os.environ['PYTHONPATH'] = folder
        for module in arguments.modules:
            survey(module, {int(number) for number in arguments.only.split(',') if number})


def survey(module: str, only: set[int]) -> None:
    """Run a module's mutants in this folder, and print what survives and the figures."""
    path, tests = next(Path('micrograd').rglob(f'{module}.py')), TESTS[module]
    original = path.read_text(encoding='utf-8')
    began = time.monotonic()
    sys.dont_write_bytecode = False  # the tests' and the other modules', once; not a mutant's, which would outlive it
    if run(tests, 600) != 'passed':
        sys.exit(f'the tests of {module} fail without a mutation:\n' + Path('output').read_text(encoding='utf-8'))
    limit = 3 * (time.monotonic() - began) + 5
    sys.dont_write_bytecode = True
    os.environ['PYTHONDONTWRITEBYTECODE'] = '1'
    for compiled in path.parent.glob(f'__pycache__/{module}.*'):
        compiled.unlink()
    lines, fates = original.splitlines(), []
    for number, (line, what, source) in enumerate(mutants(original)):
        if only and number not in only:
            continue
        path.write_text(source, encoding='utf-8')
        fates.append(run(tests, limit))
        if fates[-1] == 'passed':
            print(f'{module} {number} survives, line {line}: {what}: {lines[line - 1].strip()}', flush=True)
    path.write_text(original, encoding='utf-8')
    killed = len(fates) - fates.count('passed')
    print(f'{module}: {len(fates)} mutants, {killed} killed ({fates.count("timeout")} by the time limit), '
          f'{killed / len(fates):.1%}; {time.monotonic() - began:.0f} s', flush=True)


if __name__ == '__main__':
    main()
