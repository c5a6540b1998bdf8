"""Node, which runs JavaScript for the tests: one process, that answers a line of JSON with another."""

import json
import math
import shutil
import subprocess
from typing import Any

NODE = shutil.which('node')
SERVER = r"""
const known = new Map();
const number = x => typeof x === 'string' ? Number(x.replace('inf', 'Infinity')) : x;
const word = x => Number.isFinite(x) && !Object.is(x, -0) ? x : String(Object.is(x, -0) ? '-0.0' : x);
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const {code, names, values} = JSON.parse(line);
  const key = code + names;
  if (!known.has(key)) known.set(key, new Function(...names, code));
  const result = known.get(key)(...values.map(value => Array.isArray(value) ? value.map(number) : value));
  console.log(JSON.stringify(result, (_, x) => typeof x === 'number' ? word(x)
    : ArrayBuffer.isView(x) ? Array.from(x, word) : x));
});
"""


class Node:
    """A running Node."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([NODE, '-e', SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        encoding='utf-8')

    def evaluate(self, code: str, **values: Any) -> Any:
        """What the body of a function returns, given its arguments by name; -0.0, infinities and NaN as texts."""
        arguments = [[x if math.isfinite(x) else str(x) for x in value] if isinstance(value, list) else value
                     for value in values.values()]
        self.process.stdin.write(json.dumps({'code': code, 'names': list(values), 'values': arguments}) + '\n')
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run(self, source: str, x: list[float], p: list[float]) -> tuple[float, list[float]]:
        """The output of a compiled graph for these inputs and parameters, and its gradients."""
        output, gradients = self.evaluate(
            f'{source}\nconst g = new Float64Array(p.length);\nreturn [run(x, p, g), g];', x=x, p=p)
        numbers = [float(str(number).replace('Infinity', 'inf')) for number in (output, *gradients)]
        return numbers[0], numbers[1:]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
