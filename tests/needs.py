"""What a test needs besides the package, pytest and Hypothesis: where it is absent, the tests that use it are skipped,
with a line that says what to install; where CI is set, they fail.

    from needs import np, torch

imports NumPy and PyTorch, or something in their place that skips the test as soon as it is used.
"""

import errno
import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any, NoReturn

import pytest

MODULES = {'np': 'numpy', 'torch': 'torch', 'sympy': 'sympy', 'scipy_optimize': 'scipy.optimize'}
OPTIONAL = ('numpy', 'torch', 'sympy', 'scipy', 'llvmlite', 'matplotlib')
BACKENDS = {'numpy': ('numpy',), 'native': ('llvmlite', 'numpy')}  # of the compiler, and what they need


class Absent:
    """In place of a module, or of what is made with it: while tests are collected, whatever is made of it is absent as
    well; to use it in a test skips the test."""

    collecting = True

    def __init__(self, module: str) -> None:
        self.module = module

    def __getattr__(self, name: str) -> 'Absent':
        if name.startswith('__'):
            raise AttributeError(name)
        return self()

    def __call__(self, *_: object, **__: object) -> 'Absent':
        if not Absent.collecting:
            absent(self.reason)
        return Absent(self.module)

    __getitem__ = __mul__ = __rmul__ = __add__ = __call__

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return (type('Derived', (), {'__new__': lambda *_, **__: self()}),)  # whose instances are absent too

    @property
    def reason(self) -> str:
        return f'{self.module} is not installed: pip install {self.module}'


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return needed(MODULES[name])


def needed(name: str, *modules: str) -> Any:
    """The module, which needs these others, or an Absent."""
    for module in modules or [name.partition('.')[0]]:
        if find_spec(module) is None and not os.environ.get('CI'):
            return Absent(module)
    return importlib.import_module(name)


def needs(name: str) -> Any:
    """The module, for the test that asks; where it is absent, that test is skipped."""
    require(name.partition('.')[0])
    return importlib.import_module(name)


def require(*modules: str) -> None:
    """Skip all tests of the file that says so, where one of the modules is absent."""
    for module in modules:
        if not here(module):
            absent(Absent(module).reason)


def here(name: str) -> bool:
    """Whether a module is installed, for a test that only adds something where it is."""
    return find_spec(name) is not None


def absent(what: str) -> NoReturn:
    """Skip the test, or the file, for this reason; fail where CI is set."""
    if os.environ.get('CI'):
        pytest.fail(what, pytrace=False)
    pytest.skip(what, allow_module_level=True)


def skip_what_is_not_installed(error: BaseException | None) -> None:
    """Skip the test that raised this, if it was because one of our optional packages is absent."""
    while error and not os.environ.get('CI'):
        if isinstance(error, ModuleNotFoundError) and error.name in OPTIONAL and not here(error.name):
            absent(Absent(error.name).reason)
        error = error.__cause__ or error.__context__


def skip_what_a_browser_has_not(error: BaseException) -> None:
    """Skip the test that raised this, if it was because there are no processes, no threads, no such files and no PNG,
    as in Pyodide."""
    lacks = 'start new thread|Graphviz draws no (PNG|JPG|PDF)|no attribute .(mkfifo|link|geteuid)'
    if sys.platform == 'emscripten' and (getattr(error, 'errno', None) == errno.ENOTSUP
                                         or re.search(lacks, str(error)) or re.search(lacks, str(error.__cause__))):
        pytest.skip(f'not to be had here: {error}')


def skip_absent(items: list[pytest.Item]) -> None:
    """Skip the tests with something absent among their parameters, or with a parameter `backend` that is not there."""
    Absent.collecting = False
    for item in items:
        given = item.callspec.params if hasattr(item, 'callspec') else {}
        missing = [module for module in BACKENDS.get(str(given.get('backend')), ()) if find_spec(module) is None]
        if missing and not os.environ.get('CI'):
            item.add_marker(pytest.mark.skip(f'this backend is not there: pip install {" ".join(missing)}'))
        for thing in _inside(given.values()):
            if isinstance(thing, Absent):
                item.add_marker(pytest.mark.skip(thing.reason))


def _inside(things: Iterable[Any]) -> Iterator[Any]:
    """The things, and what is in those of them that are lists, tuples or dicts."""
    for thing in things:
        yield thing
        if isinstance(thing, (list, tuple, dict)):
            yield from _inside(thing.values() if isinstance(thing, dict) else thing)
