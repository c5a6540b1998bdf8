"""The picture of a folded graph, read back from its DOT text and its SVG."""

import re
import xml.etree.ElementTree as ET

import networks
import pytest
from pictures import SVG

from micrograd import draw_dot


def words(drawing) -> list[str]:
    """All texts of the picture, with the spaces as one writes them."""
    root = ET.fromstring(drawing.pipe(format='svg'))
    return [re.sub(r'\s+', ' ', t.text.replace('\xa0', ' ')).strip() for t in root.iter(f'{SVG}text')]


def test_a_graph_too_large_for_single_boxes_is_folded_by_itself():
    model, loss = networks.moons()
    loss.backward()
    picture = draw_dot(loss)
    said = words(picture)
    assert said.count('relu') == 3 and {'×1,600', 'Σ of 337', 'Σ of 100'} <= set(said)
    assert {'layers.0', 'layers.1', 'layers.2', 'neurons[·].w', '11,614 values of 33 kinds'} <= set(said)
    assert picture.source == draw_dot(loss, fold=True, model=model).source
    with pytest.raises(ValueError, match=r'11,614 values.*fold=False'):
        draw_dot(loss, fold=False)
