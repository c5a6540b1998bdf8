"""A picture read back from its SVG."""

import re
import unicodedata
import xml.etree.ElementTree as ET

import graphviz

SVG = '{http://www.w3.org/2000/svg}'


class Node:
    """A node of the picture, a box or an operation: its texts with their places, its shapes with their fills."""

    def __init__(self, group: ET.Element) -> None:
        self.texts = [(t.text.replace('\xa0', ' '), float(t.get('x')), float(t.get('y')), t.get('fill'))
                      for t in group.iter(f'{SVG}text')]
        self.remarks = [text for text, *_ in self.texts if text.startswith((' not ', ' now '))]
        self.texts = [text for text in self.texts if text[0] not in self.remarks]
        self.lines = [text for text, *_ in self.texts]
        self.shapes = []  # each with its left, top, right, bottom, and fill
        for shape in group.iter(f'{SVG}ellipse'):
            x, y, rx, ry = (float(shape.get(key)) for key in ('cx', 'cy', 'rx', 'ry'))
            self.shapes.append((x - rx, y - ry, x + rx, y + ry, shape.get('fill')))
        self.round = bool(self.shapes)
        for shape in group.iter(f'{SVG}polygon'):
            xs, ys = zip(*(map(float, point.split(',')) for point in shape.get('points').split()), strict=True)
            self.shapes.append((min(xs), min(ys), max(xs), max(ys), shape.get('fill')))
        self.whole = max(self.shapes, key=area)
        self.frame = [(p.get('stroke'), p.get('stroke-width'), p.get('stroke-dasharray'))
                      for p in group.iter(f'{SVG}polygon') if p.get('fill') == 'none']

    @property
    def name(self) -> str:
        return '\n'.join(self.lines[:-2])

    @property
    def data(self) -> float:
        return float(self.lines[-2].removeprefix('data ').replace('−', '-'))

    @property
    def grad(self) -> float:
        return float(self.lines[-1].removeprefix('grad ').rstrip(' ▲▼').replace('−', '-'))

    def background(self, line: int = -1) -> str:
        """The fill behind a line of text: that of the smallest filled shape where it begins."""
        _, x, y, _ = self.texts[line]
        return min((shape for shape in self.shapes if shape[4] != 'none' and inside(shape, x, y)), key=area)[4]


def area(shape: tuple) -> float:
    left, top, right, bottom, _ = shape
    return (right - left) * (bottom - top)


def inside(shape: tuple, x: float, y: float) -> bool:
    left, top, right, bottom, _ = shape
    return left - 0.5 <= x <= right + 0.5 and top <= y <= bottom


def least_width(text: str) -> float:
    """A width in points that the text has in any font: a wide character is one em, another a sixth or more."""
    return 12 * sum(0 if unicodedata.category(c)[0] in 'MC' else 1 if unicodedata.east_asian_width(c) in 'WF' else 1 / 6
                    for c in text)


class Picture:
    """What a drawing shows: boxes, operations, and arrows as (tail, head, label), by names and symbols."""

    def __init__(self, drawing: graphviz.Digraph) -> None:
        self.root = ET.fromstring(drawing.pipe(format='svg'))
        groups = {kind: [g for g in self.root.iter(f'{SVG}g') if g.get('class') == kind]
                  for kind in ('graph', 'node', 'edge')}
        self.paper = groups['graph'][0].find(f'{SVG}polygon').get('fill')
        self.captions = [t.text for t in groups['graph'][0].findall(f'{SVG}text')]
        self.free_texts = [t for group in groups['graph'] + groups['edge'] for t in group.findall(f'{SVG}text')]
        nodes = {group.find(f'{SVG}title').text: Node(group) for group in groups['node']}
        self.boxes = [node for node in nodes.values() if not node.round]
        self.operations = [node for node in nodes.values() if node.round]
        self.names = sorted(box.name for box in self.boxes if box.name)
        self.arrows = sorted(
            (*(' '.join(nodes[key].lines) if nodes[key].round else nodes[key].name
               for key in re.findall(r'(\w+)[:\w]*(?:->|$)', group.find(f'{SVG}title').text)),
             ' '.join(t.text for t in group.iter(f'{SVG}text'))) for group in groups['edge'])

    def box(self, name: str) -> Node:
        [found] = (box for box in self.boxes if box.name == name)
        return found
