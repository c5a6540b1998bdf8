"""The command `micrograd`: an expression in, its forward and backward pass out, as tables and as a picture."""

from __future__ import annotations

import argparse
import os
import re
import sys
import textwrap
from pathlib import Path
from typing import NoReturn
from unicodedata import normalize

from micrograd import __version__
from micrograd.bridge.writing import write_whole
from micrograd.command.expression import ALLOWED, Evaluation
from micrograd.engine import Value
from micrograd.show.draw import draw_dot
from micrograd.show.explain import explain
from micrograd.show.player import play

FORMATS = ('svg', 'png', 'gv', 'html')
OPTION = re.compile(rf'-o|-o.*\.({"|".join(FORMATS)})|--(output|wrt)(=.*)?|-h|--help|--version|--', re.IGNORECASE)
EPILOG = '''examples:
  micrograd "y_hat = w*x; s = y_hat - y; loss = s**2" x=1 y=2 w=1 -o loss.svg
  micrograd "tanh(dot([w1, w2], [2, 3]) + b)" w1=0.5 w2=-1 b=1 --wrt w2 -o backprop.html
'''


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        self.exit(2, f'{self.prog}: {message} (see {self.prog} --help)\n')


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or the process's; return the exit status, 2 where the input is at fault."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')  # a terminal without a ∂ is no reason to stop
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    try:
        evaluation = Evaluation(arguments.expression, _numbers(arguments.values))
        output = evaluation.output
        path = Path(arguments.output)
        if path.suffix[1:].lower() not in FORMATS:
            raise ValueError(f'{path} should end in one of .{", .".join(FORMATS)}: the ending says what to write')
        input = _input(evaluation, arguments.wrt) if arguments.wrt else None
        _say(f'{explain(output, names=False)}')
        if input:
            _say(f'\nthe chain rule\n{textwrap.indent(str(explain(output, input, names=False)), "  ")}')
        _write(path, output)
        _say(f'\nthe graph is in {path}')
    except OSError as error:
        return _complain(f'{error.filename or "standard output"}: {error.strerror}')
    except (ValueError, ArithmeticError, RuntimeError) as error:
        return _complain(str(error))
    return 0


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader, such as `head`, has enough; the picture is still to be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> int:
    print(f'micrograd: {message}', file=sys.stderr)
    return 2


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = _Parser('micrograd', formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EPILOG, description=(
        'Compute an expression, differentiate it, print both passes, and draw the graph.\n'
        f'An expression has numbers, names, {ALLOWED};\n'
        'statements are separated by ; and the last one is the output.'))
    parser.add_argument('expression', help='such as "y_hat = w*x; loss = (y_hat - y)**2"')
    parser.add_argument('values', nargs='*', default=[], metavar='name=number',
                        help='the number for each name that it does not assign')
    parser.add_argument('-o', '--output', default='graph.svg', metavar='FILE',
                        help=f'the picture, in the format of its ending: .{", .".join(FORMATS)} (a page that plays it '
                             'step by step); default: %(default)s')
    parser.add_argument('--wrt', metavar='NAME', help='also write out the chain rule, with respect to this name')
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    # An expression may begin with a minus; a space before it keeps argparse from reading it as an option.
    return parser.parse_intermixed_args(
        [f' {a}' if a.startswith('-') and not OPTION.fullmatch(a) else a for a in argv])


def _numbers(pairs: list[str]) -> dict[str, float]:
    """{'x': 1.0} from ['x=1']."""
    numbers: dict[str, float] = {}
    for pair in pairs:
        name, equals, number = (part.strip() for part in pair.partition('='))
        if not equals or not name.isidentifier():
            raise ValueError(f'{pair!r} is not of the form name=number, such as x=1')
        if name in numbers:
            raise ValueError(f'{name} is given twice')
        try:
            numbers[name] = float(number)
        except ValueError:
            raise ValueError(f'{pair!r}: {number!r} is not a number, such as 1, -0.5 or 1e-3') from None
    return numbers


def _input(evaluation: Evaluation, name: str) -> Value:
    """The Value of that name."""
    values = evaluation.values
    if normalize('NFKC', name) not in values:
        raise ValueError(f'--wrt {name}: the expression has {", ".join(values) or "no name"}, and no {name}')
    return values[normalize('NFKC', name)]


def _write(path: Path, output: Value) -> None:
    """Draw the graph into a file; where that fails, a file that was there stays as it was."""
    format = path.suffix[1:].lower()
    if format == 'html':
        picture = play(output, names=False).html.encode()
    elif format == 'gv':
        picture = draw_dot(output, names=False).source.encode()
    else:
        picture = draw_dot(output, format, names=False).pipe()
    write_whole(path, picture)
