// The answer: the decision surface of two features, the curve of one, or predictions against targets; and its points.

const KINDS = {
  surface: {title: 'Decision surface', note: 'Drag a point to move it.'},
  curve: {title: 'Model and data', note: 'Drag a point to move it.'},
  scatter: {
    title: 'Predicted against true', note: 'On the dashed line a prediction is right. Blue: trained on; orange: test.',
  },
};
const ASKED = 400, DRAWN = 2000;  // samples at the most, in each frame
const POINT_KEYS = ' With the keyboard: Page Down chooses a point, arrows move it, Delete removes it, Enter adds one.';

class Answer {
  // changed: what to do when a person moved, added or removed a point.
  constructor(canvas, data, trainer, changed) {
    Object.assign(this, {canvas, data, trainer, changed, chosen: null, dragged: null});
    const {features, targets} = data, [target] = targets;
    this.target = targets.length === 1 ? target : null;
    this.kind = !data.predict || !VIEW ? null : features.length === 2 ? 'surface' : features.length === 1 ? 'curve'
      : features.length && this.target !== null ? 'scatter' : null;
    this.editable = this.target !== null && features.length + 1 === data.inputs.length
      && ['surface', 'curve'].includes(this.kind);
    const every = [...trainer.samples, ...trainer.tests];
    this.ranges = features.map(i => range(every.map(x => x[i]), 0.15));
    const goals = this.target === null ? [] : every.map(x => x[target]);
    this.goals = [...new Set(goals)].sort((a, b) => a - b);
    const [low, high] = range(goals, 0);
    [this.centre, this.half] = data.middle ?? (goals.length ? [(low + high) / 2, (high - low) / 2 || 1] : [0, 0]);
    this.vertical = range(goals, 0.2);
    this.surface = VIEW && features.length && features.length <= 2 ? new Surface(
      this.ranges, features.length === 2 ? [40, 40] : [120], data.shown, data.numbers.length) : null;
    this.asked = VIEW ? new Surface(features.map(() => [0, 1]), [1], data.shown, data.numbers.length) : null;
    if (this.editable) this.listen();
  }

  // The answer, and a target, as -1 … 1.
  scaled = y => clipped((y - this.centre) / (this.half || this.surface.largest(0)));
  goal(t) {
    if (this.data.middle) return t === this.goals[0] ? -1 : 1;
    return this.target === null ? 0 : clipped((t - this.centre) / this.half);
  }

  predicted(x) { return this.asked.answer(this.data.features.map(i => x[i]), this.trainer.p)[0]; }

  // The mean of every output over some samples, and the largest size of each: what circles show beyond two features.
  means() {
    const {count} = this.asked, samples = this.trainer.samples.slice(0, 32);
    this.mean ??= new Float64Array(count);
    this.mean.fill(0);
    for (const x of samples) {
      const out = this.asked.answer(this.data.features.map(i => x[i]), this.trainer.p);
      for (let k = 0; k < count; k++) this.mean[k] += out[k] / samples.length;
    }
    return this.mean;
  }

  // The share of the samples, or of the first of many, on the right side, where there are two.
  right(samples) {
    const asked = samples.slice(0, ASKED), side = x => x > 0;
    const right = asked.filter(x => side(this.predicted(x) - this.centre) === side(this.goal(x[this.target])));
    return right.length / asked.length;
  }

  draw() {
    if (this.kind === 'surface') this.plane();
    else if (this.kind === 'curve') this.line();
    else if (this.kind === 'scatter') {
      const {samples, tests} = this.trainer;
      const dots = (some, test) => some.slice(0, ASKED).map(x => [x[this.target], this.predicted(x), test]);
      scatter(this.canvas, [...dots(samples, false), ...dots(tests, true)],
        [`${this.data.inputs[this.target]}, true`, 'predicted']);
    }
  }

  plane() {
    const sketch = drawing(this.canvas), {context} = sketch;
    const axes = this.axes = new Axes(sketch, ...this.ranges, {left: 36});
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    const {left, top, right, bottom} = axes;
    context.drawImage(this.surface.picture(0, this.scaled), left, top, right - left, bottom - top);
    axes.draw({grid: false, names: this.data.features.map(i => this.data.inputs[i])});
    const between = this.data.middle ? this.surface.contour(0, this.centre) : [];
    for (const pair of between) axes.line(pair, css(COLOURS.ink), 1.5);
    this.points((x, i) => x[this.data.features[i]]);
  }

  line() {
    const {outputs: [ys], places} = this.surface, xs = Array.from({length: places}, (_, k) => this.surface.place(k, 0));
    const inside = [...ys].filter(Number.isFinite), shown = range([...inside, ...this.vertical], 0.02);
    const vertical = this.target === null ? range(inside, 0.1) : shown;
    const axes = this.axes = new Axes(drawing(this.canvas), this.ranges[0], vertical);
    const {inputs, features: [feature]} = this.data;
    axes.draw({names: [inputs[feature], this.target === null ? '' : inputs[this.target]]});
    axes.line(xs.map((x, k) => [x, ys[k]]).filter(([, y]) => Number.isFinite(y)), css(COLOURS.now), 2.5);
    if (this.target !== null) this.points((x, i) => x[i ? this.target : feature]);
  }

  // Every sample as a point: of the test with a dark rim.
  points(where) {
    const {context} = this.axes, {samples, tests} = this.trainer;
    const dot = (x, test, chosen) => {
      context.beginPath();
      context.arc(this.axes.x(where(x, 0)), this.axes.y(where(x, 1)), chosen ? 7 : 4.5, 0, 7);
      context.fillStyle = css(this.kind === 'surface' ? this.vivid(this.goal(x[this.target])) : COLOURS.positive);
      context.fill();
      context.strokeStyle = css(chosen ? COLOURS.now : test ? COLOURS.ink : COLOURS.paper);
      context.lineWidth = chosen ? 3.5 : test ? 1.8 : 1.2;
      context.stroke();
    };
    for (const x of tests.slice(0, DRAWN)) dot(x, true, false);
    samples.slice(0, DRAWN).forEach((x, i) => dot(x, false, i === this.chosen));
    if (this.chosen >= DRAWN) dot(samples[this.chosen], false, true);
  }

  // A stronger colour than the surface's, so that a point on its own side is seen.
  vivid(t) {
    if (this.target === null) return COLOURS.faint;
    const mixed = (a, b, share) => a.map((from, i) => Math.round(from + share * (b[i] - from)));
    const full = mixed(t >= 0 ? COLOURS.positive : COLOURS.negative, COLOURS.ink, 0.35);
    return mixed(COLOURS.paper, full, Math.max(0.25, Math.abs(t)));
  }

  // ---- Points by hand ----

  listen() {
    const {canvas} = this;
    const at = ({clientX, clientY}) => {
      const box = canvas.getBoundingClientRect();
      return [clientX - box.left, clientY - box.top];
    };
    let began = null;  // where the pointer went down beside the points: a click adds one, a swipe moves the page
    canvas.onpointerdown = event => {
      this.dragged = this.chosen = this.nearest(...at(event));
      began = this.dragged === null ? at(event) : null;
      if (this.dragged !== null) canvas.setPointerCapture(event.pointerId);
      this.changed();
    };
    canvas.onpointermove = event => {
      if (this.dragged !== null) this.move(this.dragged, ...this.numbers(...at(event)));
    };
    canvas.onpointerup = event => {
      const [x, y] = at(event);
      if (began && Math.hypot(x - began[0], y - began[1]) < 6) this.chosen = this.add(...this.numbers(x, y));
      this.dragged = began = null;
      this.changed();
    };
    canvas.onpointercancel = () => { this.dragged = began = null; };
    canvas.addEventListener('touchstart', event => {
      if (this.nearest(...at(event.touches[0])) !== null) event.preventDefault();  // the page stays where it is
    }, {passive: false});
    canvas.onkeydown = event => this.key(event);
  }

  key(event) {
    const {samples} = this.trainer, {x0, x1, y0, y1} = this.axes;
    const by = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    const turn = {PageDown: 1, PageUp: -1}[event.key];
    if (turn) this.chosen = this.chosen === null ? 0 : (this.chosen + turn + samples.length) % samples.length;
    else if (event.key === 'Enter') this.chosen = this.add((x0 + x1) / 2, (y0 + y1) / 2);
    else if (this.chosen === null) return;
    else if (event.key === 'Delete' || event.key === 'Backspace') this.remove();
    else if (event.key === 'Escape') this.chosen = null;
    else if (by) {
      const x = samples[this.chosen], [i, j] = this.sides();
      this.move(this.chosen, x[i] + by[0] * (x1 - x0) / 50, x[j] + by[1] * (y1 - y0) / 50);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.changed();
  }

  // The places of the numbers along the axes among a sample's.
  sides() { return this.kind === 'surface' ? this.data.features : [this.data.features[0], this.target]; }

  numbers(x, y) {
    const {axes} = this;
    return [clipped(axes.xOf(x), axes.x0, axes.x1), clipped(axes.yOf(y), axes.y0, axes.y1)];
  }

  nearest(x, y) {
    const [i, j] = this.sides();
    let found = null, least = 10;
    this.trainer.samples.forEach((sample, k) => {
      const away = Math.hypot(this.axes.x(sample[i]) - x, this.axes.y(sample[j]) - y);
      if (away < least) [found, least] = [k, away];
    });
    return found;
  }

  add(x, y) {
    const sample = new Float64Array(this.data.inputs.length), [i, j] = this.sides();
    if (this.kind === 'surface') sample[this.target] = Number($('adding').value);
    sample[i] = x;
    sample[j] = y;
    return this.trainer.add(sample);
  }

  move(k, x, y) {
    const [i, j] = this.sides();
    this.trainer.samples[k][i] = x;
    this.trainer.samples[k][j] = y;
    this.changed();
  }

  remove() {
    if (this.chosen === null || this.trainer.samples.length < 2) return;
    this.trainer.remove(this.chosen);
    this.chosen = null;
    this.changed();
  }
}
