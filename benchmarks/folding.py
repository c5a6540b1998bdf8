"""How the folding of a graph grows with its size, and what the pictures of a few networks take:
`python benchmarks/folding.py`, some five minutes, or `folding.py 100000` up to fewer values than a million."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import networks
from harness import duration, machine, table
from micrograd import Value, draw_dot
from micrograd.nn import Module
from micrograd.show.fold import fold

SIZES = (10_000, 100_000, 1_000_000)
GROWING: dict[str, tuple[Callable[[int], Value], int]] = {  # and about how many values a unit of each has
    'the moons, over more points': (lambda n: networks.moons(n)[1], 106),
    'a GPT, over more words': (lambda n: networks.words(n)[1], 4_000),
    'a recurrence, of more steps': (networks.recurrence, 10),
    'a chain, of more operations': (networks.chain, 2),
}
PICTURES: dict[str, Callable[[], tuple[Module | None, Value]]] = {
    'the moons, 100 points': networks.moons,
    'an MLP of 30 layers': lambda: networks.mlp(30),
    'a recurrence of 60 steps': lambda: (None, networks.recurrence(60)),
    'a transformer': networks.sequence,
    'a GPT on a word': networks.words,
    'the same with a node for each product': lambda: networks.words(dot=networks.gpt.products),
    'a GPT of two layers': lambda: networks.words(layers=2),
}


def growth(most: int) -> Iterator[tuple[object, ...]]:
    """For each family of graphs the time per value at each size, and how many kinds of values there are."""
    for name, (make, size) in GROWING.items():
        figures: list[object] = []
        for values in (values for values in SIZES if values <= most):
            root = make(values // size)
            count = len(root.topological_order())
            gc.collect()
            gc.disable()
            start = time.process_time()
            kinds = len(fold(root).boxes)
            figures.append(duration((time.process_time() - start) / count))
            gc.enable()
            del root
        yield name, *figures, kinds


def pictures() -> Iterator[tuple[object, ...]]:
    """For each network how many values it has, of how many kinds, and the times to its DOT text and to its SVG."""
    for name, make in PICTURES.items():
        model, loss = make()
        loss.backward()
        start = time.process_time()
        drawing = draw_dot(loss, fold=True, model=model)
        folded = time.process_time() - start
        count, kinds = drawing.description.split()[0], drawing.description.split()[3]
        yield name, count, kinds, duration(folded), *(duration(layout(dot, drawing.source)) for dot in dots())


def layout(dot: str, source: str) -> float:
    """The processor time that a `dot` takes from text to SVG."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([dot, '-Tsvg'], input=source.encode(), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def dots() -> list[str]:
    """Graphviz's own program, and graphviz-pure's."""
    files = metadata.files('graphviz-pure') or []
    return ['dot', *(str(file.locate()) for file in files if file.stem == 'graphviz-pure')]


if __name__ == '__main__':
    most = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    sizes = [f'{size:,} values' for size in SIZES if size <= most]
    print(machine(), '\n')
    print(table(('time per value', *sizes, 'kinds'), *growth(most)), '\n')
    print(table(('picture', 'values', 'kinds', 'to DOT text', 'by Graphviz', 'by graphviz-pure'), *pictures()))
