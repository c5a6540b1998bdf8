// The page: its controls, and the frames in which it trains and draws.

const DATA = JSON.parse($('data').textContent);
const BUDGET = {train: 9, draw: 7};  // milliseconds of a frame
const trainer = new Trainer(LOSS, DATA);
const state = {
  playing: false, goal: Infinity, due: 0,  // the epoch to go to in this frame; when the next step comes
  took: NaN, dirty: true, painted: 0, drawn: 0, shared: 0, parameter: 0, network: null, live: null,
};

const dirty = () => { state.dirty = true; };
const answer = new Answer($('plot'), DATA, trainer, () => { trainer.begin(); dirty(); });

// ---- Training ----

function setPlaying(on) {
  state.playing = on && !trainer.trouble;
  state.goal = Infinity;
  state.due = performance.now();
  $('play').classList.toggle('on', state.playing);
  $('play').setAttribute('aria-label', state.playing ? 'Pause' : 'Train');
}

function advance(limits) {
  const began = performance.now(), seen = trainer.seen;
  trainer.advance({until: began + BUDGET.train, now: () => performance.now(), ...limits});
  const done = trainer.seen - seen;
  if (done) {
    const each = (performance.now() - began) / done * trainer.samples.length;
    state.took = Number.isNaN(state.took) ? each : 0.8 * state.took + 0.2 * each;
  }
  if (trainer.trouble) stop();
  dirty();
}

function train(now) {
  const speed = $('speed').value, pause = {slow: 1000, steps: 100}[speed];
  if (speed === 'fast') return advance({});
  if (speed === 'epochs') {
    if (!(trainer.epoch < state.goal && state.goal !== Infinity)) state.goal = trainer.epoch + 1;
    return advance({epoch: state.goal});
  }
  if (now < state.due) return;
  state.due = Math.max(now, state.due + pause);
  advance({steps: 1, until: Infinity});
}

function stop() {
  setPlaying(false);
  const kind = Number.isNaN(trainer.last) ? 'is not a number' : 'is infinite';
  const what = trainer.trouble === 'the loss' ? `the loss ${kind}` : `${trainer.trouble} is no finite number any more`;
  $('trouble').textContent = trainer.steps
    ? `Training stopped at step ${trainer.steps + 1}, in epoch ${trainer.epoch + 1}: ${what}. The learning rate `
      + `${number(trainer.lr, 3)} is too large, or the loss leaves its domain: press Reset, and choose a smaller one.`
    : `Training cannot begin: with the numbers at the start ${what}. See which operation of the loss is outside its `
      + 'domain.';
  $('trouble').hidden = false;
}

function reset() {
  setPlaying(false);
  trainer.reset();
  $('trouble').hidden = true;
  state.took = NaN;
  dirty();
}

// ---- Drawing ----

// How a neuron's circle shows its output: a surface, a curve, or a colour.
function circle(context, shown, x, y, size) {
  const {surface} = answer;
  if (shown === null || shown < 0 && !surface) return;
  if (!surface) return average(context, answer.mean[shown], x, y, size);
  if (shown < 0) return input(context, -1 - shown, x, y, size);
  if (surface.ranges.length === 2) {
    const largest = shown === 0 && DATA.predict ? 0 : surface.largest(shown);
    const picture = surface.picture(shown, largest ? value => value / largest : answer.scaled, largest ? 2 : 1);
    context.drawImage(picture, x - size, y - size, 2 * size, 2 * size);
  } else small(context, surface.outputs[shown], x, y, size, surface.largest(shown));
}

// An input's circle: it rises from left to right, or from below upwards.
function input(context, i, x, y, size) {
  if (i >= DATA.features.length) return;
  if (answer.surface.ranges.length !== 2) return small(context, [-1, 1], x, y, size, 1);
  const upwards = i === 1, shading = upwards ? context.createLinearGradient(0, y + size, 0, y - size)
    : context.createLinearGradient(x - size, 0, x + size, 0);
  [-1, 0, 1].forEach(t => shading.addColorStop((t + 1) / 2, css(shade(t, 0.9))));
  context.fillStyle = shading;
  context.fillRect(x - size, y - size, 2 * size, 2 * size);
}

// The mean of an output, as a colour and a number.
function average(context, mean, x, y, size) {
  context.fillStyle = css(shade(mean, 0.8));
  context.fillRect(x - size, y - size, 2 * size, 2 * size);
  context.fillStyle = css(COLOURS.ink);
  context.font = '10px system-ui, Helvetica, Arial, sans-serif';
  if (size > 14) context.fillText(number(mean, 2), x, y);
}

function small(context, numbers, x, y, size, largest) {
  context.beginPath();
  for (let k = 0; k < numbers.length; k++) {
    const across = 2 * k / (numbers.length - 1) - 1;
    context[k ? 'lineTo' : 'moveTo'](x + size * across, y - 0.8 * size * numbers[k] / largest);
  }
  context.strokeStyle = css(COLOURS.now);
  context.lineWidth = 2;
  context.stroke();
}

function draw(now) {
  if (state.playing && now - state.painted < 30) return counts();
  const whole = !answer.surface || answer.surface.compute(trainer.p, performance.now() + BUDGET.draw);
  if (!answer.surface && VIEW) answer.means();
  counts();
  if (!whole && answer.surface && !answer.surface.ready) return;
  if (whole) {
    answer.draw();
    state.dirty = false;
    state.painted = now;
  }
  const often = state.playing && now - state.drawn < 90;
  state.network?.draw(trainer.p, circle, !often);
  if (often) {
    state.dirty = true;
    return;
  }
  state.drawn = now;
  state.live?.draw();
  losses();
  parameter();
  share(now);
}

function counts() {
  $('epoch').textContent = trainer.epoch.toLocaleString('en');
  $('steps').textContent = trainer.steps.toLocaleString('en');
  $('took').textContent = Number.isNaN(state.took) ? '–' : `${brief(state.took, 2)} ms`;
}

function losses() {
  const {latest, history} = trainer, tested = trainer.tests.length > 0;
  const entries = latest ? [...history.filter(entry => entry !== latest), latest] : history;
  chart($('curve'), [
    {points: entries.map(entry => [entry.epoch, entry.train]), colour: 'positive', name: tested ? 'train' : ''},
    {points: entries.map(entry => [entry.epoch, entry.test]), colour: 'negative', dash: [6, 3], name: 'test'},
  ], {log: $('log').checked, from: 0});
  $('loss-numbers').textContent = !latest ? 'not computed yet'
    : `train ${number(latest.train, 4)}${tested ? `, test ${number(latest.test, 4)}` : ''}`;
}

function share(now) {
  if (!DATA.middle) return;
  $('remove').disabled = answer.chosen === null || trainer.samples.length < 2;
  if (state.playing && now < state.shared) return;
  const began = performance.now();
  const percent = samples => `${Math.round(100 * answer.right(samples))} %`;
  const tested = trainer.tests.length ? `, test ${percent(trainer.tests)}` : '';
  $('right').textContent = `${percent(trainer.samples)} right${tested}`;
  state.shared = now + 20 * (performance.now() - began);  // while it trains, no more than a twentieth of the time
}

function parameter() {
  const i = state.parameter, gradient = trainer.steps ? trainer.mean[i] : NaN;
  const rows = [['value', trainer.p[i]], ['gradient', gradient], ...trainer.memory(i)];
  if (trainer.optimizer === 'adam') rows.push(['steps of Adam', trainer.moved]);
  $('numbers').replaceChildren(...rows.flatMap(([name, value]) => [
    Object.assign(document.createElement('dt'), {textContent: name}),
    Object.assign(document.createElement('dd'), {textContent: Number.isNaN(value) ? '–' : number(value, 5)})]));
  const points = trainer.snapshots.map(({epoch, p}) => [epoch, p[i]]);
  chart($('past'), [{points: [...points, [trainer.epoch, trainer.p[i]]], colour: 'now'}]);
}

function frame(now) {
  if (state.playing) train(now);
  if (state.dirty) draw(now);
  requestAnimationFrame(frame);
}

function choose(i) {
  state.parameter = i;
  $('which').value = i;
  if (state.network) state.network.chosen = i;
  dirty();
}
