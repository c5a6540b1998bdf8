"""The steps as one GIF that moves: what Graphviz puts into an SVG, painted by Pillow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from PIL import Image, ImageColor, ImageDraw, ImageFont

from micrograd.show.still import SVG

SECONDS, WIDTH = 1.5, 1000  # of each step; pixels, at the most
FINER = 2  # painted larger, and made smaller: lines without stairs
FONTS = {'normal': ('DejaVuSans.ttf', 'LiberationSans-Regular.ttf', 'Arial.ttf', 'Helvetica.ttc'),
         'bold': ('DejaVuSans-Bold.ttf', 'LiberationSans-Bold.ttf', 'Arial Bold.ttf', 'arialbd.ttf', 'Helvetica.ttc')}
# In place of what Pillow's own font lacks, where none of these is found.
PLAIN = str.maketrans('−–∂·▲▼σ√₍₁₂₃₄₅₆₇₈₉₀₎²³', '--d*+-sr(1234567890)23')


def save_gif(pictures: Iterable[Element], path: Path) -> Path:
    """Write the pictures into one GIF, and return its path."""
    first, *others = [paint(picture) for picture in pictures]
    first.save(path, save_all=True, append_images=others, duration=int(1000 * SECONDS), loop=0)
    return path


def paint(root: Element) -> Any:
    """A picture of Graphviz's, as Pillow has it."""
    _, _, width, height = map(float, root.get('viewBox', '').split())
    scale = FINER * min(4 / 3, WIDTH / width)
    image = Image.new('RGB', (round(width * scale), round(height * scale)), '#ffffff')
    _Brush(ImageDraw.Draw(image), scale).paint(root, (0.0, 0.0), 1.0)
    return image.resize((image.width // FINER, image.height // FINER), Image.Resampling.LANCZOS)


class _Brush:
    """Paints the few kinds of things that there are in Graphviz's SVG."""

    def __init__(self, draw: Any, scale: float) -> None:
        self.draw, self.scale = draw, scale

    def paint(self, element: Element, at: tuple[float, float], opacity: float) -> None:
        """Paint an element and all in it, moved by `at`."""
        if moved := re.search(r'translate\(([-\d.]+)[ ,]([-\d.]+)\)', element.get('transform', '')):
            at = (at[0] + float(moved[1]), at[1] + float(moved[2]))
        opacity *= float(element.get('opacity', 1))
        fill, line = (_colour(element.get(name), opacity) for name in ('fill', 'stroke'))
        width = max(1, round(float(element.get('stroke-width', 1)) * self.scale))
        match element.tag.removeprefix(SVG):
            case 'polygon':
                corners = self._points(element.get('points', ''), at)
                if fill:
                    self.draw.polygon(corners, fill=fill)
                if line:
                    self.draw.line([*corners, corners[0]], fill=line, width=width, joint='curve')
            case 'ellipse':
                x, y, rx, ry = (float(element.get(name, 0)) for name in ('cx', 'cy', 'rx', 'ry'))
                corners = self._points(f'{x - rx},{y - ry} {x + rx},{y + ry}', at)
                self.draw.ellipse(corners, fill=fill, outline=line, width=width)
            case 'path':
                self.draw.line(_curve(self._points(element.get('d', ''), at)), fill=line, width=width, joint='curve')
            case 'text' if element.text:
                self._text(element, at, fill or _colour('#000000', opacity))
        for child in element:
            self.paint(child, at, opacity)

    def _points(self, text: str, at: tuple[float, float]) -> list[tuple[float, float]]:
        numbers = [float(number) for number in re.findall(r'-?[\d.]+(?:e-?\d+)?', text)]
        return [((x + at[0]) * self.scale, (y + at[1]) * self.scale)
                for x, y in zip(numbers[::2], numbers[1::2], strict=True)]

    def _text(self, element: Element, at: tuple[float, float], fill: Any) -> None:
        size = float(element.get('font-size', 12)) * self.scale
        font, known = _font(element.get('font-weight', 'normal'), size)
        words = element.text or ''
        where = self._points(f'{element.get("x")},{element.get("y")}', at)[0]
        self.draw.text(where, words if known else words.translate(PLAIN), fill=fill, font=font,
                       anchor='ms' if element.get('text-anchor') == 'middle' else 'ls')


def _colour(name: str | None, opacity: float) -> tuple[int, ...] | None:
    """A colour on white paper; None where there is none."""
    if name in (None, 'none', 'transparent'):
        return None
    return tuple(round(255 + (channel - 255) * opacity) for channel in ImageColor.getrgb(name)[:3])


def _curve(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points on a path of cubic Bézier curves, each of which begins where the one before ends."""
    found = points[:1]
    for start in range(0, len(points) - 3, 3):
        a, b, c, d = points[start:start + 4]
        for step in range(1, 13):
            t, s = step / 12, 1 - step / 12
            found.append((s**3 * a[0] + 3 * s * s * t * b[0] + 3 * s * t * t * c[0] + t**3 * d[0],
                          s**3 * a[1] + 3 * s * s * t * b[1] + 3 * s * t * t * c[1] + t**3 * d[1]))
    return found


def _font(weight: str, size: float) -> tuple[Any, bool]:
    """A font, and whether it has the signs of mathematics."""
    for name in FONTS.get(weight, FONTS['normal']):
        try:
            return ImageFont.truetype(name, round(size)), True
        except OSError:
            continue
    return ImageFont.load_default(round(size)), False
