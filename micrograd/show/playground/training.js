// Training: the arithmetic of micrograd.optim, on batches in the order that stands in the page. Nothing here draws.

// The rules by which a parameter moves; `a` and `b` hold what an optimizer remembers of each.
const OPTIMIZERS = {
  sgd: {remembers: []},
  momentum: {remembers: ['velocity']},
  adam: {remembers: ['mean of the gradient', 'mean of its square']},
};
const MOST = {history: 1000, snapshots: 200};  // entries, at the most; then every second is dropped

class Trainer {
  // loss(x, p, g): the loss of a sample, whose gradients it adds to g. data: what the page holds.
  constructor(loss, data) {
    Object.assign(this, {loss, orders: data.orders, adam: data.adam, start: Float64Array.from(data.numbers)});
    Object.assign(this, data.settings, {batch: data.settings.batch ?? Infinity, seen: 0});
    this.samples = data.train.map(row => Float64Array.from(row));
    this.tests = data.test.map(row => Float64Array.from(row));
    const count = this.start.length;
    for (const name of ['p', 'g', 'mean', 'spare', 'a', 'b']) this[name] = new Float64Array(count);
    this.every = 1;  // samples between two looks at the clock
    this.reset();
  }

  reset() {
    this.p.set(this.start);
    Object.assign(this, {epoch: 0, steps: 0, trouble: '', last: NaN, latest: null});
    Object.assign(this, {history: [], snapshots: [], apart: {history: 1, snapshots: 1}});
    this.forget();
    this.begin();
  }

  // Another optimizer starts with an empty memory.
  forget() {
    this.a.fill(0);
    this.b.fill(0);
    this.moved = 0;
  }

  choose(optimizer) {
    this.optimizer = optimizer;
    this.forget();
  }

  // Samples changed: the epoch begins again.
  begin() {
    Object.assign(this, {at: 0, sum: 0, order: this.ordered(), test: NaN, tested: 0, testSum: 0});
    this.clear();
    this.keep('snapshots', {epoch: this.epoch, p: this.p.slice()});
  }

  // An entry of an epoch in a list that stays short.
  keep(list, entry) {
    if (this[list].at(-1)?.epoch === entry.epoch) this[list].pop();
    if (entry.epoch % this.apart[list] === 0) this[list].push(entry);
    if (this[list].length <= MOST[list]) return;
    this.apart[list] *= 2;
    this[list] = this[list].filter(({epoch}) => epoch % this.apart[list] === 0);
  }

  clear() {
    this.g.fill(0);
    Object.assign(this, {total: 0, count: 0});
  }

  // The order of an epoch; of samples that were added by hand, each has a place of its own in it.
  ordered() {
    const order = this.orders[this.epoch % this.orders.length].filter(i => i < this.samples.length);
    for (let i = order.length; i < this.samples.length; i++) order.splice(i * 7919 % (order.length + 1), 0, i);
    return order;
  }

  add(sample) { return this.samples.push(sample) - 1; }

  remove(k) {
    this.samples.splice(k, 1);
    this.orders = this.orders.map(order => order.filter(i => i !== k).map(i => i - (i > k)));
  }

  // One more sample, those of the test first; the last of a batch moves the parameters, the last of all ends the epoch.
  sample() {
    if (this.tested < this.tests.length) {
      this.testSum += this.loss(this.tests[this.tested++], this.p, this.spare);
      if (this.tested === this.tests.length) this.test = this.testSum / this.tested;
      return;
    }
    this.total += this.loss(this.samples[this.order[this.at++]], this.p, this.g);
    this.count += 1;
    this.seen += 1;
    const ended = this.at === this.order.length;
    if (this.count < this.batch && !ended) return;
    this.sum += this.total;
    this.last = this.total / this.count;
    this.step();
    if (this.trouble) return;
    this.clear();
    if (!ended) return;
    this.latest = {epoch: this.epoch, train: this.sum / this.order.length, test: this.test};
    this.keep('history', this.latest);
    this.epoch += 1;
    this.begin();
  }

  step() {
    for (let i = 0; i < this.g.length; i++) this.mean[i] = this.g[i] / this.count;
    if (!Number.isFinite(this.last) || !this.mean.every(Number.isFinite)) {
      this.trouble = Number.isFinite(this.last) ? 'a gradient' : 'the loss';
      return;
    }
    this.spare.set(this.p);
    this.move();
    if (this.p.every(Number.isFinite)) this.steps += 1;
    else {
      this.p.set(this.spare);
      this.trouble = 'a parameter';
    }
  }

  move() {
    const {p, mean: g, a, b, lr} = this;
    this.moved += 1;
    if (this.optimizer === 'adam') {
      const {betas: [beta1, beta2], eps} = this.adam;
      const rate = lr / (1 - beta1 ** this.moved), scale = Math.sqrt(1 - beta2 ** this.moved);
      for (let i = 0; i < p.length; i++) {
        a[i] += (1 - beta1) * (g[i] - a[i]);
        b[i] = beta2 * b[i] + (1 - beta2) * g[i] * g[i];
        p[i] -= rate * a[i] / (Math.sqrt(b[i]) / scale + eps);
      }
      return;
    }
    const momentum = this.optimizer === 'momentum' ? this.momentum : 0;
    for (let i = 0; i < p.length; i++) {
      a[i] = momentum * a[i] + g[i];
      p[i] -= lr * a[i];
    }
  }

  // Go on to a step, to an epoch, or to a time by the clock, whichever comes first.
  advance({steps = Infinity, epoch = Infinity, until = Infinity, now = () => 0}) {
    const last = this.steps + steps;
    while (!this.trouble && this.steps < last && this.epoch < epoch) {
      const began = now();
      if (began >= until) break;
      let done = 0;
      while (done < this.every && !this.trouble && this.steps < last && this.epoch < epoch) {
        this.sample();
        done += 1;
      }
      const each = (now() - began) / done;  // milliseconds: a look at the clock about every half of one
      const most = Math.min(256, 2 * this.every);  // a first sample may be much slower than the others, or quicker
      this.every = each ? Math.max(1, Math.min(most, Math.round(0.5 / each))) : most;
    }
  }

  // What an optimizer remembers of a parameter, by name.
  memory(i) {
    return OPTIMIZERS[this.optimizer].remembers.map((name, k) => [name, (k ? this.b : this.a)[i]]);
  }
}
