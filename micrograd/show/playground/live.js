// The folded picture, alive: in each row of a card the range that its numbers have for one sample.

class Live {
  // svg: the picture. cards: of each row the places of its parameters, inputs and results. choose: what a click does.
  constructor(svg, cards, trainer, choose) {
    Object.assign(this, {svg, trainer, rows: []});
    const results = 1 + cards.flat().reduce((most, {v = []}) => v.reduce((a, b) => Math.max(a, b), most), -1);
    this.out = new Float64Array(results);
    const groups = [...svg.querySelectorAll('g.node')];
    const titled = new Map(groups.map(group => [group.querySelector('title').textContent, group]));
    cards.forEach((rows, i) => {
      const group = titled.get(`b${i}`), texts = group ? [...group.querySelectorAll('text')] : [];
      // A row ends with the place of its gradients, a dash, and before that stands the one of its numbers.
      const ends = texts.flatMap((text, k) => text.textContent.trim().endsWith('–') ? [k] : []).slice(-rows.length);
      const head = group?.querySelectorAll('polygon')[1].getAttribute('points').split(' ').map(parseFloat) ?? [0];
      const card = rows.length === 1 ? {middle: (Math.min(...head) + Math.max(...head)) / 2,
        room: Math.max(...head) - Math.min(...head) - 6} : null;  // else a cell of it
      rows.forEach((row, k) => this.add(row, texts[ends[k] - 1], texts[ends[k]], card));
      const parameters = rows.flatMap(({p = []}) => p);
      if (!parameters.length) return;
      group.style.cursor = 'pointer';
      group.addEventListener('click', () => choose(parameters[0]));
    });
    svg.style.maxWidth = '100%';
    svg.style.height = 'auto';
  }

  add(row, data, grad, card) {
    if (!data || !grad) return;
    const place = text => {
      const width = text.getComputedTextLength(), left = Number(text.getAttribute('x'));
      const {middle, room} = card ?? {middle: left + width / 2};
      text.setAttribute('x', middle);
      text.setAttribute('text-anchor', 'middle');
      return {text, room: room ?? width + (text === data ? 8 : 26)};
    };
    this.rows.push({...row, data: place(data), grad: place(grad), word: card ? 'data ' : ''});
    grad.textContent = '';
  }

  draw() {
    const {out, trainer} = this, sample = trainer.samples[0];
    out.fill(0);
    if (PICTURE) PICTURE(sample, trainer.p, out);
    for (const row of this.rows) {
      const {p = [], v = [], x: inputs = []} = row;
      if (v.length && !PICTURE) continue;
      const [low, high] = extent([...p.map(i => trainer.p[i]), ...v.map(i => out[i]), ...inputs.map(i => sample[i])]);
      if (low <= high) this.put(row.data, row.word + span(low, high));
      const gradients = trainer.steps ? extent(p.map(i => trainer.mean[i])) : [0, -1];
      if (gradients[0] <= gradients[1]) this.put(row.grad, (row.word && 'grad ') + span(...gradients));
    }
  }

  put({text, room}, words) {
    if (text.textContent === words) return;
    text.textContent = words;
    text.removeAttribute('textLength');
    if (text.getComputedTextLength() <= room) return;
    text.setAttribute('textLength', room);
    text.setAttribute('lengthAdjust', 'spacingAndGlyphs');
  }
}

function extent(numbers) {
  let low = Infinity, high = -Infinity;
  for (const x of numbers) {
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  return [low, high];
}

const span = (low, high) => low === high ? brief(low) : `${brief(low, 2)} … ${brief(high, 2)}`;
