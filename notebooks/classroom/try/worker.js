// Python, with this package, in a worker: an expression in, all that is told about it out.

import { loadPyodide } from '../run/static/pyodide/pyodide.mjs';

const folder = new URL('../run/static/pyodide/', import.meta.url).href;
const began = performance.now();

async function started() {
  const [pyodide, answer, viz] = await Promise.all([
    loadPyodide({ indexURL: folder, packages: ['micrograd'] }),
    fetch(new URL('answer.py', import.meta.url)).then(file => file.text()),
    import(`${folder}viz.js`).then(module => module.instance()),
  ]);
  pyodide.runPython(answer);
  pyodide.globals.get('use')(viz);
  return pyodide.globals.get('answer');
}

const python = started().then(
  answer => { postMessage({ ready: performance.now() - began }); return answer; },
  error => { postMessage({ failed: String(error) }); throw error; });

let newest = 0;
onmessage = async ({ data }) => {
  newest = data.id;
  const answer = await python;
  await new Promise(done => setTimeout(done));  // what was typed meanwhile comes first
  if (data.id !== newest) return;
  try {
    postMessage({ id: data.id, ...JSON.parse(answer(JSON.stringify(data))) });
  } catch {  // the browser's stack is small, and Python may not survive its end
    postMessage({ id: data.id, ended: true, error: 'this is nested too deeply for a browser', names: [], numbers: {} });
  }
};
