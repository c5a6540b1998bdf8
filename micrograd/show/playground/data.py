"""What the playground trains on: the numbers of each sample, those kept for a test, and in which order they come."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from numbers import Real

Columns = Sequence[Iterable[float] | float]
Rows = list[list[float]]
MOST_INDICES = 20_000  # indices in all the orders that a page holds


def samples(data: Columns, names: Sequence[str], what: str = 'data') -> Rows:
    """The numbers of these inputs, sample by sample; ValueError where they do not fit, or are not finite."""
    columns = list(data)
    if len(columns) != len(names):
        raise ValueError(f'{what} has the numbers of each of the {len(names)} inputs ({_some(names)}), but there are '
                         f'{len(columns)} sequences; of a list of samples give list(zip(*samples))')
    found = [_column(column, f'{name} in {what}') for column, name in zip(columns, names, strict=True)]
    lengths = {name: len(column) for name, column in zip(names, found, strict=True) if isinstance(column, list)}
    if len(set(lengths.values())) > 1:
        raise ValueError(f'the inputs have equally many numbers in {what}, but '
                         + ', '.join(f'{name} has {length}' for name, length in lengths.items()))
    count = next(iter(lengths.values()), 1)
    if not count:
        raise ValueError(f'there are no samples in {what}')
    return [[column[i] if isinstance(column, list) else column for column in found] for i in range(count)]


def split(rows: Rows, test: Columns | float, names: Sequence[str], seed: int) -> tuple[Rows, Rows]:
    """The samples to train on, and those to test with: given, or a share of all."""
    if not isinstance(test, (int, float)):
        return rows, samples(test, names, 'test')
    if not 0 <= test < 1:
        raise ValueError(f'test is data, or a share of it from 0 to below 1, not {test}')
    kept = set(random.Random(seed).sample(range(len(rows)), min(round(test * len(rows)), len(rows) - 1)))
    return [row for i, row in enumerate(rows) if i not in kept], [rows[i] for i in sorted(kept)]


def orders(count: int, seed: int) -> list[list[int]]:
    """Orders of so many samples, one for each epoch, up to a hundred; after the last the first comes again."""
    draw = random.Random(seed)
    return [draw.sample(range(count), count) for _ in range(max(1, min(100, MOST_INDICES // count)))]


def _column(column: Iterable[float] | float, name: str) -> list[float] | float:
    """A column as floats, or the one number of all samples."""
    try:
        numbers = float(column) if isinstance(column, Real) else [float(number) for number in column]  # type: ignore[union-attr]
    except (TypeError, ValueError) as error:
        raise TypeError(f'{name} is a number, or a sequence of numbers: {error}') from None
    for i, number in enumerate([numbers] if isinstance(numbers, float) else numbers):
        if not math.isfinite(number):
            raise ValueError(f'{name} is {number} for sample {i}, and playground computes with finite numbers: leave '
                             'the sample out')
    return numbers


def _some(names: Sequence[str]) -> str:
    """The first few of the names, for a message."""
    return ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else '') or 'none'
