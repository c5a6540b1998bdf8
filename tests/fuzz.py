"""Fuzzing: random input, right, nearly right and hostile, to the command and to `load`.

    python tests/fuzz.py command 200000    # expressions, each through the whole of main(), with the picture as text
    python tests/fuzz.py pictures 2000     # the same with SVG, PNG and the player's page
    python tests/fuzz.py load 200000       # files

Each input ends as it is documented to, in less than a second of processor time and within 500 MB, runs nothing and
writes nothing but the file that is named. What does otherwise is printed, and the exit status is 1. Every input comes
again from its number: `--only 1234`.
"""

import argparse
import contextlib
import copy
import io
import json
import math
import os
import random
import re
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from micrograd.bridge import load, save
from micrograd.bridge.files import MOST_BYTES, MOST_THINGS
from micrograd.command.cli import main as command
from micrograd.nn import MLP

SECONDS, MEGABYTES = 1.0, 500
WIDEST = 300  # operands of a dot, or statements
NAMES = ('x', 'y', 'w1', 'b', 'ŷ', '𝐰', '_', 'loss')
FUNCTIONS = ('exp', 'log', 'sqrt', 'sin', 'cos', 'tanh', 'sigmoid', 'relu', 'abs')
NUMBERS = ('0', '1', '2', '-1', '0.5', '1e-3', '1e308', '1e-308', '5e-324', '1e999', '0x1F', '1_000', '7.', '.5', '00',
           '1j', '9' * 400, '9' * 5000, '0b1', '1e', 'nan', 'inf', '٣', 'True')
TOKENS = (
    *NAMES, *FUNCTIONS, *NUMBERS, *'+-*/%@^~()[]{},.;:=!<>|&\\\'"#\n\r\t\f\0 ', '**', '//', '->', ':=', '==', '...',
    'dot', 'dot([x], [y])', 'lambda x: x', 'import os', 'x if y else w1', 'f"{x}"', 'yield', 'await x', 'not', 'in',
    'None', '[x for x in y]', '*x', '**x', 'x=1', 'global x', 'del x', 'pass', 'def f(): pass', 'class A: pass',
    '__import__', '__import__("os").system("touch pwned")', 'open("pwned", "w")', 'exec("1")', 'x.__class__', 'x.data',
    'x[0]', 'x()', '\u2028', '\u0085', '\u202e', '\ufeff', '\ud800', '\U0010ffff', 'é', 'ﬁ', '²', 'ª', '\u00ad')
PIECES = (b'{', b'}', b'[', b']', b'"', b',', b':', b'1e999', b'NaN', b'Infinity', b'-', b'null', b'true', b'e', b'.',
          b' ', b'"format": "micrograd",', b'"layers": [],', b'"version": 2,', b'"version": 1e3,', b'\\ud800',
          b'\\u0000', b'\xff', b'\0', b'9' * 5000)
THINGS = (None, True, False, 0, 1, -1, 1.5, 1e308, 1e-320, 10**30, 10**400, float('nan'), float('inf'), '', '1', 'relu',
          'exp', '\ud800', '\0', 'x' * 5000, [], [[]], [1], [[1]], [[[[1]]]], [0.5] * 1000, {}, {'a': 1})
FORBIDDEN = (
    'exec', 'import', 'os.system', 'os.exec', 'os.fork', 'os.spawn', 'os.posix_spawn', 'subprocess.', 'os.remove',
    'os.mkdir', 'os.rmdir', 'os.chmod', 'os.symlink', 'os.truncate', 'shutil.', 'socket.', 'pickle.',
    'marshal.', 'ctypes.', 'urllib.')

# Expressions

def expression(draw: random.Random, depth: int) -> str:
    """One that the language has, mostly."""
    def part() -> str:
        return expression(draw, depth - 1)

    if depth <= 0 or draw.random() < 0.1:
        return draw.choice(NAMES if draw.random() < 0.7 else NUMBERS[:7])
    match draw.randrange(9):
        case 0 | 1 | 2 | 3:
            return f'{part()}{draw.choice(("+", "-", "*", " / ", "**"))}{part()}'
        case 4:
            return f'({part()})'
        case 5 | 6:
            return f'{draw.choice(FUNCTIONS)}({part()})'
        case 7:
            return f'-{part()}'
    n = draw.randrange(4)
    lists = [', '.join(part() for _ in range(n)) for _ in range(2)]
    return f'dot([{lists[0]}], [{lists[1]}])'


def program(draw: random.Random) -> str:
    """A few statements."""
    statements = [expression(draw, draw.randrange(5)) for _ in range(draw.choice((1, 1, 1, 2, 3, 6)))]
    return draw.choice(('; ', ';', '\n')).join(
        f'{name} = {text}' if draw.random() < 0.5 else text
        for name, text in zip(draw.sample(('s', 't', 'u', 'v', 'loss', 'y'), len(statements)), statements))


def nested(draw: random.Random) -> str:
    """A piece many times over."""
    if draw.random() < 0.1:  # wide, not deep
        n = draw.randrange(WIDEST)
        return draw.choice((f'dot([{"x," * n}], [{"w1," * n}])', ';'.join(f'v{i}=v{i - 1}*x' for i in range(n, 0, -1)),
                            'v0=x;' + ';'.join(f'v{i}=v{i - 1}*v{i - 1}' for i in range(1, n + 1))))
    n = draw.choice((30, 99, 200, 500, 1500, 5000, 20_000))
    opened, closed = draw.choice((
        ('(', ')'), ('[', ']'), ('{', '}'), ('-', ''), ('+', ''), ('~', ''), ('not ', ''), ('sin(', ')'),
        ('abs(-', ')'), ('x+', ''), ('x**', ''), ('x*(', ')'), ('x<', ''), ('x.', ''), ('x[', ']'), ('dot([', '],[x])'),
        ('lambda:', ''), ('x if x else ', ''), ('x,', ''), ('x;', ''), ('x=', ''), ('9', ''), ('é', ''), (' ', ''),
        ('\n', ''), ('\\\n', ''), ('"', '"'), ('f"{', '}"')))
    n = min(n, 300) if ';' in opened else n
    return opened * n + draw.choice(('x', '', '1')) + closed * draw.choice((n, n, n - 1, 0))


def spoiled(draw: random.Random, text: str) -> str:
    """The text with a few changes."""
    for _ in range(draw.choice((1, 1, 2, 5))):
        i, j = sorted(draw.randrange(len(text) + 1) for _ in range(2))
        match draw.randrange(5):
            case 0:
                text = text[:i] + text[min(j, i + 3):]
            case 1 | 2:
                text = text[:i] + draw.choice(TOKENS) + text[i:]
            case 3:
                text = text[:j] + text[i:]
            case 4:
                text = text[:i] + chr(draw.randrange(draw.choice((0x80, 0x3000, 0x110000)))) + text[j:]
    return text[:20_000]


def arguments(draw: random.Random) -> list[str]:
    """The command's arguments, all but the picture's."""
    text = draw.choices((
        lambda: program(draw), lambda: spoiled(draw, program(draw)), lambda: nested(draw),
        lambda: spoiled(draw, nested(draw)), lambda: ' '.join(draw.choices(TOKENS, k=draw.randrange(12))),
        lambda: ''.join(draw.choices(TOKENS, k=draw.randrange(30))),
        lambda: draw.randbytes(draw.randrange(60)).decode('latin-1'),
        lambda: draw.randbytes(40).decode('utf-8', 'surrogateescape'),
    ), (40, 30, 2, 2, 8, 8, 5, 5))[0]()
    values = [f'{name}={draw.choice(NUMBERS) if draw.random() < 0.03 else draw.uniform(0, 3)}' for name in NAMES
              if draw.random() < (0.99 if re.search(rf'\b{name}\b(?! =)', text) else 0.005)]
    if draw.random() < 0.05:
        values.append(''.join(draw.choices(TOKENS, k=draw.randrange(4))))
    out = [text, *values]
    if draw.random() < 0.1:
        out += ['--wrt', draw.choice((*NAMES, 's', draw.choice(TOKENS)))]
    return out


def one_command(draw: random.Random, endings: tuple[str, ...]) -> tuple[str, str, Callable[[], str]]:
    argv, name = arguments(draw), 'picture' + draw.choice(endings)

    def check() -> str:
        said, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            try:
                status = command([*argv, '-o', name])
            except SystemExit as stop:
                status = stop.code
        if status not in (0, 2):
            raise AssertionError(f'exit status {status}')
        if 'Traceback' in complained.getvalue() or bool(status) != bool(complained.getvalue()):
            raise AssertionError(f'exit status {status}, and on stderr {complained.getvalue()!r}')
        return 'computed' if status == 0 else 'refused'

    return repr(argv), name, check


# Files

def spoiled_tree(draw: random.Random, tree: object) -> object:
    """What JSON holds, with a part replaced, taken away or added."""
    spots = list(inside(tree))
    if not spots:
        return tree
    holder, key = draw.choice(spots)
    thing = copy.deepcopy(draw.choice(THINGS))
    match draw.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case 1 | 2 if isinstance(holder, dict):
            holder[draw.choice(('extra', '', 'biases', 'w' * 1000, '\ud800', '__class__'))] = thing
        case 3:
            holder[key] = [holder[key]]
        case 4 if isinstance(holder[key], float):
            holder[key] = draw.choice((draw.uniform(-9, 9), draw.randrange(-9, 9), 5e-324, -0.0, 1.79769e308))
        case _:
            holder[key] = thing
    return tree


def inside(tree: object) -> Iterator[tuple[dict | list, str | int]]:
    """Every place inside what JSON holds, as what it is in and its key there."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from inside(tree[key])


def file(draw: random.Random, sample: Path) -> bytes:
    """A file that is nearly a saved model."""
    save(MLP(draw.randint(1, 4), [draw.randint(1, 4) for _ in range(draw.randint(1, 3))],
             draw.choice(('relu', 'tanh', 'sigmoid', None)), draw.choice(('relu', 'tanh', None))), sample)
    raw = sample.read_bytes()
    kind = draw.random()
    if kind < 0.45:
        tree = json.loads(raw)
        for _ in range(draw.choice((1, 1, 2, 4))):
            tree = spoiled_tree(draw, tree)
        text = json.dumps(tree, ensure_ascii=draw.random() < 0.7, indent=draw.choice((None, 2)))
        return text.encode('utf-8', 'surrogatepass')
    if kind < 0.8:
        for _ in range(draw.choice((1, 1, 2, 8))):
            i, j = sorted(draw.randrange(len(raw) + 1) for _ in range(2))
            raw = draw.choice((
                raw[:i], raw[i:], raw[:i] + raw[j:], raw[:j] + raw[i:], raw[:i] + draw.randbytes(1) + raw[i + 1:],
                raw[:i] + draw.choice(PIECES) + raw[i:], raw[:i] + draw.choice(PIECES) + raw[j:]))
        return raw
    if kind < 0.9:
        return draw.randbytes(draw.randrange(200))
    if kind < 0.95:
        opened, closed = draw.choice(((b'[', b']'), (b'{"a":', b'}'), (b'[{"a":', b'}]'), (b'"', b'"'), (b'9', b'')))
        n = draw.choice((10, 999, 5000, 100_000))
        return raw.replace(b'[', opened * n, 1) + closed * draw.choice((n, 0))
    if kind < 0.9995:
        return raw.decode().encode(draw.choice(('utf-16', 'utf-32', 'utf-8-sig', 'cp037', 'utf-7')))
    start, end = b'{"format": "micrograd", "version": 1, "layers": [', b',0]}'
    big = draw.choice((b'[],', b'0,', b'[0],', b'"",', b'1e5,', b'[[[]]],', b'123456789,', b'"\\u0041",', b' ', b'9',
                       b'{"activation":"relu","weights":[[0.5]],"biases":[0]},',
                       b'{"activation":"relu","weights":[[' + b'0.123456789,' * (MOST_THINGS - 10)
                       + b'0]],"biases":[0]},'))
    counted = sum(map(big.count, (b'[', b'{', b',')))
    # As large as it may be, or larger.
    n = min(MOST_BYTES // len(big), MOST_THINGS // max(counted, 1)) - draw.choice((0, 100))
    return start + (big * max(n, 1)).removesuffix(b',') + draw.choice((end, b']}'))


def loaded(model: MLP) -> str:
    """Raise where it is no network of finite numbers."""
    numbers = model.state_dict().values()
    if type(model) is not MLP or not numbers or not all(type(x) is float and math.isfinite(x) for x in numbers):
        raise AssertionError(f'load gave {model}')
    return 'loaded'


def one_file(draw: random.Random, folder: Path) -> tuple[str, str, Callable[[], str | MLP]]:
    path = folder / 'model.json'
    raw = file(draw, path)
    path.write_bytes(raw)

    def check() -> str | MLP:
        try:
            return load(path)
        except ValueError as error:
            if type(error) is not ValueError or not str(error).startswith(f'{path}: ') or len(str(error)) > 1000:
                raise
            return 'refused'

    return repr(raw[:2000]), 'model.json', check


# The run

SPAWNING = ('subprocess.Popen', 'os.posix_spawn')  # the second is how the first does it from Python 3.13 on
DRAFT = re.compile(r'\.micrograd-[0-9a-f]{16}\.part')  # which is renamed, or is a stranger in the end
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """What is done on the quiet while `on`: files opened to be written, and everything FORBIDDEN."""

    def __init__(self) -> None:
        self.on, self.seen = False, []
        sys.addaudithook(self.hook)

    def hook(self, event: str, args: tuple) -> None:
        if self.on:
            if event == 'open' and not isinstance(args[0], int) and (args[2] or 0) & WRITING:
                self.seen.append(('write', os.path.basename(os.fsdecode(args[0]))))
            elif event in ('os.rename', 'os.link'):
                self.seen.append(('write', os.path.basename(args[1])))
            elif event.startswith(FORBIDDEN):
                self.seen.append((event, repr(args[0])[:80] if args else ''))


def memory() -> float:
    """The most memory that this process has held, in MB."""
    try:
        with open('/proc/self/status', encoding='ascii') as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmHWM')) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == 'darwin' else 2**10)


def seconds() -> float:
    """The processor time of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run(target: str, numbers: range, watch: Watch) -> tuple[int, dict[str, int], float]:
    """How many inputs failed, how the others ended, and the longest time of one."""
    fates: dict[str, int] = {}
    failures, longest = 0, 0.0
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name).resolve()
        for number in numbers:
            draw = random.Random(f'{target} {number}')
            random.seed(number)
            if target == 'load':
                shown, named, check = one_file(draw, folder)
            else:
                shown, named, check = one_command(draw, ('.gv',) if target == 'command' else ('.svg', '.png', '.html'))
            # A file without a name is opened by its folder's.
            allowed = {named, folder.name} if target != 'load' else set()
            fate: str | MLP = 'failed'
            began, wrong = seconds(), ''
            watch.seen.clear()
            watch.on = True
            try:
                fate = check()
            except BaseException:
                wrong = traceback.format_exc()
            watch.on = False
            took = seconds() - began
            if isinstance(fate, MLP):
                fate = loaded(fate)
            longest = max(longest, took)
            fates[fate] = fates.get(fate, 0) + 1
            allowed |= {'null'}
            forbidden = [(event, what) for event, what in watch.seen if not (
                what in allowed or DRAFT.fullmatch(what) if event == 'write' else
                event in SPAWNING and target == 'pictures')]
            strangers = {entry.name for entry in os.scandir(folder)} - {named}
            wrong += f'\ntook {took:.1f} s' * (took > SECONDS) + f'\nheld {memory():.0f} MB' * (memory() > MEGABYTES)
            wrong += f'\ndid {forbidden}' * bool(forbidden) + f'\nleft {strangers}' * bool(strangers)
            if wrong:
                failures += 1
                print(f'{target} {number}: {shown[:500]}{wrong}\n', flush=True)
            for entry in os.scandir(folder):
                os.unlink(entry)
    return failures, fates, longest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('target', choices=('command', 'pictures', 'load'))
    parser.add_argument('count', type=int, nargs='?', default=2000)
    parser.add_argument('--only', type=int, help='the input with this number')
    options = parser.parse_args()
    os.fsync = lambda descriptor: None  # which only makes it slow
    watch = Watch()
    if options.target != 'load':  # what is imported at first use is imported now
        for picture in ('.svg', '.png', '.gv', '.html'):
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
                command(['x*x', 'x=1', '--wrt', 'x', '-o', f'{folder}/warm{picture}'])
    numbers = range(options.count) if options.only is None else range(options.only, options.only + 1)
    failures, fates, longest = run(options.target, numbers, watch)
    told = ', '.join(f'{n} {fate}' for fate, n in fates.items())
    print(f'{options.target}: {len(numbers)} inputs, {failures} failures; {told}; '
          f'at most {longest:.2f} s each, {memory():.0f} MB')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
