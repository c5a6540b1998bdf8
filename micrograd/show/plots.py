"""The plots of the lessons, legible from the back of a lecture hall. matplotlib is imported when one is asked for."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

BLUE, ORANGE, GREEN, GREY = '#0072b2', '#d55e00', '#007a5e', '#555555'
STYLES = ((BLUE, '-', 'o'), (ORANGE, '--', 's'), (GREEN, '-.', '^'), (GREY, ':', 'D'))  # told apart without colour too
FONT: Any = {'font.size': 15, 'axes.titlesize': 16, 'axes.spines.top': False, 'axes.spines.right': False,
        'axes.grid': True, 'grid.alpha': 0.3, 'figure.facecolor': 'white', 'savefig.facecolor': 'white'}
FEW = 30  # points, which get a marker each


class Plot:
    """A figure that a notebook shows as a PNG. `save` writes it to a file, `figure` is matplotlib's own."""

    def __init__(self, figure: Any) -> None:
        self.figure = figure

    def save(self, path: str | Path) -> Path:
        """Write it to a file, in the format of its ending, and return the path."""
        self.figure.savefig(path)
        return Path(path)

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.figure.savefig(png, format='png')
        return png.getvalue()

    def __repr__(self) -> str:
        return 'a plot: ' + '; '.join(axes.get_title() or axes.get_ylabel() or 'without a title'
                                      for axes in self.figure.axes)


class LeftOut:
    """What stands in a plot's place where there is no matplotlib."""

    def __repr__(self) -> str:
        install = '' if sys.platform == 'emscripten' else ' (pip install matplotlib)'
        return f'A plot is left out here: it needs matplotlib{install}.'


Line = Sequence[float] | tuple[Sequence[float], Sequence[float]]  # numbers, one a step; or x and y


def curves(lines: Mapping[str, Line], *, x: str = '', y: str = '', title: str = '', log: bool = False,
           points: Sequence[tuple[float, float]] = ()) -> Plot | LeftOut:
    """Lines by name, each a sequence of numbers, or two of x and y; and points, in black.

    x, y, title: what to write there. log: a logarithmic y.

    >>> curves({'loss': [16.0, 8.2944, 0.9094, 1.5371]}, x='pass', title='It rises at pass 4')
    a plot: It rises at pass 4
    """
    def draw(axes: Any) -> None:
        for (name, line), (colour, dashes, marker) in zip(lines.items(), cycle(STYLES)):
            xs, ys = line if isinstance(line, tuple) else (range(len(line)), line)
            axes.plot(xs, ys, dashes, color=colour, linewidth=3, marker=marker if len(xs) <= FEW else None,
                      markersize=8, label=name)
        if points:
            axes.plot(*zip(*points), 'o', color='black', markersize=8, zorder=3)
        axes.set(xlabel=x, ylabel=y, title=title, yscale='log' if log else 'linear')
        if len(lines) > 1:
            axes.legend(framealpha=0.85, edgecolor='none')

    return _plot(9, 4.5, draw)


def boundary(score: Callable[[list[float]], float], points: Sequence[Sequence[float]], labels: Sequence[float], *,
             title: str = '', steps: int = 40) -> Plot | LeftOut:
    """Where a score of two inputs is above and below 0, in blue and orange, and the points with their labels' signs.

    steps: how fine the grid of scores is, in each direction.
    """
    def draw(axes: Any) -> None:
        grid = []
        for place in (0, 1):
            low, high = min(point[place] for point in points) - 0.5, max(point[place] for point in points) + 0.5
            grid.append([low + (high - low) * i / (steps - 1) for i in range(steps)])
        scores = [[score([a, b]) for a in grid[0]] for b in grid[1]]
        axes.contourf(*grid, scores, levels=[-1e300, 0, 1e300], colors=['#fbd9bd', '#c5dff0'])
        if min(map(min, scores)) < 0 < max(map(max, scores)):
            axes.contour(*grid, scores, levels=[0], colors='black', linewidths=2)
        for above, colour, marker in ((True, BLUE, 'o'), (False, ORANGE, 's')):
            chosen = [point for point, label in zip(points, labels) if (label > 0) == above]
            if chosen:
                axes.plot(*zip(*chosen), marker, color=colour, markersize=8, markeredgecolor='white')
        axes.set(title=title, xlabel='first input', ylabel='second input')
        axes.grid(False)

    return _plot(7.5, 5, draw)


def bars(series: Mapping[str, Sequence[float]], names: Sequence[str], *, y: str = '',
         title: str = '') -> Plot | LeftOut:
    """Groups of bars: for each of the names, a bar of each of the series."""
    def draw(axes: Any) -> None:
        width = 0.8 / len(series)
        for i, ((name, numbers), (colour, _, _)) in enumerate(zip(series.items(), cycle(STYLES))):
            axes.bar([place + i * width for place in range(len(names))], numbers, width, color=colour, label=name,
                     hatch='//' if i % 2 else None, edgecolor='white')
        axes.axhline(0, color='black', linewidth=1)
        axes.set_xticks([place + 0.4 - width / 2 for place in range(len(names))], names)
        axes.set(ylabel=y, title=title)
        if len(series) > 1:
            axes.legend(framealpha=0.85, edgecolor='none')

    return _plot(9, 4.5, draw)


def _plot(width: float, height: float, draw: Callable[[Any], None]) -> Plot | LeftOut:
    """A figure in the style of the lessons; a line of text without matplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return LeftOut()
    with matplotlib.rc_context(FONT):
        figure = Figure(figsize=(width, height), dpi=80, layout='constrained')
        draw(figure.subplots())
    return Plot(figure)
