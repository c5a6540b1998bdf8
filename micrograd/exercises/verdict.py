"""What a check answers, and how it gets a number out of whatever was handed in."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from numbers import Real
from typing import Any

ENDLESS = 'it calls itself without end: a leaf, which has no operands, must stop it'
DEEPEST = 150  # calls within a check in a browser, whose stack holds no more than 230 of the largest kind
LONGEST_ANSWER = 80  # characters of what came; an answer is read, not scrolled


class Verdict:
    """OK, or what was expected, what came, and the likely cause: true or false, and a text.

    >>> verdict = Verdict(False, 'Not yet')
    >>> verdict, bool(verdict)
    (Not yet, False)
    """

    def __init__(self, ok: bool, text: str) -> None:
        self.ok, self.text = ok, text

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        colour = '#0072b2' if self.ok else '#d55e00'  # which every kind of eye tells apart
        style = f'border-left: 6px solid {colour}; padding: 4px 12px; white-space: pre-wrap; font-family: monospace'
        return f'<pre style="{style}">{html.escape(self.text)}</pre>'


class NotYetError(Exception):
    """Something handed in is not what it should be: what was asked, what was expected, what came, the likely cause."""

    def __init__(self, what: str, expected: object, came: str, cause: str = '') -> None:
        super().__init__(what)
        rows = {'expected': expected if isinstance(expected, str) else f'{expected:.7g}', 'came': came, 'likely': cause}
        self.text = '\n'.join([what, *(f'  {name:10}{text}' for name, text in rows.items() if text)])


    def without_answer(self) -> str:
        """The text for a question whose answer is not to be told."""
        return '\n'.join(line for line in self.text.splitlines() if not line.startswith('  expected'))


Mistakes = Iterable[tuple[float, str]]  # the number that a usual mistake gives, and which mistake it is


def expect(what: str, came: object, expected: float, mistakes: Mistakes = (), within: float = 1e-6,
           otherwise: Callable[[float], str] = lambda number: '') -> float:
    """The number that came, if it is the expected one; else a NotYetError with the first mistake that it fits."""
    number = number_in(came)
    if number is None:
        raise NotYetError(what, expected, described(came), _why_no_number(came))
    if close(number, expected, within):
        return number
    causes = [cause for wrong, cause in mistakes if close(number, wrong, within)]
    raise NotYetError(what, expected, f'{number:.7g}', causes[0] if causes else otherwise(number))


def close(a: float, b: float, within: float) -> bool:
    """Whether two numbers are the same for a reader: to an absolute distance, and a relative one beyond 1."""
    return abs(a - b) <= within * max(1.0, abs(b))


def number_in(thing: object) -> float | None:
    """The number of a number, a Value of any engine, an array or tensor of one number; None where there is none."""
    ways: tuple[Callable[[Any], Any], ...] = (lambda x: x, lambda x: x.data, lambda x: x.item())
    for number_of in ways:
        try:
            number = number_of(thing)
            if isinstance(number, (Real, Decimal)) and not isinstance(number, bool):
                return float(number)
        except Exception:  # a hostile attribute is no number
            continue
    return None


def described(thing: object) -> str:
    """Anything at all in a few words, even where its repr() raises."""
    try:
        text = ' '.join(repr(thing).split())
    except BaseException as error:
        _let_the_user_stop(error)
        text = f'one whose repr() raises {type(error).__name__}'
    text = text if len(text) <= LONGEST_ANSWER else text[:LONGEST_ANSWER - 1] + '…'
    return text if thing is None else f'{text}, of type {type(thing).__name__}'


def attempt(what: str, function: Callable[..., Any], *operands: object, hint: str = '', endless: str = ENDLESS) -> Any:
    """What the function of somebody else's gives; a NotYetError for whatever it raises."""
    try:
        return function(*operands)
    except BaseException as error:
        _let_the_user_stop(error)
        raise NotYetError(what, 'a result', raised(error), _why_it_raised(error, hint, endless)) from None


@contextmanager
def within_the_stack() -> Iterator[None]:
    """Recursion ends in a RecursionError in Pyodide too, where the browser's stack ends long before Python's limit, and
    the kernel with it."""
    if sys.platform != 'emscripten':
        yield
        return
    limit, depth, frame = sys.getrecursionlimit(), 0, sys._getframe()
    while frame.f_back:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(min(limit, depth + DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def raised(error: BaseException) -> str:
    """An exception in one line."""
    try:
        said = ' '.join(str(error).split())[:LONGEST_ANSWER]
    except Exception:
        said = ''
    return f'{type(error).__name__}: {said}' if said else type(error).__name__


def _let_the_user_stop(error: BaseException) -> None:
    if isinstance(error, (KeyboardInterrupt, NotYetError)):
        raise error


def _why_it_raised(error: BaseException, hint: str, endless: str) -> str:
    if isinstance(error, RecursionError):
        return endless
    if isinstance(error, NotImplementedError):
        return 'it is not written yet'
    return hint


def _why_no_number(thing: object) -> str:
    if thing is None or thing is Ellipsis:
        return 'it is not written yet, or its return is missing'
    if isinstance(thing, (str, bytes)):
        return 'a text: write the number without quotes' + ', and with a point, not a comma' * (',' in f'{thing!r}')
    if isinstance(thing, bool):
        return 'true or false, not a number'
    if isinstance(thing, type):
        return 'a class, not a number'
    if isinstance(thing, Iterator):
        return 'a generator, which has made no number yet'
    if isinstance(thing, tuple) and [type(part) for part in thing] == [int, int]:
        return 'a comma makes two numbers of it: write a point, as in 0.5'
    if callable(thing):
        return 'a function that was not called: parentheses are missing'
    if hasattr(type(thing), '__len__'):
        return 'several numbers, where one is asked for'
    return ''


def sequence_of_numbers(what: str, thing: object, names: list[str]) -> list[float]:
    """One number for each name, out of a mapping by name or of a sequence in that order; else a NotYetError."""
    parts: list[object]
    if isinstance(thing, dict):
        missing = [name for name in names if name not in thing]
        if missing:
            raise NotYetError(what, ', '.join(names), f'nothing for {", ".join(missing)}',
                              'a name is missing or misspelt')
        parts = [thing[name] for name in names]
    elif thing is None or isinstance(thing, str) or not hasattr(thing, '__len__'):
        raise NotYetError(what, ', '.join(names), described(thing), _why_no_number(thing))
    else:
        parts = attempt(what, list, thing)
    if len(parts) != len(names):
        raise NotYetError(what, f'{len(names)} numbers: {", ".join(names)}', f'{len(parts)}')
    numbers = []
    for name, part in zip(names, parts):
        number = number_in(part)
        if number is None or not math.isfinite(number):
            raise NotYetError(f'{what}, {name}', 'a number', described(part), _why_no_number(part))
        numbers.append(number)
    return numbers
