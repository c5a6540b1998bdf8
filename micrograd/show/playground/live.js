// The folded picture, alive: in each row of a card the ranges of its numbers and its gradients for one sample.

const GRADIENTS = /−0\.0088(8| … 0\.0088)$/;  // what stands in the picture for them

class Live {
  // svg: the picture. cards: of each row the places of its parameters, inputs and results. choose: what a click does.
  constructor(svg, cards, trainer, choose) {
    Object.assign(this, {svg, trainer, rows: []});
    this.results = 1 + cards.flat().reduce((most, {v = []}) => v.reduce((a, b) => Math.max(a, b), most), -1);
    this.leaves = DATA.inputs.length + DATA.names.length;
    this.p = new Float64Array(this.leaves + 2 * this.results);
    this.g = new Float64Array(this.p.length);
    const groups = [...svg.querySelectorAll('g.node')];
    const titled = new Map(groups.map(group => [group.querySelector('title').textContent, group]));
    cards.forEach((rows, i) => {
      const group = titled.get(`b${i}`), texts = group ? [...group.querySelectorAll('text')] : [];
      // A row ends with the place of its gradients, and before that stands the one of its numbers.
      const ends = texts.flatMap((text, k) => GRADIENTS.test(text.textContent) ? [k] : []).slice(-rows.length);
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
      return {text, room: room ?? width + (text === data ? 8 : 4)};
    };
    this.rows.push({...row, data: place(data), grad: place(grad), word: card ? 'data ' : ''});
    this.put(this.rows.at(-1).grad, '');  // of constants there is none
  }

  draw() {
    const {p: numbers, g, trainer, leaves, results} = this, sample = trainer.samples[0];
    numbers.set(sample);
    numbers.set(trainer.p, sample.length);
    g.fill(0);
    PICTURE([], numbers, g);
    for (const {p = [], v = [], x = [], data, grad, word} of this.rows) {
      const given = [...x, ...p.map(i => sample.length + i)];
      const shown = extent([...given.map(i => numbers[i]), ...v.map(i => g[leaves + results + i])]);
      const gradients = extent([...given.map(i => g[i]), ...v.map(i => g[leaves + i])]);
      if (shown[0] <= shown[1]) this.put(data, word + span(...shown));
      if (gradients[0] <= gradients[1]) this.put(grad, (word && 'grad ') + span(...gradients));
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

function span(low, high) {
  if (low === high) return brief(low);
  const [from, to] = [low, high].map(x => brief(x, 2));
  return from === to ? from : `${from} … ${to}`;
}
