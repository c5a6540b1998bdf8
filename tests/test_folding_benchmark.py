"""The benchmark of folding measures what it says."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / 'benchmarks'))
import folding


def test_a_family_of_graphs_is_measured_at_each_size():
    name, *times, kinds = next(folding.growth(10_000))
    assert (name, len(times), kinds) == ('the moons, over more points', 1, 33)
    assert times[0].split()[1] in ('s', 'ms', 'µs', 'ns')


def test_graphs_have_about_the_size_that_they_are_measured_by():
    for make, size in folding.GROWING.values():
        count = len(make(20_000 // size).topological_order())
        assert 0.8 < count / 20_000 < 1.2


def test_a_picture_is_timed_from_values_to_svg(monkeypatch):
    monkeypatch.setattr(folding, 'dots', list)
    assert [row[:3] for row in folding.pictures()][:3] == [
        ('the moons, 100 points', '11,614', '33'), ('an MLP of 30 layers', '5,583', '22'),
        ('a recurrence of 60 steps', '605', '24')]
