// The page: going to a step, playing, keys, the list of steps, paper, and large type.

const title = step => ({
  given: () => 'inputs as given',
  forward: () => equations([names[step.node], nodes[step.node].formula]).join(' '),
  seed: () => d(root, root),
  edge: () => `${d(root, step.target)} += ${d(root, step.node)} · ${partial(step)}`,
})[step.kind]();
const LIST = steps.map((step, k) => element('li', {
  id: `step-${k + 1}`, role: 'option', onclick: () => { pause(); go(k); }, textContent: title(step),
}));
$('steps').append(...LIST);

function update() {
  paint();
  const wrong = trouble(), asked = quiz && !shown(now) && now > 0;
  show($('mathematics'), lines(now));
  $('begin').hidden = now > 0 || steps.length < 2;
  $('trouble').hidden = !wrong;
  if ($('trouble').textContent !== wrong) $('trouble').textContent = wrong;
  const pass = now < SEED ? 'forward pass' : 'backward pass';
  $('place').textContent = `Step ${now + 1} of ${steps.length} · ${pass}`;
  $('quiz').hidden = !quiz;
  $('check').textContent = asked ? 'Check' : 'Next';
  enable('reveal', asked, 'check');
  $('score').textContent = `Score: ${score.right} right, ${score.wrong} wrong, ${score.shown} shown`;
}

function go(k) {
  LIST[now].removeAttribute('aria-selected');
  now = Math.max(0, Math.min(steps.length - 1, k));
  if (now === 0) known.add(0);
  tries = 0;
  LIST[now].setAttribute('aria-selected', 'true');
  $('steps').setAttribute('aria-activedescendant', LIST[now].id);
  $('guess').value = $('verdict').textContent = '';
  update();
  $('steps').scrollTop = LIST[now].offsetTop - $('steps').offsetTop - $('steps').clientHeight / 2;
  bringIntoView();
  clearTimeout(go.timer);  // browsers refuse more than some changes of the address a second
  go.timer = setTimeout(() => {
    try { history.replaceState(null, '', `#step=${now + 1}`); } catch { /* a frame without an address */ }
  }, 200);
}

// To the step that finishes a node's gradient; from there to the one that computes its number.
function jump(i) {
  pause();
  go(now === finishedAt(i) ? computedAt.get(i) ?? 0 : finishedAt(i));
}

let timer = null;
function play() {
  if (now === steps.length - 1) go(0);
  const tick = () => {
    if (now === steps.length - 1 || quiz && now && !shown(now)) return pause();
    go(now + 1);
    timer = setTimeout(tick, 1500 / $('speed').value);
  };
  timer = setTimeout(tick, 300);
  playing();
}
function pause() {
  clearTimeout(timer);
  timer = null;
  playing();
}
function playing() {
  $('play').setAttribute('aria-label', timer ? 'Pause' : 'Play');
  $('play').classList.toggle('on', Boolean(timer));
}

const actions = {
  first: () => go(0), back: () => go(now - 1), forward: () => go(now + 1), last: () => go(steps.length - 1),
};
for (const [id, action] of Object.entries(actions)) $(id).onclick = () => { pause(); action(); };
$('play').onclick = () => timer ? pause() : play();
$('skip').onclick = () => $('inputs-title').focus();

const KEYS = {ArrowLeft: 'back', ArrowRight: 'forward', Home: 'first', End: 'last', ' ': 'play', '+': 'closer',
  '-': 'farther', 0: 'whole'};
addEventListener('keydown', event => {
  const {key, target} = event, i = boxes.findIndex(box => box.group === target);
  const action = KEYS[key] ?? (target.id === 'steps' && {ArrowUp: 'back', ArrowDown: 'forward'}[key]);
  const own = target.matches('input:not([type=checkbox]), select') && target.value !== ''
    || key === ' ' && target.matches('input, button') || key.length === 1 && key !== ' ' && target.matches('input');
  if (key === 'Escape') tip(null);
  if (event.altKey || event.ctrlKey || event.metaKey || own) return;
  if (i >= 0 && (key === 'Enter' || key === ' ')) jump(i);
  else if (action) $(action).click();
  else return;
  event.preventDefault();
});

$('large').onclick = () => {
  const {dataset} = document.documentElement, on = dataset.type !== 'large';
  dataset.type = on ? 'large' : 'usual';
  $('large').setAttribute('aria-pressed', on);
  shape();
  bringIntoView();
};

// On paper: the whole graph as the last step leaves it, and the mathematics of every step.
addEventListener('beforeprint', () => {
  paint(steps.length - 1);
  $('printed').replaceChildren(...steps.map((_, k) => {
    const item = element('li', {});
    show(item, lines(k));
    return item;
  }));
});
addEventListener('afterprint', () => { paint(); $('printed').replaceChildren(); });

// Room for the longest lines of all steps, so that no step moves the graph: they stand there, and are not seen.
function reserve() {
  const wide = 0.888888, long = ({chains}) => chains.flat().join(' = ').length;
  values.push(...nodes.map(() => wide));
  grads = values;
  steps.forEach(step => Object.assign(step, {value: wide, local: wide, sum: wide}));
  const longest = [];
  steps.slice(1).flatMap((_, k) => [...lines(k + 1).entries()]).forEach(([n, line]) => {
    if (!longest[n] || long(line) > long(longest[n])) longest[n] = line;
  });
  for (const said of [lines(0), longest]) {
    const room = element('div', {className: 'room', ariaHidden: 'true'});
    show(room, said);
    $('said').append(room);
  }
}

const addressed = () => Number(/^#step=(\d+)$/.exec(location.hash)?.[1] ?? 0) - 1;
addEventListener('hashchange', () => { if (addressed() >= 0) go(addressed()); });
reserve();
compute();
track(true);
shape();
go(addressed());
