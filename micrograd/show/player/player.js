(() => {

const DATA = JSON.parse($('data').textContent);

// ---- The graph, its numbers, and the steps ----

const {nodes} = DATA;
const rows = DATA.rows.map(row => (
  {operands: row.operands, formula: parse(row.formula), gradients: row.gradients.map(parse)}));
const names = nodes.map(node => node.name || number(node.data));
const root = nodes.length - 1;
const results = [...nodes.keys()].filter(i => nodes[i].operands);
const leaves = [...nodes.keys()].filter(i => nodes[i].kind === 'leaf');
const steps = [{kind: 'given'}, ...results.map(node => ({kind: 'forward', node})), {kind: 'seed', target: root},
  ...results.slice().reverse().flatMap(node =>
    nodes[node].operands.map((target, slot) => ({kind: 'edge', node, target, slot})))];
const SEED = 1 + results.length;
const computedAt = new Map(), uses = nodes.map(() => []);  // the indices of the steps for a node's number; its gradient
steps.forEach((step, k) => step.kind === 'forward' ? computedAt.set(step.node, k) : uses[step.target]?.push(k));
const finishedAt = i => uses[i].at(-1);

const given = nodes.map(node => node.data);
const values = [];  // NaN: not defined
let grads, largest;
const finite = x => Number.isFinite(x) ? x : NaN;
const bound = (i, things) => Object.fromEntries(
  [...rows[nodes[i].row].operands.map((name, slot) => [name, things[nodes[i].operands[slot]]]), ['out', things[i]]]);

function compute() {
  const numbers = [];
  nodes.forEach((node, i) => {
    if (!node.operands) return values[i] = given[i];
    numbers[i] = bound(i, values);
    const defined = node.operands.every(j => !isNaN(values[j]));
    values[i] = numbers[i].out = defined ? finite(evaluate(rows[node.row].formula, numbers[i])) : NaN;
  });
  grads = nodes.map(() => 0);
  for (const step of steps) {
    if (step.kind === 'forward') step.value = values[step.node];
    if (step.kind === 'seed') step.sum = step.value = grads[root] = isNaN(values[root]) ? NaN : 1;
    if (step.kind === 'edge') {
      const {row, operands} = nodes[step.node];
      const local = evaluate(rows[row].gradients[step.slot], numbers[step.node]);
      step.local = isNaN(local) && values[operands[0]] === 0 ? 0 : finite(local);  // 0 · ∞ at 0 ** 0 is 0 to the engine
      step.value = finite(step.local * grads[step.node]);
      step.sum = grads[step.target] = finite(grads[step.target] + step.value);
    }
  }
  largest = Math.max(...grads.map(grad => Math.abs(grad) || 0));
}

// ---- What is said about a step ----

let now = 0, quiz = false;
const known = new Set();  // the steps whose numbers the viewer of the quiz has seen
const score = {right: 0, wrong: 0, shown: 0};
const shown = k => !quiz || known.has(k) || isNaN(steps[k].value);
const UNDEFINED = 'not defined here';
const told = x => isNaN(x) ? UNDEFINED : number(x);
const symbol = i => nodes[i].op.replace(/^-$/, '−');
const d = (i, j) => `∂${names[i]}/∂${names[j]}`;
const valueText = i => !computedAt.has(i) || shown(computedAt.get(i)) ? told(values[i]) : '?';
const gradText = i => uses[i].every(shown) ? told(grads[i]) : '?';

const formula = (i, things) => write(rows[nodes[i].row].formula, bound(i, things), DATA.calls);
function forwardChain(i) {
  if (!nodes[i].operands) return [names[i], number(values[i])];
  const answer = shown(computedAt.get(i)) ? [formula(i, nodes.map((_, j) => valueText(j))), valueText(i)] : ['?'];
  return [names[i], formula(i, names), ...answer];
}

function localChain({node, target, slot}, open) {
  const gradient = rows[nodes[node].row].gradients[slot];
  const text = things => write(gradient, bound(node, things), DATA.calls);
  return [d(node, target), text(names), ...open ? [text(nodes.map((_, j) => valueText(j)))] : []];
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
      chains: [[d(root, target), `${d(root, node)} · ${d(node, target)}`, ...answer]]},
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

// ---- The picture: Graphviz's SVG, with its groups found by their titles ----

const boxes = nodes.map(() => ({})), wires = [];
{
  const titled = new Map();
  const byNumber = (a, b) => a.id.replace(/\D+/, '') - b.id.replace(/\D+/, '');  // edges that are alike, in their order
  for (const group of [...document.querySelectorAll('#graph g.node, #graph g.edge')].sort(byNumber)) {
    const title = group.querySelector('title');
    titled.set(title.textContent, [...titled.get(title.textContent) ?? [], group]);
    title.remove();
  }
  document.querySelectorAll('#graph [id]').forEach(thing => thing.removeAttribute('id'));
  nodes.forEach((node, i) => {
    const [group] = titled.get(`v${i}`);
    const shapes = [...group.querySelectorAll('polygon')], texts = [...group.querySelectorAll('text')].slice(-2);
    const xs = shapes[0].getAttribute('points').split(' ').map(parseFloat);  // a frame that is not shown yet has no BBox
    const left = Math.min(...xs), width = Math.max(...xs) - left;
    for (const text of texts) {
      text.setAttribute('x', left + width / 2);
      text.setAttribute('text-anchor', 'middle');
    }
    const cell = shapes.at(-1);
    cell.removeAttribute('fill');
    cell.classList.add('cell');
    group.classList.add('value', node.kind);
    group.setAttribute('tabindex', '0');
    group.setAttribute('role', 'button');
    group.setAttribute('aria-describedby', 'tip');
    boxes[i] = {group, cell, data: texts[0], grad: texts[1], room: width - 8};
    group.addEventListener('click', () => jump(i));
    for (const name of ['mouseenter', 'focus']) group.addEventListener(name, () => tip(i));
    for (const name of ['mouseleave', 'blur']) group.addEventListener(name, () => tip(null));
  });
  for (const i of results) {
    const [group] = titled.get(`op${i}`);
    group.classList.add('operation');
    group.addEventListener('click', () => { pause(); go(computedAt.get(i)); });
    boxes[i].operation = [group, titled.get(`op${i}->v${i}`)[0]];
  }
  steps.forEach((step, k) => {
    if (step.kind !== 'edge') return;
    const group = titled.get(`v${step.target}->op${step.node}`).shift();
    wires[k] = {group, label: group.querySelector('text')};
  });
  document.querySelectorAll('#graph .operation, #graph .edge').forEach(group => { group.ariaHidden = 'true'; });
  const svg = document.querySelector('#graph svg');
  const {width} = svg.viewBox.baseVal;  // in points; as wide as its box, as long as it stays readable
  Object.assign(svg.style, {width: '100%', height: 'auto', minWidth: `${width}px`, maxWidth: `${4 / 3 * width}px`});
  svg.setAttribute('role', 'group');
  svg.setAttribute('aria-label', 'The graph: each button is a value');
}

function put(text, string, room = Infinity) {
  if (text.textContent === string) return;
  text.textContent = string;
  text.removeAttribute('textLength');
  if (string.length * 5 > room && text.getComputedTextLength() > room) {
    text.setAttribute('textLength', room);
    text.setAttribute('lengthAdjust', 'spacingAndGlyphs');
  }
}

const brief = x => isNaN(x) ? 'undefined' : number(x, 4);  // as in draw_dot's picture

function paint() {
  const step = steps[now];
  nodes.forEach((node, i) => {
    const box = boxes[i], k = computedAt.get(i) ?? 0, done = uses[i].filter(k => k <= now);
    const value = now < k ? '–' : k && !shown(k) ? '?' : brief(values[i]);
    const sum = done.length ? done.every(shown) ? steps[done.at(-1)].sum : '?' : '–';
    const counts = typeof sum === 'number';
    const lit = step.kind === 'given' ? !node.operands : i === (step.kind === 'forward' ? step.node : step.target);
    const state = `${value} ${values[i]} ${sum} ${largest} ${lit} ${now < k} ${now < SEED} ${step.node === i}`;
    if (box.state === state) return;  // a big graph is slow to touch
    box.state = state;
    const grad = counts ? brief(sum) + (sum > 0 ? ' ▲' : sum < 0 ? ' ▼' : '') : sum;
    put(box.data, value === 'undefined' ? UNDEFINED : `data ${value}`, box.room);
    put(box.grad, `grad ${grad}`, box.room);
    box.cell.classList.toggle('negative', sum < 0);
    const share = counts && largest ? Math.sqrt(Math.abs(sum || 0) / largest) : 0;
    box.cell.style.setProperty('--share', `${100 * share}%`);
    box.group.classList.toggle('now', lit);
    box.group.classList.toggle('summing', lit && now >= SEED);
    box.group.classList.toggle('later', now < k);
    const data = '–?'.includes(value) ? '' : values[i];
    Object.assign(box.group.dataset, {node: i, data, grad: counts ? sum : ''});  // all digits, for whoever looks closer
    box.group.setAttribute('aria-label', `${names[i]}: data ${value}, gradient ${grad}`);
    for (const thing of box.operation ?? []) {
      thing.classList.toggle('now', step.node === i);
      thing.classList.toggle('later', now < k);
    }
  });
  wires.forEach(({group, label}, k) => {
    put(label, now >= k && shown(k) ? brief(steps[k].local) : '');
    group.classList.toggle('now', now === k || step.kind === 'forward' && step.node === steps[k].node);
    group.classList.toggle('later', now < computedAt.get(steps[k].node));
  });
}

// ---- The page ----

const LIST = steps.map(({kind, node, target}, k) => element('li', {
  id: `step-${k + 1}`, role: 'option', onclick: () => { pause(); go(k); },
  textContent: kind === 'given' ? 'inputs as given' : kind === 'forward' ? `${names[node]} = ${formula(node, names)}`
    : kind === 'seed' ? d(root, root) : `${d(root, target)} += ${d(root, node)} · ${d(node, target)}`,
}));
$('steps').append(...LIST);

function update() {
  paint();
  const said = lines(now), wrong = trouble(), asked = quiz && !shown(now) && now > 0;
  show($('mathematics'), said);
  $('trouble').hidden = !wrong;
  if ($('trouble').textContent !== wrong) $('trouble').textContent = wrong;
  const pass = now < SEED ? 'forward pass' : 'backward pass';
  $('place').textContent = `Step ${now + 1} of ${steps.length} · ${pass}`;
  $('quiz').hidden = !quiz;
  $('check').textContent = asked ? 'Check' : 'Next';
  $('reveal').disabled = !asked;
  $('score').textContent = `Score: ${score.right} right, ${score.wrong} wrong, ${score.shown} shown`;
}

function go(k) {
  LIST[now].removeAttribute('aria-selected');
  now = Math.max(0, Math.min(steps.length - 1, k));
  if (now === 0) known.add(0);
  LIST[now].setAttribute('aria-selected', 'true');
  $('steps').setAttribute('aria-activedescendant', LIST[now].id);
  $('steps').scrollTop = LIST[now].offsetTop - $('steps').offsetTop - $('steps').clientHeight / 2;
  $('guess').value = $('verdict').textContent = '';
  update();
  bringIntoView();
  clearTimeout(go.timer);  // browsers refuse more than some changes of the address a second
  go.timer = setTimeout(() => {
    try { history.replaceState(null, '', `#step=${now + 1}`); } catch { /* a frame without an address */ }
  }, 200);
}

function bringIntoView() {
  const {kind, node, target} = steps[now];
  if (kind === 'given') return $('graph').scrollTo(0, $('graph').scrollTop);
  const graph = $('graph'), frame = graph.getBoundingClientRect();
  for (const i of [node, target]) {  // the operation's result, and last what the step is about
    if (i === undefined) continue;
    const {left, right, top, bottom} = boxes[i].group.getBoundingClientRect();
    if (left < frame.left || right > frame.right) graph.scrollLeft += (left + right - frame.left - frame.right) / 2;
    if (top < frame.top || bottom > frame.bottom) graph.scrollTop += (top + bottom - frame.top - frame.bottom) / 2;
  }
}

// To the step that finishes a node's gradient; from there to the one that computes its number.
function jump(i) {
  pause();
  go(now === finishedAt(i) ? computedAt.get(i) ?? 0 : finishedAt(i));
}

let timer = null;
function play() {
  if (now === steps.length - 1) go(0);
  const tick = () => {
    if (now === steps.length - 1 || quiz && now && !shown(now)) return pause();
    go(now + 1);
    timer = setTimeout(tick, 1500 / $('speed').value);
  };
  timer = setTimeout(tick, 300);
  playing();
}
function pause() {
  clearTimeout(timer);
  timer = null;
  playing();
}
function playing() {
  $('play').setAttribute('aria-label', timer ? 'Pause' : 'Play');
  $('play').classList.toggle('on', Boolean(timer));
}

const actions = {
  first: () => go(0), back: () => go(now - 1), forward: () => go(now + 1), last: () => go(steps.length - 1),
};
for (const [id, action] of Object.entries(actions)) $(id).onclick = () => { pause(); action(); };
$('play').onclick = () => timer ? pause() : play();
$('skip').onclick = () => $('inputs-title').focus();

const KEYS = {ArrowLeft: 'back', ArrowRight: 'forward', Home: 'first', End: 'last', ' ': 'play'};
addEventListener('keydown', event => {
  const {key, target} = event, i = boxes.findIndex(box => box.group === target);
  const action = KEYS[key] ?? (target.id === 'steps' && {ArrowUp: 'back', ArrowDown: 'forward'}[key]);
  const own = target.matches('input, select') && target.value !== '' || key === ' ' && target.matches('input, button');
  if (key === 'Escape') tip(null);
  if (event.altKey || event.ctrlKey || event.metaKey || own) return;
  if (i >= 0 && (key === 'Enter' || key === ' ')) jump(i);
  else if (action) $(action).click();
  else return;
  event.preventDefault();
});

function tip(i) {
  $('tip').hidden = i === null;
  if (i === null) return;
  const done = uses[i].filter(k => k <= now), k = computedAt.get(i) ?? 0;
  const said = [{note: 'data', chains: [now < k ? [names[i], formula(i, names)] : forwardChain(i)]}];
  if (done.length) {
    const terms = done.map(k => k === SEED ? '1' : `${d(root, steps[k].node)} · ${d(steps[k].node, i)}`).join(' + ');
    said.push({note: 'grad', chains: [[d(root, i), terms, sumOf(done), sumAt(done)]]});
  }
  show($('tip'), said);
  const box = boxes[i].group.getBoundingClientRect(), {width, height} = $('tip').getBoundingClientRect();
  const left = Math.max(4, Math.min(innerWidth - width - 4, (box.left + box.right - width) / 2));
  const top = box.bottom + height + 6 < innerHeight ? box.bottom + 4 : Math.max(4, box.top - height - 4);
  Object.assign($('tip').style, {left: `${left}px`, top: `${top}px`});
}

// Live inputs: for each leaf a slider and a field, and what puts them back.
const resets = leaves.map(i => {
  const reach = Number(Math.max(3, 2 * Math.abs(given[i])).toPrecision(2)), step = Number((reach / 150).toPrecision(1));
  const slider = element('input', {type: 'range', min: -reach, max: reach, step, ariaLabel: `${names[i]}, slider`});
  const field = element('input', {type: 'number', step: 'any', ariaLabel: `${names[i]}, number`});
  const put = number => {
    given[i] = number;
    if (Math.abs(number) > slider.max) Object.assign(slider, {min: -Math.abs(number), max: Math.abs(number)});
    if (document.activeElement !== field) field.value = number;
    if (document.activeElement !== slider) slider.value = number;
  };
  for (const source of [slider, field]) {
    source.oninput = () => {
      if (!Number.isFinite(source.valueAsNumber)) return;
      put(source.valueAsNumber);
      recompute();
    };
    source.onblur = () => put(given[i]);
  }
  put(given[i]);
  const name = element('span', {className: 'name', textContent: names[i], title: names[i]});
  $('fields').append(element('div', {className: 'field'}, name, slider, field));
  return () => put(nodes[i].data);
});
$('inputs').hidden = !leaves.length;
$('reset').onclick = () => { resets.forEach(reset => reset()); recompute(); };

function recompute() {
  known.clear();
  compute();
  update();
}

// Predict, then reveal.
$('predict').onclick = () => {
  quiz = !quiz;
  $('predict').setAttribute('aria-pressed', quiz);
  known.clear();
  Object.assign(score, {right: 0, wrong: 0, shown: 0});
  pause();
  go(0);
  if (quiz) $('guess').focus();
};

function answer(kind, words) {
  score[kind] += 1;
  known.add(now);
  update();
  const {chains: [chain], plus} = lines(now)[0];
  $('verdict').className = kind;
  $('verdict').textContent = `${words} ${equations(chain, plus).join(' ')}`;
}

function check() {
  if (shown(now) || !now) return go(now + 1);
  const text = $('guess').value.trim().replace('−', '-').replace(',', '.'), guess = Number(text), {value} = steps[now];
  if (text === '' || !Number.isFinite(guess)) $('verdict').textContent = 'Type a number, or press “Show me”.';
  else if (Math.abs(guess - value) <= 0.01 * Math.abs(value) + 1e-12) answer('right', '✓ Right:');
  else answer('wrong', `✗ Not ${number(guess)}, but`);
}
$('check').onclick = check;
$('reveal').onclick = () => { if (!shown(now)) answer('shown', 'It is'); };
$('guess').onkeydown = event => { if (event.key === 'Enter') check(); };

const addressed = () => Number(/^#step=(\d+)$/.exec(location.hash)?.[1] ?? 0) - 1;
addEventListener('hashchange', () => { if (addressed() >= 0) go(addressed()); });
compute();
go(addressed());
})();
