// The network, as draw_network draws it, alive: a line for each weight, and in each circle what its neuron answers.

const CIRCLE = 22, FIRST = 10, LAST = 5, TALLEST = 16, WIDTHS = 8;  // pixels; circles of a long column; of lines

class Network {
  // under, canvas: one for the lines, which take a browser long, and one over it for the circles. inputs: their names.
  // layers: of each neuron the places of its parameters, and of its output.
  constructor(under, canvas, inputs, layers) {
    Object.assign(this, {under, canvas, inputs, layers, chosen: null, hovered: null});
    const places = count => count <= TALLEST ? [...Array(count).keys()]
      : [...Array(FIRST).keys(), null, ...Array.from({length: LAST}, (_, i) => count - LAST + i)];
    this.columns = [places(inputs.length), ...layers.map(layer => places(layer.neurons.length))];
  }

  // Where the circles are, and the lines between them.
  layout(width, height) {
    const left = 20 + Math.min(90, 7 * Math.max(...this.inputs.map(name => name.length)));
    const apart = (width - left - 60) / (this.columns.length - 1 || 1), top = 26;
    this.circles = [];
    const rows = this.columns.map((places, layer) => {
      const step = Math.min(64, (height - top - 2 * CIRCLE - 4) / Math.max(1, places.length - 1));
      const size = Math.min(CIRCLE, 0.46 * step);
      const first = top + (height - top) / 2 - step * (places.length - 1) / 2;
      return new Map(places.map((i, row) => {
        const circle = {layer, i, x: left + CIRCLE + layer * apart, y: first + row * step, size};
        this.circles.push(circle);
        return [i, circle];
      }));
    });
    this.lines = this.layers.flatMap(({neurons}, k) => neurons.flatMap(({w}, i) => w.flatMap((parameter, j) => {
      const from = rows[k].get(j), to = rows[k + 1].get(i);
      return from && to && parameter !== null ? [{from, to, parameter}] : [];
    })));
    this.size = `${width} ${height}`;
  }

  neuron({layer, i}) { return layer && i !== null ? this.layers[layer - 1].neurons[i] : null; }

  // The circles. draws: how one shows an output, (context, index, x, y, radius), or null where nothing is known.
  draw(p, draws) {
    const {context, width, height} = drawing(this.canvas);
    if (this.size !== `${width} ${height}`) {
      this.layout(width, height);
      this.drawLines(p);
    }
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    this.biggest = this.largestBias(p);
    for (const circle of this.circles) this.circle(context, circle, p, draws);
    context.fillStyle = css(COLOURS.faint);
    const titles = [`${this.inputs.length} input${this.inputs.length > 1 ? 's' : ''}`,
      ...this.layers.map(({neurons, activation}) => `${neurons.length} · ${activation}`)];
    titles.forEach((title, layer) => {
      const circle = this.circles.find(found => found.layer === layer);
      context.fillText(title, circle.x, 9);
    });
  }

  // The lines, thin ones first, those of about one width together, since a browser takes its time with each stroke.
  drawLines(p) {
    if (!this.lines) return;
    const {context} = drawing(this.under);
    const largest = this.lines.reduce((most, {parameter}) => Math.max(most, Math.abs(p[parameter])), 0) || 1;
    const bundles = Array.from({length: 2 * WIDTHS}, () => []);
    for (const line of this.lines) {
      const share = p[line.parameter] / largest;
      bundles[2 * Math.min(WIDTHS - 1, Math.floor(Math.abs(share) * WIDTHS)) + (share < 0)].push(line);
    }
    bundles.forEach((lines, i) => {
      const share = (Math.floor(i / 2) + 0.5) / WIDTHS, below = i % 2;
      const colour = css(below ? COLOURS.negative : COLOURS.positive, 0.2 + 0.8 * share);
      this.stroke(context, lines, colour, 0.5 + 3.5 * share, below);
    });
    for (const chosen of [this.chosen, this.hovered]) {
      this.stroke(context, this.lines.filter(line => line.parameter === chosen), css(COLOURS.now), 3.5, p[chosen] < 0);
    }
  }

  stroke(context, lines, colour, width, dashed) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dashed ? [6, 3] : []);
    context.beginPath();
    for (const {from, to} of lines) {
      context.moveTo(from.x + from.size, from.y);
      context.lineTo(to.x - to.size, to.y);
    }
    context.stroke();
    context.setLineDash([]);
  }

  circle(context, circle, p, draws) {
    const {layer, i, x, y, size} = circle, neuron = this.neuron(circle);
    if (i === null) {
      context.fillStyle = css(COLOURS.faint);
      context.fillText('⋮', x, y);
      return;
    }
    context.save();
    context.beginPath();
    context.arc(x, y, size, 0, 7);
    context.clip();
    context.fillStyle = css(COLOURS.paper);
    context.fillRect(x - size, y - size, 2 * size, 2 * size);
    draws(context, layer ? neuron.shown : -1 - i, x, y, size);
    context.restore();
    const lit = neuron && neuron.b !== null && (neuron.b === this.chosen || neuron.b === this.hovered);
    context.strokeStyle = css(layer ? COLOURS.ink : COLOURS.faint);
    context.lineWidth = layer ? 1.5 : 1;
    context.beginPath();
    context.arc(x, y, size, 0, 7);
    context.stroke();
    if (!layer) {
      context.fillStyle = css(COLOURS.ink);
      context.textAlign = 'right';
      const name = this.inputs[i];
      context.fillText(name.length > 13 ? `${name.slice(0, 12)}…` : name, x - size - 6, y);
      context.textAlign = 'center';
    } else if (neuron.b !== null) {  // the bias: a small circle at the lower left
      const [bx, by] = this.bias(circle);
      context.beginPath();
      context.arc(bx, by, lit ? 6 : 4.5, 0, 7);
      context.fillStyle = css(shade(p[neuron.b] / this.biggest));
      context.fill();
      context.strokeStyle = css(lit ? COLOURS.now : COLOURS.ink);
      context.lineWidth = lit ? 3 : 1;
      context.stroke();
    }
  }

  bias({x, y, size}) { return [x - 0.72 * size - 2, y + 0.72 * size + 2]; }

  largestBias(p) {
    this.biases ??= this.layers.flatMap(({neurons}) => neurons.flatMap(({b}) => b === null ? [] : [b]));
    return this.biases.reduce((most, b) => Math.max(most, Math.abs(p[b])), 0) || 1;
  }

  // The parameter that is drawn at a place, or near it; null for none.
  at(x, y) {
    for (const circle of this.circles ?? []) {
      const neuron = this.neuron(circle), [bx, by] = this.bias(circle);
      if (neuron && neuron.b !== null
        && (Math.hypot(x - bx, y - by) < 9 || Math.hypot(x - circle.x, y - circle.y) < circle.size)) return neuron.b;
    }
    let nearest = null, least = 7;
    for (const {from, to, parameter} of this.lines ?? []) {
      const dx = to.x - to.size - from.x - from.size, dy = to.y - from.y;
      const along = clipped(((x - from.x - from.size) * dx + (y - from.y) * dy) / (dx * dx + dy * dy), 0, 1);
      const away = Math.hypot(x - from.x - from.size - along * dx, y - from.y - along * dy);
      if (away < least) [nearest, least] = [parameter, away];
    }
    return nearest;
  }
}
