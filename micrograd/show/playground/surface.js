// The surface: what the model and each of its neurons answer, over the plane of two features or along the line of one.

class Surface {
  // ranges: of each feature; sides: how many places the grid has along each. count: how many outputs VIEW has.
  constructor(ranges, sides, count, params) {
    Object.assign(this, {ranges, sides, count, at: 0, ready: false});
    this.places = sides.reduce((a, b) => a * b, 1);
    this.x = new Float64Array(ranges.length);
    this.p = new Float64Array(params);
    this.out = new Float64Array(count);
    this.outputs = Array.from({length: count}, () => new Float64Array(this.places));  // of the last whole pass
    this.coming = Array.from({length: count}, () => new Float64Array(this.places));
  }

  // Every output at these features.
  answer(features, p) {
    this.x.set(features);
    this.out.fill(0);
    VIEW(this.x, p, this.out);
    return this.out;
  }

  place(k, side) { const [low, high] = this.ranges[side]; return low + (high - low) * (k + 0.5) / this.sides[side]; }

  // Some more of the grid, until a time; true when a pass is whole. All of a pass is with the parameters at its start.
  compute(p, until) {
    if (!this.at) this.p.set(p);
    const [across] = this.sides, began = this.at;
    while (this.at < this.places && (this.at === began || performance.now() < until)) {
      this.x[0] = this.place(this.at % across, 0);
      if (this.ranges.length > 1) this.x[1] = this.place(Math.floor(this.at / across), 1);
      this.out.fill(0);
      VIEW(this.x, this.p, this.out);
      for (let k = 0; k < this.count; k++) this.coming[k][this.at] = this.out[k];
      this.at += 1;
    }
    if (this.at < this.places) return false;
    this.outputs = this.coming;
    this.coming = this.outputs.map(() => new Float64Array(this.places));
    this.at = 0;
    return this.ready = true;
  }

  // An output as a small picture, of one place in `stride`; `scaled` takes a number to -1 … 1.
  picture(k, scaled, stride = 1) {
    const [across, down] = this.sides.map(side => side / stride), numbers = this.outputs[k];
    this.pictures ??= [];
    let kept = this.pictures[k];
    if (kept?.canvas.width !== across) {
      const canvas = Object.assign(document.createElement('canvas'), {width: across, height: down});
      const context = canvas.getContext('2d'), image = context.createImageData(across, down);
      kept = this.pictures[k] = {canvas, context, image, pixels: new Uint32Array(image.data.buffer), drawn: null};
    }
    if (kept.drawn === numbers && kept.theme === COLOURS.scale) return kept.canvas;
    Object.assign(kept, {drawn: numbers, theme: COLOURS.scale});
    for (let row = 0, place = 0; row < down; row++) {
      const line = (down - 1 - row) * stride * this.sides[0];
      for (let column = 0; column < across; column++, place++) {
        const t = scaled(numbers[line + column * stride]);
        kept.pixels[place] = Number.isNaN(t) ? COLOURS.nowhere
          : COLOURS.scale[Math.round(127 + 127 * (t > 1 ? 1 : t > -1 ? t : -1))];
      }
    }
    kept.context.putImageData(kept.image, 0, 0);
    return kept.canvas;
  }

  // The largest size of an output, which has the full colour in its picture.
  largest(k) {
    let most = 0;
    for (const x of this.outputs[k]) most = Math.max(most, Math.abs(x));
    return most || 1;
  }

  // The line on which an output has a level, as pairs of points: through each square of the grid straight.
  contour(k, level) {
    const [across, down] = this.sides, numbers = this.outputs[k], found = [];
    for (let row = 0; row + 1 < down; row++) {
      for (let column = 0; column + 1 < across; column++) {
        const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]]
          .map(([i, j]) => [this.place(i, 0), this.place(j, 1), numbers[j * across + i] - level]);
        const cut = [];
        corners.forEach(([x, y, z], i) => {
          const [u, v, w] = corners[(i + 1) % 4];
          if (z < 0 !== w < 0) cut.push([x + (u - x) * z / (z - w), y + (v - y) * z / (z - w)]);
        });
        for (let i = 0; i + 1 < cut.length; i += 2) found.push([cut[i], cut[i + 1]]);
      }
    }
    return found;
  }
}
