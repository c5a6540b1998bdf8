"""What every picture has in common: its inks and colours, how a number stands in it, and text as itself."""

from __future__ import annotations

import html
import math
import unicodedata

from micrograd.engine import Value
from micrograd.graph.naming import LONGEST_NAME, short
from micrograd.show.notation import PLAIN

INK, FAINT, PAPER = '#1b2733', '#66737f', '#ffffff'
POSITIVE, NEGATIVE = (91, 164, 224), (245, 158, 66)  # blue and orange, which every kind of eye tells apart
WARNING = '#b3202c'
BOLD = {'color': WARNING, 'fontcolor': WARNING, 'penwidth': '2.5'}
RESULT, OPERATION, PALE = '#dfe7ee', '#fff8e1', '#eceff1'  # the grounds of results' names, operations, constants
FRAME, FRAME_LINE = '#f4f7f9', '#c3ccd4'  # of modules
FONT = 'Helvetica'


def colour(number: float, largest: float) -> str:
    """From white at 0 to blue at the largest positive number and orange at the largest negative one."""
    if not math.isfinite(number):
        return '#d9d9d9'
    share = math.sqrt(min(1.0, abs(number) / largest)) if largest else 0.0
    full = POSITIVE if number > 0 else NEGATIVE
    return '#' + ''.join(f'{round(255 + (channel - 255) * share):02x}' for channel in full)


def digits(number: float | str) -> str:
    """A number to four digits, with the minus sign of the formulas; a word in place of a number as it is."""
    return number if isinstance(number, str) else PLAIN.minus(f'{number:.4g}')


def signed(number: float) -> str:
    """A number, and a mark that says without colour whether it is above or below 0."""
    return digits(number) + (' ▲' if number > 0 else ' ▼' if number < 0 else '')


def wide(text: str) -> int:
    """How many characters of a text, cut as it is drawn, are as wide as they are high, as the Chinese ones."""
    return sum(unicodedata.east_asian_width(c) in 'WF' for c in str(text)[:LONGEST_NAME])


def room(name: str, size: float = 12) -> str:
    """The width of a name's cell with wide characters, which a `dot` without a font for them takes to be narrower."""
    return f' width="{size * len(name[:LONGEST_NAME]) + 10:.0f}" align="left"' if wide(name) else ''


def text(text: str) -> str:
    """Any text as itself in an HTML-like label: escaped, in one line or more, and cut where it gets too long."""
    return escaped(short(str(text)))


def escaped(text: str) -> str:
    """As `text`, uncut."""
    return html.escape(printable(text)).replace('\\', r'\\').replace('\n', '<br/>')  # Graphviz's own escape


def printable(text: str) -> str:
    """The text with a mark in place of each character that XML or a font cannot show; new lines stay."""
    return ''.join('\ufffd' if unicodedata.category(c) in ('Cc', 'Cs', 'Cn') and c != '\n' else c for c in text)


def symbol(op: str) -> str:
    """An operation's symbol as the formulas write it: · for *, and the longer minus sign."""
    return '·' if op == '*' else PLAIN.minus(op) if op == '-' or op.startswith('**-') else op


def gradient(node: Value) -> float:
    """A node's gradient, where None counts as 0."""
    return node.grad or 0.0


def local_gradients(node: Value) -> list[float | str]:
    """d(node)/d(operand) for each operand; '?' where a step by hand keeps it, 'undefined' where there is none."""
    try:
        known = node.local_gradients()
    except (ArithmeticError, ValueError):
        return ['undefined'] * len(node._prev)
    except TypeError:  # not one for each operand
        known = None
    return ['?'] * len(node._prev) if known is None else ['undefined' if math.isnan(n) else n for n in known]
