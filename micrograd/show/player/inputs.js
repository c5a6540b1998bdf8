// The inputs: for each leaf a slider and a field; and descent, x ← x − lr · grad for the leaves that are chosen.

// What descends until the viewer says otherwise: weights and biases where the names tell them, else every leaf.
const weights = leaves.filter(i => /^(w|θ|theta)|\bw(eights?)?\b/i.test(names[i]));
const biases = leaves.filter(i => /^b(ias)?[\d₀-₉]*$|\.b(ias)?$/i.test(names[i]));
const moving = new Set(weights.length ? [...weights, ...biases] : leaves);

const inputs = leaves.map(i => {
  const reach = Number(Math.max(3, 2 * Math.abs(given[i])).toPrecision(2)), step = Number((reach / 150).toPrecision(1));
  const slider = element('input', {type: 'range', min: -reach, max: reach, step, ariaLabel: `${names[i]}, slider`});
  const field = element('input', {type: 'number', step: 'any', ariaLabel: `${names[i]}, number`});
  const put = number => {
    given[i] = number;
    if (Math.abs(number) > slider.max) Object.assign(slider, {min: -Math.abs(number), max: Math.abs(number)});
    if (document.activeElement !== field) field.value = Number(number.toPrecision(12));
    if (document.activeElement !== slider) slider.value = number;
  };
  for (const source of [slider, field]) {
    source.oninput = () => {
      if (!Number.isFinite(source.valueAsNumber)) return;
      put(source.valueAsNumber);
      recompute();
      track();
    };
    source.onblur = () => put(given[i]);
  }
  put(given[i]);
  const moves = element('input', {type: 'checkbox', checked: moving.has(i), ariaLabel: `${names[i]} descends`,
    title: 'Descend changes it', onchange: () => { moving[moves.checked ? 'add' : 'delete'](i); track(); }});
  const name = element('span', {className: 'name', textContent: names[i], title: names[i]});
  $('fields').append(element('div', {className: 'field'}, moves, name, slider, field));
  return {i, put};
});
$('inputs').hidden = !leaves.length;
document.documentElement.style.setProperty('--name', `${Math.min(12, Math.max(...leaves.map(i => names[i].length)) + 1)}ch`);

function recompute() {
  known.clear();
  compute();
  update();
}

$('reset').onclick = () => {
  inputs.forEach(({i, put}) => put(nodes[i].data));
  trail.length = 0;
  recompute();
  descended = '';
  track(true);
};

// ---- Descent ----

const trail = [];  // the leaves' numbers and the loss, from the start to where they are now
let descended = '';

const rate = () => $('rate').valueAsNumber;
const why = () => !moving.size ? 'Choose what descends: tick it above.'
  : !(rate() > 0 && Number.isFinite(rate())) ? 'The learning rate is a number above 0.'
  : [...moving].some(i => isNaN(grads[i])) ? `A gradient is ${UNDEFINED}: there is no step from here.` : '';

// Where the inputs are now is the last point of the trail, or a new one.
function track(more = false) {
  const here = {given: leaves.map(i => given[i]), loss: values[root]};
  if (more) trail.push(here);
  else trail[trail.length - 1] = here;
  const problem = why();
  enable('undo', trail.length > 1, 'rate');
  enable('descend', problem === '', 'rate');
  $('descent').textContent = problem || descended;
  plot();
}

$('descend').onclick = () => {
  const moved = inputs.filter(({i}) => moving.has(i));
  const told = moved.slice(0, 3).map(({i}) => {
    const to = given[i] - rate() * grads[i];
    return `${names[i]} ← ${brief(given[i])} − ${brief(rate())} · ${factor(brief(grads[i]))} = ${brief(to)}`;
  });
  moved.map(({i, put}) => [put, given[i] - rate() * grads[i]]).forEach(([put, to]) => put(to));
  recompute();
  descended = told.join('\n') + (moved.length > 3 ? `\n… and ${moved.length - 3} more` : '');
  track(true);
};
$('undo').onclick = () => {
  trail.pop();
  inputs.forEach(({put}, n) => put(trail.at(-1).given[n]));
  recompute();
  descended = '';
  track();
};
$('rate').oninput = () => track();

// The loss after each step, as a curve.
function plot() {
  $('course').hidden = trail.length < 2;
  const losses = trail.map(point => point.loss), there = losses.filter(Number.isFinite);
  const [low, high] = [Math.min(...there), Math.max(...there)], [width, height] = [240, 56];
  const x = n => 4 + n * (width - 8) / Math.max(1, losses.length - 1);
  const y = loss => high > low ? 4 + (high - loss) / (high - low) * (height - 8) : height / 2;
  const pieces = losses.map((loss, n) => Number.isFinite(loss)
    ? `${Number.isFinite(losses[n - 1]) ? 'L' : 'M'}${x(n).toFixed(1)} ${y(loss).toFixed(1)}` : '');
  $('line').setAttribute('d', pieces.join(''));
  const last = losses.at(-1), here = Number.isFinite(last);
  $('point').setAttribute('d', here ? `M${x(losses.length - 1)} ${y(last)}h0` : '');
  const many = `${losses.length - 1} step${losses.length === 2 ? '' : 's'}`;
  $('loss').textContent = `${names[root]} = ${told(last)} after ${many}`;
  $('curve').setAttribute('aria-label',
    `${names[root]} after each step of descent, the last ones: ${losses.slice(-5).map(told).join(', ')}`);
}
