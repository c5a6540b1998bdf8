// The controls: what a person may set, and the first frame.

const option = (value, textContent) => Object.assign(document.createElement('option'), {value, textContent});

// ---- Settings ----

function setRate(rate) {
  trainer.lr = rate;
  $('lr').value = Math.log10(rate);
  $('lr').setAttribute('aria-valuetext', number(rate, 3));
  $('lr-number').textContent = number(rate, 3);
}
$('lr').oninput = () => setRate(Number((10 ** Number($('lr').value)).toPrecision(2)));
setRate(DATA.settings.lr);

function setMomentum(momentum) {
  trainer.momentum = momentum;
  $('momentum').value = momentum;
  $('momentum-number').textContent = number(momentum, 2);
}
$('momentum').oninput = () => setMomentum(Number($('momentum').value));
setMomentum(DATA.settings.momentum);

$('optimizer').value = DATA.settings.optimizer;
$('optimizer').onchange = () => {
  trainer.choose($('optimizer').value);
  $('momentum-setting').hidden = trainer.optimizer !== 'momentum';
  dirty();
};
$('momentum-setting').hidden = DATA.settings.optimizer !== 'momentum';

const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256].filter(size => size < DATA.train.length);
if (DATA.settings.batch && !sizes.includes(DATA.settings.batch)) sizes.push(DATA.settings.batch);
sizes.sort((a, b) => a - b);
$('batch').append(...sizes.map(size => option(size, size)), option('', 'all'));
$('batch').value = DATA.settings.batch ?? '';
$('batch').onchange = () => {
  trainer.batch = Number($('batch').value) || Infinity;
  trainer.begin();
};
$('speed').onchange = () => { state.goal = Infinity; state.due = performance.now(); };
$('log').onchange = dirty;

// ---- Running ----

$('play').onclick = () => setPlaying(!state.playing);
$('reset').onclick = reset;
const once = () => { if (state.playing) setPlaying(false); if (!trainer.trouble) step(); };
$('step').onclick = once;
addEventListener('keydown', event => {
  const held = event.ctrlKey || event.metaKey || event.altKey;
  if (held || /^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(event.target.tagName)) return;
  const does = {' ': () => setPlaying(!state.playing), ArrowRight: once, r: reset, R: reset}[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});

// ---- The parameters: chosen, and taken away ----

// A menu of thousands takes a browser longer than all else at the start: it is filled when somebody turns to it.
const fillMenu = () => {
  $('which').replaceChildren(...DATA.names.map((name, i) => option(i, name)));
  $('which').value = state.parameter;
};
if (DATA.names.length <= 300) fillMenu();
else for (const turn of ['pointerenter', 'focus']) $('which').addEventListener(turn, fillMenu, {once: true});
$('which').onchange = () => choose(Number($('which').value));

$('copy').onclick = async () => {
  const numbers = DATA.state.map(entry => {  // the place of a parameter that goes by its name, or another's own
    const [name, i, fixed] = Array.isArray(entry) ? entry : [DATA.names[entry], entry];
    return [name, i === null ? fixed : trainer.p[i]];
  });
  const text = JSON.stringify(Object.fromEntries(numbers));
  $('json-text').value = text;
  $('json').showModal();
  $('json-text').select();
  let copied = false;
  try {
    await navigator.clipboard.writeText(text);
    copied = true;
  } catch {
    copied = document.execCommand('copy');  // in a notebook's frame, where the clipboard is not given
  }
  $('json-note').textContent = `${copied ? 'Copied.' : 'Copy this text.'} In Python: `
    + (DATA.model ? 'model.load_state_dict(json.loads(text))' : 'for each name in json.loads(text), its number');
};
$('json-close').onclick = () => $('json').close();

// ---- What there is to see ----

if (DATA.layers.length) {
  const layer = id => $('drawing').appendChild(Object.assign(document.createElement('canvas'), {id}));
  const under = layer('lines'), canvas = layer('diagram');
  under.setAttribute('aria-hidden', 'true');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `The network: ${DATA.model}`);
  const names = answer.data.features.map(i => DATA.inputs[i]), wide = DATA.layers[0].neurons[0].w.length;
  const inputs = Array.from({length: wide}, (_, i) => names[i] ?? `x${i + 1}`);
  state.network = new Network(under, canvas, inputs, DATA.layers);
  const at = event => state.network.at(event.offsetX, event.offsetY);
  canvas.onclick = event => { const found = at(event); if (found !== null) choose(found); };
  canvas.onpointermove = event => {
    state.network.hovered = at(event);
    canvas.title = state.network.hovered === null ? ''
      : `${DATA.names[state.network.hovered]} = ${number(trainer.p[state.network.hovered], 5)}`;
    want('lines', 'network');
  };
  canvas.onpointerleave = () => { state.network.hovered = null; want('lines', 'network'); };
}
const svg = $('drawing').querySelector('svg');
if (svg) {
  state.live = new Live(svg, DATA.cards, trainer, choose);
  $('drawing').classList.add('picture');
  Object.assign($('drawing'), {tabIndex: 0, role: 'group', ariaLabel: 'Graph'});  // where it is scrolled
}
$('network').hidden = !DATA.layers.length && !$('drawing').firstElementChild;
$('network-title').textContent = DATA.layers.length ? 'Network' : 'Graph of the loss of one sample';
$('network-note').textContent = DATA.layers.length
  ? 'blue above 0, orange and dashed below; small circles are biases: click one' : 'ranges for the first sample';

$('answer').hidden = !answer.kind;
document.body.classList.toggle('alone', !answer.kind);
document.body.classList.toggle('bare', $('network').hidden);
document.body.classList.toggle('pictured', svg !== null);
if (answer.kind) {
  $('answer-title').textContent = KINDS[answer.kind].title;
  $('plot-note').textContent = answer.editable || answer.kind === 'scatter' ? KINDS[answer.kind].note : '';
  $('plot').setAttribute('aria-label', KINDS[answer.kind].title + (answer.editable ? `.${POINT_KEYS}` : ''));
  if (answer.editable) $('plot').title = POINT_KEYS.trim();
}
$('editing').hidden = !answer.editable;
const goals = answer.goals.length > 12 ? range(answer.goals, 0) : answer.goals;
$('adding').append(...goals.map(t => option(t, `${DATA.inputs[answer.target]} = ${number(t, 4)}`)));
$('adding').value = answer.goals.at(-1);
$('adding').hidden = document.querySelector('label[for=adding]').hidden = answer.kind !== 'surface';
$('remove').onclick = () => answer.remove();
$('legend').hidden = answer.kind !== 'surface';
const end = share => number(answer.centre + share * answer.half, 3);
const bar = Object.assign(document.createElement('span'), {className: 'bar'});
$('legend').append(end(-1), bar, end(1), trainer.tests.length ? ' · ringed: test' : '');

new ResizeObserver(dirty).observe(document.body);
new MutationObserver(() => { readColours(); dirty(); }).observe(document.documentElement, {attributes: true});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readColours(); dirty(); });

// On paper: the colours of paper, at once.
{
  const {dataset} = document.documentElement;
  let theme;
  addEventListener('beforeprint', () => {
    theme = dataset.theme;
    dataset.theme = 'light';
    readColours();
    if (!state.stale || answer.surface?.ready) Object.values(JOBS).forEach(job => job(performance.now()));
  });
  addEventListener('afterprint', () => {
    if (theme) dataset.theme = theme;
    else delete dataset.theme;
  });
}

readColours();
choose(0);
requestAnimationFrame(frame);
