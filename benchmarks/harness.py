"""Measuring implementations side by side: each in a process of its own, taking turns, so that a noisy machine is noisy
for all of them alike; then medians, and a table in GitHub Markdown."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from statistics import median
from typing import Self


class Worker:
    """A process that runs a worker file and answers calls of that file's functions: `worker.call('build', 1000)`.

    path: the folder from which it imports the implementation under test.
    """

    def __init__(self, file: Path, path: Path) -> None:
        self.process = subprocess.Popen([sys.executable, str(file), str(path)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def call(self, function: str, *arguments: object) -> object:
        """What the function returns, through JSON. RuntimeError if the process ended; its traceback is on stderr."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps([function, *arguments]), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f'{self.process.args} ended in {function}{arguments}')
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate()  # closes its stdin, upon which it ends


def serve(functions: dict[str, Callable]) -> None:
    """A worker's main loop: read a call, answer it, until stdin closes."""
    for line in sys.stdin:
        function, *arguments = json.loads(line)
        print(json.dumps(functions[function](*arguments)), flush=True)


def interleave(measures: dict[Hashable, Callable[[], float]], rounds: int) -> dict[Hashable, list[float]]:
    """What each measure returned, round by round. They take turns, A B C, C B A, and so on, so that neither a slow
    spell of the machine nor the place in the order favours one of them. A round before that warms up and is dropped."""
    results: dict[Hashable, list[float]] = {name: [] for name in measures}
    order = list(measures)
    for _ in range(rounds + 1):
        for name in order:
            results[name].append(measures[name]())
        order.reverse()
    return {name: figures[1:] for name, figures in results.items()}


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> tuple[float, str]:
    """The median of the rounds' ratios, and its text with the smallest and the largest: '6.3 (6.1–6.4)'."""
    ratios = [n / d for n, d in zip(numerators, denominators, strict=True)]
    middle, low, high = (f'{x:,.0f}' if x >= 100 else f'{x:.3g}' for x in (median(ratios), min(ratios), max(ratios)))
    return median(ratios), f'{middle} ({low}–{high})'


def verdict(met: bool) -> str:
    return 'met' if met else '**missed**'


def fetch(folder: Path, *packages: str) -> bool:
    """Have pip install the packages, or what else it takes as arguments, into the folder; whether it could."""
    return not subprocess.run([sys.executable, '-m', 'pip', 'install', '-qq', '--disable-pip-version-check', '--target',
                               str(folder), *packages]).returncode


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    units = (('s', 1), ('ms', 1e-3), ('µs', 1e-6), ('ns', 1e-9))
    unit, scale = next((u, s) for u, s in units if seconds >= 0.9995 * s)  # 999.6 µs are 1 ms, not 1e+03 µs
    return f'{seconds / scale:.3g} {unit}'


def table(*rows: Sequence[object]) -> str:
    """A table in GitHub Markdown, the first row its head."""
    lines = ['| ' + ' | '.join(map(str, row)) + ' |' for row in rows]
    return '\n'.join([lines[0], '|' + ' --- |' * len(rows[0]), *lines[1:]])


def machine() -> str:
    """The processor, its cores, and the Python that runs this."""
    try:
        cpuinfo = Path('/proc/cpuinfo').read_text()
        model = next(line.split(':')[1].strip() for line in cpuinfo.splitlines() if line.startswith('model name'))
    except (OSError, StopIteration):  # not Linux, or a processor that does not say
        model = platform.processor()
    return f'{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}'
