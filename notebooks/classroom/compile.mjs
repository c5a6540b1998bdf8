// Puts the bytecode of its modules into every wheel of a folder, by the Python that will import them, which is Pyodide's:
// node compile.mjs PYODIDE FOLDER, where PYODIDE is npm's package. A kernel that need not compile them starts sooner.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [pyodideFolder, wheels] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(pyodideFolder, 'pyodide.mjs')));
const pyodide = await loadPyodide({ indexURL: join(pyodideFolder, '/') });
pyodide.FS.mkdir('/wheels');
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: wheels }, '/wheels');
pyodide.runPython(`
import compileall, py_compile, re, zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

SELDOM = re.compile('pygments/(lexers|styles)/')  # imported, and large
for wheel in sorted(Path('/wheels').glob('*.whl')):
    with TemporaryDirectory() as folder, zipfile.ZipFile(wheel, 'a', zipfile.ZIP_DEFLATED) as archive:
        archive.extractall(folder)
        compileall.compile_dir(folder, quiet=2, rx=SELDOM, stripdir=folder, prependdir='/lib/python3.14/site-packages',
                               invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        for compiled in sorted(Path(folder).rglob('*.pyc')):
            archive.write(compiled, compiled.relative_to(folder))
`);
