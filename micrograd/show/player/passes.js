// The graph and its two passes: the nodes, the steps, and every number of each step.

const DATA = JSON.parse($('data').textContent);
const {nodes} = DATA;
const rows = DATA.rows.map(row => (
  {operands: row.operands, formula: parse(row.formula), gradients: row.gradients.map(parse),
   readable: row.gradients.map((text, slot) => parse(row.shown[slot] ?? text))}));
const names = nodes.map(node => node.name || number(node.data));  // as a title
const atoms = nodes.map((node, i) => node.atom ?? names[i]);  // in a formula: in parentheses where it needs them
const root = nodes.length - 1;
const results = [...nodes.keys()].filter(i => nodes[i].operands);
const leaves = [...nodes.keys()].filter(i => nodes[i].kind === 'leaf');
const steps = [{kind: 'given'}, ...results.map(node => ({kind: 'forward', node})), {kind: 'seed', target: root},
  ...results.slice().reverse().flatMap(node => nodes[node].operands.map((target, slot) => (
    {kind: 'edge', node, target, slot})).filter(({target}) => nodes[target].kind !== 'constant'))];
const SEED = 1 + results.length;
const computedAt = new Map(), uses = nodes.map(() => []);  // the indices of the steps for a node's number; its gradient
steps.forEach((step, k) => step.kind === 'forward' ? computedAt.set(step.node, k) : uses[step.target]?.push(k));
const finishedAt = i => uses[i].at(-1) ?? 0;

const given = nodes.map(node => node.data);
const values = [];  // NaN: not defined
let grads, largest;
const finite = x => Number.isFinite(x) ? x : NaN;
// What the names in a row's text stand for at a node, of which `thing` tells what is wanted: its name, its number, …
const bound = (i, thing) => Object.fromEntries(
  [...rows[nodes[i].row].operands.map((name, slot) => [name, thing(nodes[i].operands[slot])]), ['out', thing(i)]]);

// Both passes, from the numbers that the leaves have now.
function compute() {
  const numbers = [];
  nodes.forEach((node, i) => {
    if (!node.operands) return values[i] = given[i];
    numbers[i] = bound(i, j => values[j]);
    const defined = node.operands.every(j => !isNaN(values[j]));
    values[i] = numbers[i].out = defined ? finite(evaluate(rows[node.row].formula, numbers[i])) : NaN;
  });
  grads = nodes.map(() => 0);
  for (const step of steps) {
    if (step.kind === 'forward') step.value = values[step.node];
    if (step.kind === 'seed') step.sum = step.value = grads[root] = isNaN(values[root]) ? NaN : 1;
    if (step.kind === 'edge') {
      const {gradients} = rows[nodes[step.node].row];
      step.local = finite(evaluate(gradients[step.slot], numbers[step.node]));
      step.value = finite(step.local * grads[step.node]);
      step.sum = grads[step.target] = finite(grads[step.target] + step.value);
    }
  }
  largest = Math.max(...grads.map(grad => Math.abs(grad) || 0));
}
