"""What the command is given: its options, and numbers for names, from the command line or from a file."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from micrograd import __version__
from micrograd.command.expression import ALLOWED

FORMATS = ('svg', 'png', 'gv', 'html')
WITH_ARGUMENT = {'-o': '--output', '--output': '--output', '--wrt': '--wrt', '--values': '--values',
                 '--max-nodes': '--max-nodes'}
OPTION = re.compile('|'.join([rf'-o.*\.({"|".join(FORMATS)})', '-o-', *(f'{name}=.*' for name in WITH_ARGUMENT),
                              *WITH_ARGUMENT, '--no-picture', '-h', '--help', '--version']), re.IGNORECASE | re.DOTALL)
LIKE_AN_OPTION = re.compile(r'--?[A-Za-z][\w-]*(=.*)?')
PAIR = re.compile(r'\s*\w+\s*=\s*[\w.+-]*\s*')  # name=number, or what may be meant so
EPILOG = '''examples:
  micrograd "y_hat = w*x; s = y_hat - y; loss = s**2" x=1 y=2 w=1 -o loss.svg
  micrograd "tanh(dot([w1, w2], [2, 3]) + b)" w1=0.5 w2=-1 b=1 --wrt w2 -o backprop.html
'''


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        self.exit(2, f'{self.prog}: {message} (see {self.prog} --help)\n')


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command; SystemExit where they are wrong, or only ask for help."""
    parser = _Parser('micrograd', formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EPILOG, description=(
        'Compute an expression, differentiate it, print both passes, and draw the graph.\n'
        f'An expression has numbers, names, {ALLOWED};\n'
        'statements are separated by ; and the last one is the output.'))
    parser.add_argument('expression', help='such as "y_hat = w*x; loss = (y_hat - y)**2"')
    parser.add_argument('pairs', nargs='*', default=[], metavar='name=number',
                        help='the number for each name that it does not assign')
    parser.add_argument('--values', metavar='FILE',
                        help='a file of more lines name=number, or - for standard input; what stands on the command '
                             'line counts before them')
    picture = parser.add_mutually_exclusive_group()
    picture.add_argument('-o', '--output', default='graph.svg', metavar='FILE',
                         help=f'the picture, in the format of its ending: .{", .".join(FORMATS)} (a page that plays it '
                              'step by step); - is an SVG on standard output, -.png a PNG there, with the tables on '
                              'standard error; default: %(default)s')
    picture.add_argument('--no-picture', action='store_true', help='print the tables only')
    parser.add_argument('--max-nodes', type=int, metavar='N', help='draw a graph of up to N values, however long '
                                                                   'that takes; default: 500, of a PNG 100')
    parser.add_argument('--wrt', metavar='NAME', help='also write out the chain rule, with respect to this name')
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    options, positional = _sorted(argv)
    for place, argument in enumerate(positional):
        # An expression may begin with a minus, or be all there is; a pair never does.
        like = place > 0 or not all(map(PAIR.fullmatch, positional[1:]))
        if like and LIKE_AN_OPTION.fullmatch(argument):
            parser.error(f'there is no option {argument.partition("=")[0]}')
    return parser.parse_args([*options, '--', *positional])


def _sorted(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options, each in one piece with what belongs to it, and the other arguments."""
    options: list[str] = []
    positional: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument == '--':
            positional += arguments
        elif argument in WITH_ARGUMENT:
            following = next(arguments, None)
            options.append(argument if following is None else f'{WITH_ARGUMENT[argument]}={following}')
        else:
            (options if OPTION.fullmatch(argument) else positional).append(argument)
    return options, positional


def numbers(pairs: Iterable[str], path: str | None = None) -> dict[str, float]:
    """{'x': 1.0} from ['x=1'], and from the lines of a file, or of standard input where the path is -.

    ValueError, naming it, for what is no name=number, or a name that is given twice in one place.
    """
    found: dict[str, float] = {}
    if path is not None:
        found = _numbers(_lines(path))
    return found | _numbers(('', pair) for pair in pairs)


def _numbers(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """The numbers by name; each pair comes with the place where it stands."""
    found: dict[str, float] = {}
    for place, pair in pairs:
        name, equals, number = (part.strip() for part in pair.partition('='))
        if not equals or not name.isidentifier():
            raise ValueError(f'{place}{pair!r} is not of the form name=number, such as x=1')
        if name in found:
            raise ValueError(f'{place}{name} is given twice')
        try:
            found[name] = float(number)
        except ValueError:
            raise ValueError(f'{place}{pair!r}: {number!r} is not a number, such as 1, -0.5 or 1e-3') from None
    return found


def _lines(path: str) -> Iterator[tuple[str, str]]:
    """The pairs in a file, of which a line may have several, and the place of each; # begins a comment."""
    name = 'standard input' if path == '-' else path
    try:
        text = sys.stdin.read() if path == '-' else Path(path).read_text(encoding='utf-8')
    except UnicodeDecodeError:
        raise ValueError(f'{name}: this is no text in UTF-8, with lines such as x=1') from None
    for number, line in enumerate(text.splitlines(), 1):
        for pair in re.sub(r'\s*=\s*', '=', line.partition('#')[0]).split():
            yield f'{name}, line {number}: ', pair
