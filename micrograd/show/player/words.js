// What is said about a step: its equations in names and numbers, with what the quiz hides left out.

let now = 0, quiz = false;
const known = new Set();  // the steps whose numbers the viewer of the quiz has seen
const score = {right: 0, wrong: 0, shown: 0};
const shown = k => !quiz || known.has(k) || isNaN(steps[k].value);
const UNDEFINED = 'not defined here';
const told = x => isNaN(x) ? UNDEFINED : number(x);
const symbol = i => nodes[i].op.replace(/^-$|(?<=^\*\*)-/, '−').replace(/^\*$/, '·');
const d = (i, j) => `∂${atoms[i]}/∂${atoms[j]}`;
// A local gradient's name; the uses of an operand that a node has more than once are told apart by a lowered number.
const lowered = n => `₍${String(n).replace(/\d/g, digit => '₀₁₂₃₄₅₆₇₈₉'[digit])}₎`;
const partial = ({node, target, slot}) => {
  const use = nodes[node].uses[slot];
  return d(node, target) + (use ? lowered(use) : '');
};
const valueText = i => !computedAt.has(i) || shown(computedAt.get(i)) ? told(values[i]) : '?';
const gradText = i => uses[i].every(shown) ? told(grads[i]) : '?';

const called = i => atoms[i];
const formula = (i, thing) => write(rows[nodes[i].row].formula, bound(i, thing), DATA.calls);
function forwardChain(i) {
  if (!nodes[i].operands) return [names[i], number(values[i])];
  const answer = shown(computedAt.get(i)) ? [formula(i, valueText), valueText(i)] : ['?'];
  return [names[i], nodes[i].formula, ...answer];
}

function localChain({node, target, slot}, open) {
  const gradient = rows[nodes[node].row].readable[slot];
  const text = thing => write(gradient, bound(node, thing), DATA.calls);
  return [partial({node, target, slot}), text(called), ...open ? [text(valueText)] : []];
}

// A sum of the numbers of some steps, as text.
const sumOf = list => list.map((k, n) => shown(k) ? (n ? factor : String)(told(steps[k].value)) : '?').join(' + ');
const sumAt = list => list.every(shown) ? told(steps[list.at(-1)].sum) : '?';

// The lines of mathematics of a step: a note, the chains of equal sides, and whether the first = is a +=.
function lines(k) {
  const step = steps[k], {kind, node, target} = step;
  if (kind === 'given') return [{note: 'given', chains: leaves.map(forwardChain)}];
  if (kind === 'forward') return [{note: `forward: ${symbol(node)}`, chains: [forwardChain(node)]}];
  if (kind === 'seed') return [{note: 'backward: output', chains: [[d(root, root), sumAt([k])]]}];
  const open = shown(k), many = uses[target].length, soFar = uses[target].slice(0, uses[target].indexOf(k) + 1);
  const answer = open ? [`${gradText(node)} · ${factor(told(step.local))}`, told(step.value)] : ['?'];
  const said = [
    {note: `backward through ${symbol(node)}`, plus: true,
      chains: [[d(root, target), `${d(root, node)} · ${partial(step)}`, ...answer]]},
    {note: 'local gradient', chains: [[...localChain(step, open), ...open ? [told(step.local)] : []]]},
  ];
  return many === 1 ? said : [...said,
    {note: `sum of ${soFar.length} of ${many} uses`, chains: [[d(root, target), sumOf(soFar), sumAt(soFar)]]}];
}

// The equations of a chain: its sides, each with its sign and without those that repeat the one before.
const equations = (chain, plus) => chain.filter((part, n) => part !== chain[n - 1])
  .map((part, n) => n ? `${plus && n === 1 ? '+=' : '='} ${part}` : part);

// What keeps a number from being defined, in words; '' where nothing does.
function trouble() {
  const i = results.find(i => isNaN(values[i]));
  const step = steps.find(step => step.kind === 'edge' && isNaN(step.local));
  const [chain, op] = i !== undefined ? [forwardChain(i), nodes[i].op]
    : step ? [localChain(step, true), `the local gradient of ${nodes[step.node].op}`]
    : isNaN(grads.find(isNaN) ?? 0) ? [['a gradient'], 'a sum of products'] : [[], ''];
  return op && `${op} is ${UNDEFINED}: ${equations(chain.filter(part => part !== UNDEFINED)).join(' ')}. ` +
    'Change an input, or reset.';
}

function show(box, said) {
  box.replaceChildren(...said.map(({note, chains, plus}) => element('p', {className: 'line'},
    element('span', {className: 'note', textContent: note}),
    element('span', {className: 'chains'}, ...chains.map(chain => element('span', {className: 'chain'},
      ...equations(chain, plus).flatMap((textContent, n, {length}) =>
        [element(n && n === length - 1 ? 'b' : 'span', {className: 'side', textContent}), ' '])))))));
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
