"""What a test needs besides the package and pytest: where it is absent, the test is skipped with a line that says what
to install; where CI is set, it fails."""

import importlib
import os
from importlib.util import find_spec
from typing import Any, NoReturn

import pytest


def needs(name: str) -> Any:
    """The module of that name; at the top of a file it decides for all tests in it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        absent(f'{error.name} is not installed: pip install {error.name}')


def absent(what: str) -> NoReturn:
    """Skip the test, or the file, for this reason; fail where CI is set."""
    if os.environ.get('CI'):
        pytest.fail(what, pytrace=False)
    pytest.skip(what, allow_module_level=True)


def params(**needed: tuple[str, ...]) -> list[Any]:
    """The names, for `pytest.mark.parametrize`, each with the modules that it needs."""
    def mark(modules: tuple[str, ...]) -> list[Any]:
        missing = [name for name in modules if not find_spec(name) and not os.environ.get('CI')]
        return [pytest.mark.skip(reason=f'not installed: pip install {" ".join(missing)}')] if missing else []

    return [pytest.param(name, marks=mark(modules)) for name, modules in needed.items()]


BACKENDS = params(python=(), numpy=('numpy',), native=('llvmlite', 'numpy'))  # of the compiler
