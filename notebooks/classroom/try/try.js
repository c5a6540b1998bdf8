// The page: what is typed goes to Python in a worker, and what comes back is shown. The address holds the expression.

const $ = id => document.getElementById(id);
let worker = null;
let asked = 0, answered = 0, timer = 0, began = 0;
let values = {};  // the numbers of names, also of those that are not in the expression now

function fromAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (!parts.has('e')) return;
  $('expression').value = parts.get('e').slice(0, 2000);
  values = {};
  for (const [name, text] of parts) if (name.startsWith('n.')) values[name.slice(2)] = text.slice(0, 40);
}

function toAddress(names) {
  const parts = new URLSearchParams({ e: $('expression').value });
  for (const name of names) parts.set(`n.${name}`, values[name]);
  history.replaceState(null, '', `#${parts}`);
}

function ask() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    asked += 1;
    began = performance.now();
    $('answer').classList.add('stale');
    worker.postMessage({ id: asked, text: $('expression').value, values });
  }, 120);
}

function showNumbers(names, given) {
  for (const name of names) values[name] ??= given[name];
  const shown = [...$('numbers').querySelectorAll('input')].map(input => input.name);
  if (shown.join('\n') === names.join('\n')) return;
  $('numbers').replaceChildren(...names.map(name => {
    const label = document.createElement('label'), input = document.createElement('input');
    input.name = name;
    input.value = values[name];
    input.inputMode = 'decimal';
    input.addEventListener('input', () => { values[name] = input.value; ask(); });
    label.append(`${name} = `, input);
    return label;
  }));
}

function svgElement(text) {
  const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  for (const element of [svg, ...svg.querySelectorAll('*')]) {  // Graphviz writes none of these; nothing else may come
    if (['script', 'foreignObject', 'iframe'].includes(element.localName)) element.remove();
    for (const { name } of [...element.attributes]) if (/^on|href$/i.test(name)) element.removeAttribute(name);
  }
  return svg;
}

function preformatted(text) {
  const pre = document.createElement('pre');
  pre.textContent = text;
  return pre;
}

function frame(page, height) {
  const iframe = document.createElement('iframe');
  iframe.title = 'Backpropagation, step by step';
  iframe.sandbox = 'allow-scripts';
  iframe.style.height = `${height}px`;
  iframe.srcdoc = page;
  return iframe;
}

function show(answer) {
  if (!answer.error || answer.names.length) showNumbers(answer.names, answer.numbers);  // they stay while one types
  $('error').hidden = !answer.error;
  $('error').textContent = answer.error ?? '';
  if (answer.error) return;
  $('answer').hidden = false;
  $('answer').classList.remove('stale');
  $('picture').replaceChildren(answer.svg ? svgElement(answer.svg) : preformatted(answer.without));
  $('tables').replaceChildren(preformatted(answer.tables));
  $('chain').replaceChildren(...answer.chain.map(preformatted));
  $('player').replaceChildren(answer.player ? frame(answer.player, answer.height) : preformatted(answer.without));
  $('python').textContent = answer.python;
  $('javascript').textContent = answer.javascript;
  toAddress(answer.names);
}

function heard({ data }) {
  if (data.ready) {
    $('status').textContent = `Python was loaded in ${(data.ready / 1000).toFixed(1)} s.`;
    document.body.dataset.ready = Math.round(data.ready);
    began = performance.now();  // what waited for Python until now is counted from here
  } else if (data.failed) {
    $('status').textContent = 'Python could not be loaded.';
    $('error').hidden = false;
    $('error').textContent = data.failed;
  } else if (data.ended) {
    start();
  }
  if (data.id === asked) {
    answered = data.id;
    show(data);
    const took = performance.now() - began;
    $('status').textContent = data.error ? '' : `Computed in ${took.toFixed(0)} ms.`;
    document.body.dataset.answered = answered;
    document.body.dataset.took = Math.round(took);
  }
}

function start() {
  worker?.terminate();
  worker = new Worker('worker.js', { type: 'module' });
  worker.onmessage = heard;
}

$('form').addEventListener('submit', event => event.preventDefault());
$('expression').addEventListener('input', ask);
$('examples').addEventListener('click', ({ target }) => {
  if (!target.dataset.example) return;
  $('expression').value = target.dataset.example;
  values = {};
  $('numbers').replaceChildren();
  ask();
});
addEventListener('hashchange', () => { fromAddress(); $('numbers').replaceChildren(); ask(); });
start();
fromAddress();
ask();
