// The picture: Graphviz's SVG, with its groups found by their titles, painted anew at each step.

const boxes = nodes.map(() => ({})), wires = [];
const svg = document.querySelector('#graph svg');
{
  const titled = new Map();
  const byNumber = (a, b) => a.id.replace(/\D+/, '') - b.id.replace(/\D+/, '');  // edges that are alike, in their order
  for (const group of [...svg.querySelectorAll('g.node, g.edge')].sort(byNumber)) {
    const title = group.querySelector('title').textContent;
    titled.set(title, [...titled.get(title) ?? [], group]);
  }
  svg.querySelectorAll('title, desc').forEach(thing => thing.remove());
  svg.querySelectorAll('a').forEach(link => link.replaceWith(...link.childNodes));  // the tip says more
  svg.querySelectorAll('[id]').forEach(thing => thing.removeAttribute('id'));
  nodes.forEach((node, i) => {
    const [group] = titled.get(`v${i}`), texts = [...group.querySelectorAll('text')];
    const [data, grad] = ['data ', 'grad '].map(start => texts.findLast(text => text.textContent.startsWith(start)));
    const corners = shape => shape.getAttribute('points').split(/[ ,]/).map(Number);  // one not shown yet has no BBox
    const top = shape => Math.min(...corners(shape).filter((_, n) => n % 2));
    const shapes = [...group.querySelectorAll('polygon')];
    const xs = corners(shapes[0]).filter((_, n) => n % 2 === 0), left = Math.min(...xs), width = Math.max(...xs) - left;
    for (const text of [data, grad]) {
      text.setAttribute('x', left + width / 2);
      text.setAttribute('text-anchor', 'middle');
    }
    const frame = shapes.find(shape => shape.getAttribute('fill') === 'none');
    const filled = shapes.filter(shape => shape !== frame).sort((a, b) => top(a) - top(b));  // paper, head, cell
    const cell = filled.at(-1);
    if (filled.length > 2) filled[1].classList.add('head');
    frame.classList.add('frame');
    cell.classList.add('cell');
    cell.removeAttribute('fill');
    group.classList.add('value', node.kind);
    group.setAttribute('tabindex', '0');
    group.setAttribute('role', 'button');
    group.setAttribute('aria-describedby', 'tip');
    boxes[i] = {group, cell, data, grad, room: width - 8};
    group.addEventListener('click', () => jump(i));
    for (const name of ['mouseenter', 'focus']) group.addEventListener(name, () => tip(i));
    for (const name of ['mouseleave', 'blur']) group.addEventListener(name, () => tip(null));
  });
  for (const i of results) {
    const [group] = titled.get(`op${i}`);
    group.classList.add('operation');
    group.addEventListener('click', () => { pause(); go(computedAt.get(i)); });
    boxes[i].operation = [group, titled.get(`op${i}->v${i}`)[0]];
    nodes[i].operands.forEach((target, slot) => {
      const group = titled.get(`v${target}->op${i}`)?.shift() ?? titled.get(`far${i}_${slot}->op${i}`)[0];
      const label = group.querySelector('text');
      wires.push({group, label, node: i, step: steps.findIndex(step => step.node === i && step.slot === slot)});
    });
  }
  svg.querySelectorAll('.operation, .edge').forEach(group => { group.ariaHidden = 'true'; });
  svg.setAttribute('role', 'group');
  svg.setAttribute('aria-label', 'The graph: each button is a value');
}

function put(text, string, room = Infinity) {
  if (text.textContent === string) return;
  text.textContent = string;
  text.removeAttribute('textLength');
  if (string.length * 6 >= room && text.getComputedTextLength() > room) {
    text.setAttribute('textLength', room);
    text.setAttribute('lengthAdjust', 'spacingAndGlyphs');
  }
}

const brief = x => isNaN(x) ? 'undefined' : number(x, 4);  // as in draw_dot's picture

// Show step k: which numbers are there by then, and what it is about.
function paint(k = now) {
  const step = steps[k];
  nodes.forEach((node, i) => {
    const box = boxes[i], made = computedAt.get(i) ?? 0, done = uses[i].filter(use => use <= k);
    const value = k < made ? '–' : made && !shown(made) ? '?' : brief(values[i]);
    const sum = done.length ? done.every(shown) ? steps[done.at(-1)].sum : '?' : '–';
    const lit = step.kind === 'given' ? !node.operands : i === (step.kind === 'forward' ? step.node : step.target);
    const state = `${value} ${values[i]} ${sum} ${largest} ${lit} ${k < made} ${k < SEED} ${step.node === i}`;
    if (box.state === state) return;  // a big graph is slow to touch
    box.state = state;
    paintBox(box, i, {value, sum, lit, later: k < made, backward: k >= SEED, through: step.node === i});
  });
  for (const wire of wires) {
    const {group, label, node, step: own} = wire, there = own >= 0 && k >= own && shown(own);
    if (label) put(label, there ? brief(steps[own].local) : '');
    group.classList.toggle('now', own === k || step.kind === 'forward' && step.node === node);
    group.classList.toggle('later', k < computedAt.get(node));
    group.classList.toggle('dead', there && steps[own].local === 0);
  }
}

function paintBox(box, i, {value, sum, lit, later, backward, through}) {
  const counts = typeof sum === 'number', marked = sum > 0 ? ' ▲' : sum < 0 ? ' ▼' : '';
  put(box.data, value === 'undefined' ? UNDEFINED : `data ${value}`, box.room);
  put(box.grad, nodes[i].kind === 'constant' ? 'constant' : `grad ${counts ? brief(sum) + marked : sum}`, box.room);
  box.cell.classList.toggle('negative', sum < 0);
  const share = counts && largest ? Math.sqrt(Math.abs(sum || 0) / largest) : 0;
  box.cell.style.setProperty('--share', `${100 * share}%`);
  box.group.classList.toggle('now', lit);
  box.group.classList.toggle('summing', lit && backward);
  box.group.classList.toggle('later', later);
  const data = '–?'.includes(value) ? '' : values[i];
  Object.assign(box.group.dataset, {node: i, data, grad: counts ? sum : ''});  // all digits, for whoever looks closer
  for (const thing of box.operation ?? []) {
    thing.classList.toggle('now', through);
    thing.classList.toggle('later', later);
  }
}

// ---- Zoom ----

const natural = svg.viewBox.baseVal;
let scale = null;  // null: the whole graph, but no smaller than one can read
// Of its own size, in which its letters are 12 pixels: how large it is at the most; and how small, to be seen at once.
const MOST = {usual: 4 / 3, large: 2}, LEAST = 0.54, READABLE = 0.75;
// The inputs below the graph; beside it; and the mathematics there, too; below it, without the list of steps.
const SHAPES = ['wide', 'high', 'tall', 'wide bare'];
const CORNERS = ['top right', 'bottom right', 'top left', 'bottom left'];

function fitting() {
  const {clientWidth, clientHeight} = $('graph');
  return Math.min(clientWidth / natural.width, (clientHeight || Infinity) / natural.height);
}

// The shape of the page in which the graph is largest, and all inputs are seen, whatever the step.
function shape() {
  const {dataset} = document.documentElement, fields = $('fields');
  $('mathematics').hidden = true;
  const found = SHAPES.map(name => {
    dataset.shape = name;
    return Math.min(1.2, fitting()) * (fields.scrollHeight > fields.clientHeight + 1 ? 0.7 : 1);
  });
  dataset.shape = SHAPES[found.findIndex(scale => scale >= 0.96 * Math.max(...found))];
  $('mathematics').hidden = false;
  resize();
  makeWay();
}

// The buttons of the zoom stand in a corner where they cover no box.
function makeWay() {
  const {dataset} = $('zoom'), frames = boxes.map(({group}) => group.getBoundingClientRect());
  const covers = corner => {
    dataset.corner = corner;
    const {left, right, top, bottom} = $('zoom').getBoundingClientRect();
    return frames.some(box => box.left < right && box.right > left && box.top < bottom && box.bottom > top);
  };
  dataset.corner = CORNERS.find(corner => !covers(corner)) ?? CORNERS[0];
}

function resize() {
  const fits = fitting(), most = MOST[document.documentElement.dataset.type ?? 'usual'];
  const seen = fits >= (matchMedia('(min-width: 50rem)').matches ? LEAST : READABLE);  // else one scrolls, and reads
  const s = scale ?? (seen ? Math.min(most, fits) : READABLE);
  Object.assign(svg.style, {width: `${s * natural.width}px`, height: `${s * natural.height}px`});
  return s;
}
function zoom(to) {
  const graph = $('graph'), before = svg.getBoundingClientRect().width;
  const [x, y] = [graph.scrollLeft + graph.clientWidth / 2, graph.scrollTop + graph.clientHeight / 2];
  scale = Math.max(0.01, Math.min(5, to));
  resize();
  const times = svg.getBoundingClientRect().width / before;  // the middle stays where it is
  graph.scrollTo(times * x - graph.clientWidth / 2, times * y - graph.clientHeight / 2);
}
$('closer').onclick = () => zoom(1.25 * resize());
$('farther').onclick = () => zoom(resize() / 1.25);
$('whole').onclick = () => zoom(fitting());
$('graph').addEventListener('wheel', event => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom(resize() * 1.002 ** -event.deltaY);
}, {passive: false});
new ResizeObserver(shape).observe(document.documentElement);  // also where a frame comes to be shown without a `resize`
new ResizeObserver(() => { if (scale === null) { resize(); bringIntoView(); } }).observe($('graph'));

function bringIntoView() {
  const {kind, node, target} = steps[now], graph = $('graph'), frame = graph.getBoundingClientRect();
  if (kind === 'given') return graph.scrollTo(0, graph.scrollTop);
  for (const i of [node, target]) {  // the operation's result, and last what the step is about
    if (i === undefined) continue;
    const {left, right, top, bottom} = boxes[i].group.getBoundingClientRect();
    if (left < frame.left || right > frame.right) graph.scrollLeft += (left + right - frame.left - frame.right) / 2;
    if (top < frame.top || bottom > frame.bottom) graph.scrollTop += (top + bottom - frame.top - frame.bottom) / 2;
  }
}

// ---- The tip beside a box ----

function tip(i) {
  $('tip').hidden = i === null;
  if (i === null) return;
  const done = uses[i].filter(k => k <= now), k = computedAt.get(i) ?? 0;
  const said = [{note: 'data', chains: [now < k ? [names[i], nodes[i].formula] : forwardChain(i)]}];
  if (done.length) {
    const terms = done.map(k => k === SEED ? '1' : `${d(root, steps[k].node)} · ${partial(steps[k])}`).join(' + ');
    said.push({note: 'grad', chains: [[d(root, i), terms, sumOf(done), sumAt(done)]]});
  }
  show($('tip'), said);
  const box = boxes[i].group.getBoundingClientRect(), {width, height} = $('tip').getBoundingClientRect();
  const left = Math.max(4, Math.min(innerWidth - width - 4, (box.left + box.right - width) / 2));
  const top = box.bottom + height + 6 < innerHeight ? box.bottom + 4 : Math.max(4, box.top - height - 4);
  Object.assign($('tip').style, {left: `${left}px`, top: `${top}px`});
}
