// Arithmetic: the text of a row of formulas.py as a tree, its number, and how it is written.

// '1 / (2 * out)' → ['/', 1, ['*', 2, 'out']]: numbers, names, and [operation or function, ...parts].
function parse(text) {
  const tokens = text.match(/\d+\.?\d*(?:e[+-]?\d+)?|\w+|\*\*|[-+*/()]/g);
  let at = 0;
  const chain = (part, signs) => {
    let tree = part();
    while (signs.includes(tokens[at])) tree = [tokens[at++], tree, part()];
    return tree;
  };
  const sum = () => chain(product, ['+', '-']);
  const product = () => chain(negative, ['*', '/']);
  const negative = () => tokens[at] === '-' ? (at++, ['-', negative()]) : power();
  const power = () => {
    const base = atom();
    return tokens[at] === '**' ? (at++, ['**', base, negative()]) : base;
  };
  const atom = () => {
    const token = tokens[at++];
    if (token === '(') return inside();
    if (tokens[at] === '(') return at++, [token, inside()];
    return /^\d/.test(token) ? Number(token) : token;
  };
  const inside = () => { const tree = sum(); at++; return tree; };
  return sum();
}

function evaluate(tree, numbers) {
  if (typeof tree === 'number') return tree;
  if (typeof tree === 'string') return numbers[tree];
  const a = evaluate(tree[1], numbers);
  if (tree.length === 2) return tree[0] === '-' ? -a : FUNCTIONS[tree[0]](a);
  const b = evaluate(tree[2], numbers);
  switch (tree[0]) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    default: return a ** b;
  }
}

// A tree with names or numbers, as text, in the way of formulas.render; and how tightly it holds together.
const [SUM, PRODUCT, NEGATIVE, POWER, ATOM] = [0, 1, 2, 3, 4];
const write = (tree, names, calls) => written(tree, names, calls)[0];

function written(tree, names, calls) {
  const within = (part, tightly) => {
    const [text, held] = written(part, names, calls);
    return held >= tightly ? text : `(${text})`;
  };
  if (typeof tree === 'number') return [String(tree), ATOM];
  if (typeof tree === 'string') {
    const text = names[tree].replace(/^-/, '−');
    return [text, text.startsWith('−') ? NEGATIVE : ATOM];
  }
  const [operation, a, b] = tree;
  if (tree.length === 2) {
    if (operation === '-') return ['−' + within(a, POWER), NEGATIVE];
    return [(calls[operation] ?? `${operation}({})`).replace('{}', () => within(a, SUM)), ATOM];
  }
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const right = within(b, PRODUCT);
  switch (operation) {
    case '+': return [`${within(a, SUM)} ${right.startsWith('−') ? `− ${right.slice(1)}` : `+ ${right}`}`, SUM];
    case '-': return [`${within(a, SUM)} − ${right.startsWith('−') ? `(${right})` : right}`, SUM];
    case '*': if (same(a, b)) return written(['**', a, 2], names, calls);
      return [`${within(a, PRODUCT)}·${within(b, POWER)}`, PRODUCT];
    case '/': if (a[0] === '/' && same(a[2], b)) return written(['/', a[1], ['**', b, 2]], names, calls);
      return [`${within(a, PRODUCT)}/${within(b, POWER)}`, PRODUCT];
  }
  const exponent = within(b, NEGATIVE);
  return [within(a, ATOM) + (/^−*\d+$/.test(exponent)
    ? exponent.replace(/./g, c => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['−0123456789'.indexOf(c)]) : `^${exponent}`), POWER];
}

const factor = text => text.startsWith('−') ? `(${text})` : text;
