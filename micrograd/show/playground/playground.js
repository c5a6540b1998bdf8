// The page: its controls, and the frames in which it trains and draws.

const DATA = JSON.parse($('data').textContent);
const BUDGET = {train: 9, draw: 7};  // milliseconds of a frame
const trainer = new Trainer(LOSS, DATA);
const state = {
  playing: false, goal: Infinity, due: 0,  // the epoch to go to in this frame; when the next step comes
  stepping: 0,  // the step to go to, as soon as there is time
  stale: true, wanted: new Set(),  // whether the surface is that of other parameters; what is to be drawn again
  took: NaN, painted: 0, drawn: 0, shared: 0, parameter: 0, network: null, live: null,
  get dirty() { return this.stale || this.wanted.size > 0 || this.stepping > trainer.steps; },
};

const want = (...jobs) => jobs.forEach(job => state.wanted.add(job));
const dirty = () => want(...Object.keys(JOBS));
const answer = new Answer($('plot'), DATA, trainer, () => { trainer.begin(); dirty(); });

// ---- Training ----

function setPlaying(on) {
  state.playing = on && !trainer.trouble;
  state.goal = Infinity;
  state.due = performance.now();
  $('play').classList.toggle('on', state.playing);
  $('play').setAttribute('aria-label', state.playing ? 'Pause' : 'Train');
  state.stepping = 0;
  dirty();
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
  state.stale = true;
}

// One more step: as much of it as there is time for in this frame, and the rest in those that follow.
function step() {
  state.stepping = Math.max(state.stepping, trainer.steps) + 1;
  advance({steps: state.stepping - trainer.steps});
}

function train(now) {
  if (state.stepping > trainer.steps) return advance({steps: state.stepping - trainer.steps});
  if (!state.playing) return;
  const speed = $('speed').value, pause = {slow: 1000, steps: 100}[speed];
  if (speed === 'fast') return advance({});
  if (speed === 'epochs') {
    if (!(trainer.epoch < state.goal && state.goal !== Infinity)) state.goal = trainer.epoch + 1;
    return advance({epoch: state.goal});
  }
  if (now < state.due) return;
  state.due = Math.max(now, state.due + pause);
  step();
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
  state.stale = true;
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

// What there is to draw again, each by itself, since a frame has time for some of it only.
const JOBS = {
  answer: () => answer.draw(),
  network: () => state.network?.draw(trainer.p, circle),
  lines: () => state.network?.drawLines(trainer.p),
  losses, parameter, share,
  live: () => state.live?.draw(),
};

// What changed, until the time of a frame is spent: first what is wanted, then some more of the surface.
function draw(now) {
  const until = performance.now() + BUDGET.draw, {surface} = answer, {wanted} = state;
  counts();
  if (surface ? surface.ready : answer.mean || !VIEW) {
    for (const job of [...wanted]) {
      wanted.delete(job);
      JOBS[job](now);
      if (wanted.size && performance.now() >= until) return;
    }
  }
  if (!state.stale || state.playing && !surface?.at && now - state.painted < 30) return;
  if (surface && !surface.compute(trainer.p, until)) return;
  if (!surface && VIEW) answer.means();
  state.stale = false;
  state.painted = now;
  want('answer', 'network');
  if (state.playing && now - state.drawn < 90) return;
  state.drawn = now;
  dirty();
}

const many = (count, thing) => `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;
function say(id, words) { if ($(id).textContent !== words) $(id).textContent = words; }

function counts() {
  say('epoch', trainer.epoch.toLocaleString('en'));
  say('steps', trainer.steps.toLocaleString('en'));
  say('about', `${many(DATA.names.length, 'parameter')}, ${many(trainer.samples.length, 'sample')}`
    + (trainer.tests.length ? `, ${trainer.tests.length} more to test with` : ''));
  say('took', Number.isNaN(state.took) ? '–' : `${brief(state.took, 2)} ms`);
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
  enable('remove', answer.chosen !== null && trainer.samples.length > 1, 'plot');
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
  train(now);
  if (state.dirty) draw(now);
  requestAnimationFrame(frame);
}

function choose(i) {
  state.parameter = i;
  $('which').value = i;
  if ($('which').selectedIndex < 0) $('which').append(new Option(DATA.names[i], i, true, true));
  if (state.network) state.network.chosen = i;
  dirty();
}
