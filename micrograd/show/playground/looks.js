// Looks: the colours of the theme, canvases as sharp as the screen, and the numbers along an axis.

const COLOURS = {};  // each as [red, green, blue]
const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;
const clipped = (x, low = -1, high = 1) => Math.max(low, Math.min(high, x));

function readColours() {
  const probe = document.body.appendChild(document.createElement('i'));
  for (const name of ['ink', 'faint', 'paper', 'desk', 'line', 'positive', 'negative', 'now']) {
    probe.style.color = `var(--${name})`;
    COLOURS[name] = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  }
  probe.remove();
  const pixel = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
  COLOURS.nowhere = pixel(COLOURS.line);  // where there is no number
  COLOURS.scale = Uint32Array.from({length: 255}, (_, i) => pixel(shade(i / 127 - 1, 0.88)));  // of -1 … 1
}

// From the paper's colour at 0 to blue at 1 and orange at -1.
function shade(t, strength = 1) {
  const full = t > 0 ? COLOURS.positive : COLOURS.negative, share = strength * Math.abs(clipped(t));
  return COLOURS.paper.map((from, i) => Math.round(from + (full[i] - from) * share));
}

// A canvas's context, in the units of the page, cleared; and its width and height.
function drawing(canvas) {
  const {clientWidth: width, clientHeight: height} = canvas, sharp = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * sharp) || canvas.height !== Math.round(height * sharp)) {
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
  }
  const context = canvas.getContext('2d');
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, Helvetica, Arial, sans-serif';
  return {context, width, height};
}

// Round numbers between two, about as many as asked for.
function ticks(low, high, count = 4) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(x => x * power).find(x => x >= rough) ?? power;
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i++) found.push(i * step);
  return found;
}

// A number along an axis, in full as long as that is short.
function brief(x, digits = 3) {
  const whole = Math.abs(x) >= 100 && Math.abs(x) < 1e6;
  return whole ? Math.round(x).toLocaleString('en').replace('-', '−') : number(x, digits);
}

// The frame of a plot inside a canvas: where numbers lie, and the axes around it.
class Axes {
  constructor({context, width, height}, [x0, x1], [y0, y1], {left = 44, bottom = 22, top = 6, right = 8} = {}) {
    Object.assign(this, {context, x0, x1, y0, y1, left, top, right: width - right, bottom: height - bottom});
  }
  x(value) { return this.left + (value - this.x0) / (this.x1 - this.x0) * (this.right - this.left); }
  y(value) { return this.bottom - (value - this.y0) / (this.y1 - this.y0) * (this.bottom - this.top); }
  xOf(pixel) { return this.x0 + (pixel - this.left) / (this.right - this.left) * (this.x1 - this.x0); }
  yOf(pixel) { return this.y0 + (this.bottom - pixel) / (this.bottom - this.top) * (this.y1 - this.y0); }

  // Numbers and thin lines; `text` writes a number of the vertical axis.
  draw({text = brief, grid = true, names = ['', '']} = {}) {
    const {context} = this;
    context.fillStyle = css(COLOURS.faint);
    context.strokeStyle = css(COLOURS.line);
    context.lineWidth = 1;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (const value of ticks(this.x0, this.x1)) {
      if (grid) this.line([[value, this.y0], [value, this.y1]]);
      context.fillText(brief(value), clipped(this.x(value), this.left + 6, this.right - 12), this.bottom + 5);
    }
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const value of ticks(this.y0, this.y1)) {
      if (grid) this.line([[this.x0, value], [this.x1, value]]);
      context.fillText(text(value), this.left - 6, clipped(this.y(value), this.top + 5, this.bottom - 5), this.left - 8);
    }
    context.fillStyle = css(COLOURS.ink);
    context.fillText(names[0], this.right - 4, this.bottom - 9);
    context.textAlign = 'left';
    context.fillText(names[1], this.left + 5, this.top + 9);
  }

  line(points, colour, width = 1, dash = []) {
    const {context} = this;
    if (colour) context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = 'round';
    context.setLineDash(dash);
    context.beginPath();
    points.forEach(([x, y], i) => context[i ? 'lineTo' : 'moveTo'](this.x(x), this.y(y)));
    context.stroke();
    context.setLineDash([]);
  }
}

// A little room around the numbers, and some where they are all the same.
function range(numbers, share = 0.05) {
  let low = Infinity, high = -Infinity;
  for (const x of numbers) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (!(high > low)) [low, high] = Number.isFinite(low) ? [low - 0.5, low + 0.5] : [0, 1];
  return [low - share * (high - low), high + share * (high - low)];
}
