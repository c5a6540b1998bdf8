"""The examples (`>>>`) in the docstrings, run; and that what the package offers has some."""

import doctest
import importlib
import inspect
import pkgutil
import random

import pytest
from needs import needs

import micrograd
from micrograd import bridge, losses, nn, optim

FACES = (micrograd, nn, losses, optim, bridge)
NAMES = {name: getattr(face, name) for face in FACES for name in dir(face)
         if not name.startswith('_') and callable(getattr(face, name)) and hasattr(getattr(face, name), '__module__')
         and getattr(face, name).__module__.startswith('micrograd')}
NEEDED = {'torch': 'torch', '.plots.': 'matplotlib'}  # by what is in an example, or in the name of its place
FUNCTIONS = {name: thing for name, thing in NAMES.items() if inspect.isfunction(thing)}


def examples() -> list[doctest.DocTest]:
    """Those of every module; each starts with the names that the package offers."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = []
    for info in pkgutil.walk_packages(micrograd.__path__, 'micrograd.'):
        if info.name != 'micrograd.__main__':
            try:
                module = importlib.import_module(info.name)
            except ModuleNotFoundError:  # it needs torch, or llvmlite, at once; and has tests of its own
                continue
            found += [test for test in finder.find(module, extraglobs=NAMES) if test.examples]
    return found


EXAMPLES = examples()


@pytest.mark.parametrize('test', EXAMPLES, ids=lambda test: test.name)
def test_examples_say_what_comes_out(test, tmp_path, monkeypatch):
    for mark, module in NEEDED.items():
        if mark in ''.join([test.name, *(example.source for example in test.examples)]):
            needs(module)
    monkeypatch.chdir(tmp_path)
    random.seed(0)
    said: list[str] = []
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, ''.join(said)


@pytest.mark.parametrize('name', sorted(FUNCTIONS))
def test_a_function_that_the_package_offers_has_an_example(name):
    place = f'{FUNCTIONS[name].__module__}.{FUNCTIONS[name].__name__}'
    assert place in {test.name for test in EXAMPLES}


def test_the_package_offers_these_functions():
    assert set(FUNCTIONS) >= {'compile', 'dot', 'draw_dot', 'draw_network', 'explain', 'gradcheck', 'gradients', 'play',
                              'playground', 'mse_loss', 'cross_entropy', 'to_torch', 'from_torch', 'save', 'load'}


def test_an_example_that_is_wrong_is_found(tmp_path):
    example = '>>> Value(1.0) + 1\nValue(data=3.0, grad=0.0)'
    wrong = doctest.DocTestParser().get_doctest(example, NAMES, 'wrong', None, 0)
    with pytest.raises(AssertionError, match=r'Expected:\s+Value\(data=3.0, grad=0.0\)'):
        test_examples_say_what_comes_out(wrong, tmp_path, pytest.MonkeyPatch())
