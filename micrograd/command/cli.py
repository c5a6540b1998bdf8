"""The command `micrograd`: an expression in, its forward and backward pass out, as tables and as a picture."""

from __future__ import annotations

import codecs
import os
import re
import subprocess
import sys
import textwrap
from argparse import Namespace
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from micrograd.bridge.writing import write_whole
from micrograd.command.arguments import FORMATS, numbers, parse
from micrograd.command.expression import Evaluation
from micrograd.engine import Value
from micrograd.show.draw import draw_dot
from micrograd.show.explain import explain
from micrograd.show.player import play

MOST_DRAWN = {'svg': 500, 'png': 100, 'html': 1000}  # values in a picture
# What stands for a character that the terminal's encoding does not have.
IN_ASCII = {'∂': 'd', '·': '*', '−': '-', 'σ': 'sigmoid', '√': 'sqrt', '…': '...', '–': '-', '′': "'", '∞': 'inf',
           **dict(zip('₍₎₀₁₂₃₄₅₆₇₈₉', '[]0123456789', strict=True))}  # the second use of x is x[2]
SUPERSCRIPTS = dict(zip('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789', strict=True))


class Drawn(NamedTuple):
    """Where a picture goes, and what it is: as bytes, or why there is none."""

    path: Path
    raw: bytes
    missing: str = ''

    @property
    def to_stdout(self) -> bool:
        return self.path.stem == '-' and self.path.parent == Path()


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or the process's; return the exit status, 2 where the input is at fault."""
    codecs.register_error('micrograd', _replacement)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='micrograd')  # a terminal without a ∂ is no reason to stop
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        text, picture = _results(arguments)  # all that may fail comes before the first line of output
        if picture and picture.raw and not picture.to_stdout:
            write_whole(picture.path, picture.raw)
        _put(text, sys.stderr if picture and picture.to_stdout else sys.stdout)
        if picture and picture.raw and picture.to_stdout:
            _put(picture.raw, sys.stdout)
    except OSError as error:
        return _complain(f'{error.filename or "standard output"}: {error.strerror}')
    except (ValueError, ArithmeticError, RuntimeError) as error:
        return _complain(str(error))
    if picture and picture.missing:
        _put(f'micrograd: {picture.missing}', sys.stderr)  # whose reader may have gone, too
    return 0


def _results(arguments: Namespace) -> tuple[str, Drawn | None]:
    """The tables, and the picture where one is wanted."""
    evaluation = Evaluation(arguments.expression, numbers(arguments.pairs, arguments.values))
    input = _input(evaluation, arguments.wrt) if arguments.wrt else None
    picture = None if arguments.no_picture else _picture(evaluation.output, Path(arguments.output), arguments.max_nodes)
    text = f'{explain(evaluation.output, names=False)}'
    if input:
        chain = f'{explain(evaluation.output, input, names=False)}'
        text += f'\n\nthe chain rule\n{textwrap.indent(chain, "  ")}'
    if picture and picture.raw and not picture.to_stdout:
        text += f'\n\nthe graph is in {picture.path}'
    return text, picture


def _input(evaluation: Evaluation, name: str) -> Value:
    """The Value of that name."""
    values = evaluation.values
    if normalize('NFKC', name) not in values:
        raise ValueError(f'--wrt {name}: the expression has {", ".join(values) or "no name"}, and no {name}')
    return values[normalize('NFKC', name)]


def _picture(output: Value, path: Path, most: int | None) -> Drawn:
    """The graph, drawn in the format that the path says."""
    format = 'svg' if str(path) == '-' else path.suffix[1:].lower()
    if format not in FORMATS:
        raise ValueError(f'{path} should end in one of .{", .".join(FORMATS)}: the ending says what to write')
    count = len(output.topological_order())
    more = f'--max-nodes {count} draws it all the same, and takes time'
    if format != 'gv' and count > (most or MOST_DRAWN[format]):
        return Drawn(path, b'', f'the graph is not drawn, since {count:,} values are too many to look at: {more}')
    drawing = draw_dot(output, format if format in ('svg', 'png') else 'svg', names=False, max_nodes=count)
    if format == 'gv':
        return Drawn(path, drawing.source.encode())
    if most:
        drawing.seconds = 1e6  # some days
    try:
        if format == 'html':
            return Drawn(path, play(output, names=False, max_operations=count).html.encode())
        return Drawn(path, drawing.pipe())
    except RuntimeError as error:
        if not isinstance(error.__context__, subprocess.TimeoutExpired):
            raise
        return Drawn(path, b'', f'the graph is not drawn, since it takes longer than {drawing.seconds:g} s: {more}; '
                                '-o graph.gv writes it as text')


def _put(said: str | bytes, stream: Any) -> None:
    """Write to a standard stream, whose reader may have enough, as `head` has."""
    try:
        if isinstance(said, bytes):
            stream.buffer.write(said)
            stream.buffer.flush()
        else:
            print(said, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(message: str) -> int:
    print(f'micrograd: {message}', file=sys.stderr)
    return 2


def _replacement(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that an encoding does not have: dloss/dw and x^-2 where it has no ∂ and no ⁻²."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text, place = error.object, error.start
    if power := re.compile(f'[{"".join(SUPERSCRIPTS)}]+').match(text, place):
        return '^' + ''.join(map(SUPERSCRIPTS.__getitem__, power[0])), power.end()
    return IN_ASCII.get(text[place], text[place].encode('ascii', 'backslashreplace').decode()), place + 1
