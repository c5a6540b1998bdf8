"""The legends: what the boxes, colours and arrows of a picture mean, and those of a folded one."""

from __future__ import annotations

from collections.abc import Sequence

from micrograd.show.look import FAINT, FRAME, INK, NEGATIVE, OPERATION, PALE, PAPER, POSITIVE, RESULT, colour

BLUE, ORANGE = ('#' + ''.join(f'{channel:02x}' for channel in full) for full in (POSITIVE, NEGATIVE))


def _sample(words: str, ground: str = PAPER, ink: str = INK, style: str = 'solid') -> str:
    """A box as in the picture."""
    return (f'<td border="1" style="{style}" color="{INK}" bgcolor="{ground}"><font color="{ink}">{words}</font></td>')


def _arrow(sign: str) -> str:
    return f'<td><font color="{FAINT}">{sign}</font></td>'


def _strip() -> str:
    """The colours of the gradients of parameters, from the smallest to the largest."""
    cells = ''.join(f'<td width="9" height="8" bgcolor="{colour(number, 1)}"></td>' for number in (-1, -0.3, 0.3, 1))
    return f'<td><table border="1" cellborder="0" cellspacing="0" cellpadding="0"><tr>{cells}</tr></table></td>'


SINGLE = [
    (_sample('<b>w</b>', INK, PAPER), 'a leaf: an input or a parameter',
     _sample('grad 2 ▲', BLUE), 'gradient above 0: the result grows with this value'),
    (_sample('<b>y</b>', RESULT), 'a result, below its name',
     _sample('grad −2 ▼', ORANGE), 'below 0: it falls. The deeper the colour, the larger'),
    (_sample('2', PALE, FAINT, 'dashed'), 'a plain number, a constant',
     _sample('grad –'), 'not computed yet'),
    (_sample('+', OPERATION, INK, 'rounded'), 'an operation',
     _arrow('−2 →'), 'local gradient: of the result by this operand; dashed where it is 0'),
]
FOLDED = [
    (_sample('<b>w</b> ×20', INK, PAPER), 'leaves that do the same job, and how many',
     _sample('grad 1 … 2', BLUE), 'gradients above 0, the smallest and the largest'),
    (_sample('<b>tanh</b> ×20', RESULT), 'results, below their operation',
     _sample('grad −2 … −1', ORANGE), 'below 0. The deeper the colour, the larger'),
    (_sample('numbers', PALE, INK, 'dashed'), 'plain numbers, constants',
     _strip(), 'gradients of parameters, from the smallest to the largest'),
    (_sample('<b>layers.0</b>', FRAME, FAINT, 'rounded'), 'a module, open or closed to a box',
     _arrow('⇒'), 'several arrows in one; a letter beside it says which operand'),
]


def legend(rows: Sequence[Sequence[str]]) -> str:
    """An HTML-like table of such rows: a sample, what it means, another, and what that means."""
    def words(meaning: str) -> str:
        return f'<td align="left"><font color="{FAINT}">{meaning}</font></td>'

    lines = ''.join(f'<tr>{left}{words(means)}{right}{words(this)}</tr>' for left, means, right, this in rows)
    return f'<table border="1" color="{FAINT}" cellborder="0" cellspacing="4" cellpadding="3">{lines}</table>'
