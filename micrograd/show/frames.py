"""What the boxes of a folded graph are called, and to which module each belongs, read off their members' names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from micrograd.engine import Constant, Value
from micrograd.nn import ACTIVATIONS
from micrograd.show.fold import Folded

Path = tuple[str, ...]  # to a module, such as ('blocks.0', 'attention'); () for the whole


def parameter_names(names: Mapping[Value, str], modules: Mapping[Value, str]) -> dict[Value, str]:
    """The parameters of a graph, by their way from its module, or where there is none from an object or a dict.

    names, modules: of the graph's Values, and the ways to those that modules hold. Where all are in one module, its own
    name is left out.
    """
    found = {value: way for value, way in modules.items() if not value._prev} or {
        value: name for value, name in names.items()
        if not value._prev and not isinstance(value, Constant) and not value.label and ('.' in name or "['" in name)}
    if len({name.split('.')[0] for name in found.values()}) == 1:
        rests = {value: name.split('.', 1)[-1] for value, name in found.items()}
        found = found if any(rest[:1].isdecimal() for rest in rests.values()) else rests
    return found


def pattern(name: str) -> str:
    """A name with a dot in place of each number, which those of all layers have in common."""
    return re.sub(r'\d+', '·', name)


def common_name(names: Iterable[str]) -> str:
    """What names have in common, with a range where their numbers differ; '' where more does.

    >>> common_name(['layers.0.w.0', 'layers.0.w.1', 'layers.0.w.7'])
    'layers.0.w.0…7'
    >>> common_name(['a', 'b'])
    ''
    """
    pieces = [re.findall(r'\d+|\D+', name) for name in dict.fromkeys(names)]
    if len({len(each) for each in pieces}) != 1:
        return ''
    common = ''
    for column in zip(*pieces, strict=True):
        if len(set(column)) == 1:
            common += column[0]
        elif all(map(str.isdecimal, column)):
            common += f'{min(column, key=int)}…{max(column, key=int)}'
        else:
            return ''
    return common


def box_names(folded: Folded, names: Mapping[Value, str]) -> list[str]:
    """The name that the members of each box have in common; '' where one has none."""
    return [common_name(names[value] for value in box.values) if all(value in names for value in box.values) else ''
            for box in folded.boxes]


def module_path(name: str) -> Path:
    """The path to the module that has a parameter of this name.

    >>> module_path('blocks.0.attention.query.rows.0…15.0…15')
    ('blocks.0', 'attention', 'query')
    """
    units: list[str] = []
    for part in name.split('.') if "['" not in name else ():
        if units and re.fullmatch(r'\d+(…\d+)?', part):
            units[-1] += f'.{part}'
        else:
            units.append(part)
    return tuple(units[:-1])


def box_paths(folded: Folded, names: Sequence[str]) -> list[Path]:
    """For each box the path to its module. names: of the boxes of parameters, and '' for the others.

    What a module computes is what uses its parameters and what lies between such uses, with the activation after it. A
    module that has but one other in it is one with that.
    """
    parameters = [module_path(name) for name in names]
    parameters = _merged(parameters, [bool(name) for name in names])
    flow = [(a, b) for a, b, _ in sorted(folded.edges) if a < b]  # without the way back that rolling up makes
    direct: dict[Path, int] = {}  # sets of boxes are numbers here, with a bit for each
    for box in range(len(names)):
        operands = [a for a, b in flow if b == box]
        if any(not names[a] and folded.boxes[a].number is None for a in operands):  # not of parameters alone
            for a in operands:
                for level in range(1, 1 + len(parameters[a])) if names[a] else ():
                    direct[parameters[a][:level]] = direct.get(parameters[a][:level], 0) | 1 << box
    before, after = [1 << box for box in range(len(names))], [1 << box for box in range(len(names))]
    for a, b in flow:
        before[b] |= before[a]
    for a, b in sorted(flow, reverse=True):
        after[a] |= after[b]
    paths = list(parameters)
    for path, uses in sorted(direct.items(), key=lambda item: len(item[0])):
        for box in range(len(names)):
            if not names[box] and before[box] & uses and after[box] & uses:
                paths[box] = path
    for box, value in enumerate(folded.boxes):
        operands = [a for a, b in flow if b == box]
        users = [b for a, b in flow if a == box]
        if value.op in ACTIVATIONS and not paths[box] and len(operands) == 1:
            paths[box] = paths[operands[0]]
        elif value.leaf and not names[box] and len({paths[user] for user in users}) == 1 and (
                value.number is not None or all(_has_result(folded, flow, user) for user in users)):
            paths[box] = paths[users[0]]
    return paths


def _has_result(folded: Folded, flow: Iterable[tuple[int, int]], box: int) -> bool:
    """Whether a box computes with a result, so that what it takes besides is no input."""
    return any(not folded.boxes[a].leaf for a, b in flow if b == box)


def without_small(paths: Sequence[Path], parameters: Sequence[str]) -> list[Path]:
    """The paths without those innermost modules that have two boxes at most, or, inside others, one of parameters."""
    outer = {path[:level] for path in paths for level in range(len(path))}
    boxes = Counter(paths)
    of_parameters = Counter(path for path, name in zip(paths, parameters, strict=True) if name)
    small = {path for path in boxes if path and path not in outer
             and (boxes[path] <= 2 or (len(path) > 1 and of_parameters[path] == 1))}
    return [path[:-1] if path in small else path for path in paths]


def _merged(paths: Sequence[Path], named: Sequence[bool]) -> list[Path]:
    """The paths without those modules that are all there is in another one."""
    own = {path for path, name in zip(paths, named, strict=True) if name}
    inside: dict[Path, set[Path]] = {}
    for path in own:
        for level in range(len(path)):
            inside.setdefault(path[:level], set()).add(path[:level + 1])
    return [tuple(unit for level, unit in enumerate(path)
                  if not level or path[:level] in own or len(inside[path[:level]]) > 1) for path in paths]
