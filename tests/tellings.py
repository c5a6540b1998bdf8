"""What the tests of explain share: a small graph, and numbers and arithmetic read back from what is written."""

import re

import pytest

from micrograd.show.explain import Explanation

FORWARD, LOCAL, BACKWARD = 'forward pass', 'local gradients', 'gradients, by the chain rule'


def read(tables: Explanation | str) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each table by its title, each row cut at its equals signs."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for table in str(tables).split('\n\n'):
        title, *lines = table.splitlines()
        found[title] = [tuple(cell.strip() for cell in line.split('=')) for line in lines]
    return found


def as_python(written: str) -> str:
    """What is written as mathematics, as Python writes it."""
    text = re.sub('[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+', lambda raised: '**' + raised.group().translate(
        str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789')), written)
    text = re.sub(r'\|(.*?)\|', r'abs(\1)', text)
    for mark, meaning in {'·': '*', '−': '-', '^': '**', 'σ': 'sigmoid', '√': 'sqrt', 'ln': 'log'}.items():
        text = text.replace(mark, meaning)
    return text


def number(written: str) -> float:
    return float(written.replace('−', '-').replace('∞', 'inf').replace('undefined', 'nan'))


def close(number: float) -> object:
    """Equal in the digits that the tables show."""
    return pytest.approx(number, rel=1e-5, nan_ok=True)
