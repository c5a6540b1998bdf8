"""Where there are no processes, as in a browser: pictures by viz.js, which is Graphviz as WebAssembly, in Pyodide.

viz.js is no part of this package. It is looked for beside Pyodide's own files, when the first picture is drawn.
"""

from __future__ import annotations

import importlib
from typing import Any

NONE = ('there is no `dot` program here, and no viz.js to draw with instead. The DOT text is there without it, as '
        '`.source`; the pages that come with the lessons have viz.js beside Pyodide')
_viz: Any = None  # the one instance


def use(viz: Any) -> None:
    """Draw with this instance of viz.js, as its `instance()` gives it, from now on."""
    global _viz
    _viz = viz


async def load(url: str | None = None) -> None:
    """Fetch viz.js and make an instance of it. url: where it is, by default beside Pyodide's own files."""
    js: Any = importlib.import_module('js')
    if url is None:
        url = js.URL.new('viz.js', importlib.import_module('pyodide_js').lockfileBaseUrl).href
    answer = await js.fetch(url)
    if not answer.ok:
        raise RuntimeError(NONE)
    # As text, and then from an address of its own: a worker imports no module from another address by itself.
    blob = js.Blob.new([await answer.text()], js.JSON.parse('{"type": "text/javascript"}'))
    module = await importlib.import_module('pyodide.code').run_js('url => import(url)')(js.URL.createObjectURL(blob))
    use(await module.instance())


def laid_out(source: str, format: str, engine: str) -> tuple[bytes, str]:
    """The picture of the DOT text, and what Graphviz says meanwhile; RuntimeError where it cannot be drawn."""
    if _viz is None:
        ffi: Any = importlib.import_module('pyodide.ffi')
        if not ffi.can_run_sync():
            raise RuntimeError(f'{NONE}. This browser cannot wait for it in the middle of a cell: run `await '
                               'micrograd.show.webassembly.load()` once, after `import micrograd.show.webassembly`')
        try:
            ffi.run_sync(load())
        except ffi.JsException as error:
            raise RuntimeError(f'{NONE} ({error})') from None
    options = importlib.import_module('js').JSON.parse(f'{{"format": "{format}", "engine": "{engine}"}}')
    result = _viz.render(source, options)
    said = ' '.join(str(error.message) for error in result.errors)
    if result.status != 'success':
        if 'not recognized' in said:
            raise RuntimeError(f'Graphviz draws no {format.upper()} in a browser: save the picture as SVG')
        raise RuntimeError(f'Graphviz failed: {said[:200]}')
    return str(result.output).encode(), said
