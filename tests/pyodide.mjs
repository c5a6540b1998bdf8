// Python in Pyodide, in Node: node pyodide.mjs MODULES REPOSITORY WHEELS FILE runs the Python file and prints what its last
// line comes to. MODULES is the folder in which npm has installed pyodide and @viz-js/viz; WHEELS holds wheels to unpack.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, repository, wheels, file] = process.argv.slice(2);
const pyodideFolder = join(modules, 'pyodide');
const { loadPyodide } = await import(pathToFileURL(join(pyodideFolder, 'pyodide.mjs')));
const { instance } = await import(pathToFileURL(join(modules, '@viz-js/viz/dist/viz.js')));

const pyodide = await loadPyodide({ indexURL: pyodideFolder + '/' });
const extractDir = pyodide.runPython('import sysconfig; sysconfig.get_path("purelib")');
for (const name of readdirSync(wheels))
  pyodide.unpackArchive(new Uint8Array(readFileSync(join(wheels, name))), 'wheel', { extractDir });
pyodide.FS.mkdir('/repository');
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: repository }, '/repository');
pyodide.runPython('import os, sys; sys.path.insert(0, "/repository"); os.chdir("/repository")');
globalThis.newViz = instance;  // js.newViz() makes an instance of Graphviz
try {
  console.log(await pyodide.runPythonAsync(readFileSync(file, 'utf8')));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
