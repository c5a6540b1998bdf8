// Charts: the loss and a parameter, epoch by epoch; and predictions against their targets.

// Lines over the epochs; each is {points, colour, dash, name}. Where `log`, on a scale of powers of ten.
function chart(canvas, lines, {log = false, from} = {}) {
  const sketch = drawing(canvas), scale = log ? x => Math.log10(Math.max(x, 1e-300)) : x => x;
  const shown = ([, y]) => Number.isFinite(y) && (!log || y > 0);
  const drawn = lines.map(line => ({...line, points: line.points.filter(shown).map(([x, y]) => [x, scale(y)])}))
    .filter(line => line.points.length);
  const xs = drawn.flatMap(line => [line.points[0][0], line.points.at(-1)[0]]);
  const ys = drawn.flatMap(line => line.points.map(([, y]) => y));
  const low = range(from === undefined || log ? ys : [...ys, from], 0.06);
  if (from !== undefined && !log && ys.every(y => y >= from)) low[0] = from;
  const axes = new Axes(sketch, [Math.min(...xs, 0), Math.max(...xs, 1)], low);
  axes.draw({text: y => log ? number(10 ** y, 1) : brief(y)});
  for (const {points, colour, dash} of drawn) axes.line(points, css(COLOURS[colour]), 2, dash);
  for (const {points, colour} of drawn) {
    sketch.context.fillStyle = css(COLOURS[colour]);
    sketch.context.beginPath();
    sketch.context.arc(axes.x(points.at(-1)[0]), axes.y(points.at(-1)[1]), 3, 0, 7);
    sketch.context.fill();
  }
  const named = drawn.filter(line => line.name);
  sketch.context.textAlign = 'right';
  sketch.context.textBaseline = 'top';
  named.forEach(({name, colour, dash}, i) => {
    const y = axes.top + 4 + 16 * i;
    sketch.context.fillStyle = css(COLOURS.ink);
    sketch.context.fillText(name, axes.right - 30, y);
    sketch.context.strokeStyle = css(COLOURS[colour]);
    sketch.context.lineWidth = 2;
    sketch.context.setLineDash(dash ?? []);
    sketch.context.beginPath();
    sketch.context.moveTo(axes.right - 25, y + 6);
    sketch.context.lineTo(axes.right - 3, y + 6);
    sketch.context.stroke();
    sketch.context.setLineDash([]);
  });
}

// A dot for each sample: [target, prediction, whether it is of the test].
function scatter(canvas, dots, names) {
  const sketch = drawing(canvas), both = range(dots.flatMap(([x, y]) => [x, y]).filter(Number.isFinite), 0.06);
  const axes = new Axes(sketch, both, both, {left: 48, bottom: 24});
  axes.draw({names});
  axes.line([[both[0], both[0]], [both[1], both[1]]], css(COLOURS.faint), 1.5, [5, 4]);
  const {context} = sketch;
  for (const [x, y, test] of dots) {
    context.beginPath();
    context.arc(axes.x(x), axes.y(y), 4, 0, 7);
    context.fillStyle = css(COLOURS[test ? 'negative' : 'positive'], 0.75);
    context.fill();
    context.strokeStyle = css(COLOURS.paper);
    context.lineWidth = 1;
    context.stroke();
  }
}
