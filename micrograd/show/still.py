"""A still picture in HTML, for where a page cannot run: cleaned HTML keeps an <img>, but no <svg> and no <iframe>."""

from __future__ import annotations

import base64
import html
import re
from xml.etree.ElementTree import Element, register_namespace, tostring

SVG = '{http://www.w3.org/2000/svg}'
LARGEST = 150_000  # characters of a picture that is tried as a still one
MOST = 45_000  # of one that is, without what is not seen: a larger one would make a notebook's file too large
LOOKS = ('fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'font-size', 'font-weight', 'text-anchor', 'opacity')
register_namespace('', SVG[1:-1])


def still(picture: Element | None, words: str, note: str, otherwise: str = '') -> str:
    """A picture as HTML, with words for those who do not see it and a note below; where it is too large, the note, or
    what else is to stand there.

    picture: the root of one of Graphviz's SVGs, or None where there is no picture.
    """
    svg = slim(picture) if picture is not None else ''
    data, image = base64.b64encode(svg.encode()).decode(), ''
    if 0 < len(svg) <= MOST:
        image = (f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(words)}" '
                 'style="max-width: 100%; height: auto">')
    note = note if image else otherwise or note
    return f'<figure class="micrograd-still">{image}<figcaption>{html.escape(note)}</figcaption></figure>'


def slim(picture: Element) -> str:
    """An SVG of Graphviz's that looks the same, without what only a script or a pointer finds in it."""
    looks: dict[str, str] = {}  # the rules of style, each with its class
    for element in reversed([*picture.iter()]):  # what is inside comes first
        look = ';'.join(f'{name}:{element.attrib[name]}{"px" * (name == "font-size")}'
                        for name in LOOKS if name in element.attrib)
        known = {name: value for name, value in element.attrib.items()
                 if '}' not in name and name not in ('id', 'class', 'font-family', *LOOKS)}
        for name in {'d', 'points'} & set(known):
            known[name] = re.sub(r'(\.\d)\d+', r'\1', known[name])
        element.attrib = known | ({'class': looks.setdefault(look, f'c{len(looks)}')} if look else {})
        element.text, element.tail = (element.text or '').strip('\n'), ''
        kept: list[Element] = []
        for child in element:
            if child.tag in (f'{SVG}g', f'{SVG}a') and not child.attrib:
                kept.extend(child)
            elif child.tag not in (f'{SVG}title', f'{SVG}desc'):
                kept.append(child)
        element[:] = kept
    style = Element(f'{SVG}style')
    style.text = 'text{font-family:Helvetica,Arial,sans-serif}' + ''.join(
        f'.{name}{{{look}}}' for look, name in looks.items())
    picture.insert(0, style)
    return tostring(picture, encoding='unicode')
