"""How Sphinx makes pages of the lessons, and the reference of the docstrings."""

import re

import micrograd

project = 'micrograd'
author = 'the authors of micrograd'
release = version = micrograd.__version__
extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx.ext.mathjax']
html_theme = 'furo'
html_title = 'micrograd'
html_static_path = ['_static']
html_css_files = ['classroom.css']
html_show_sourcelink = html_copy_source = html_show_copyright = False
html_favicon = '_static/favicon.svg'
mathjax_path = 'mathjax/tex-mml-chtml.js'
myst_enable_extensions = ['dollarmath', 'amsmath']
nb_execution_mode = 'off'  # they are committed executed
nb_ipywidgets_js = {}  # which would come from elsewhere
autodoc_typehints = 'signature'
autodoc_member_order = 'bysource'
suppress_warnings = ['misc.highlighting_failure', 'mystnb.unknown_mime_type', 'myst.header', 'myst.xref_missing']


def as_restructured_text(app, what, name, obj, options, lines):
    """Docstrings are plain text with `code` and examples, and lines such as `label: a name for people to read`, which
    become a list: what reStructuredText reads otherwise is escaped."""
    example = item = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith('>>>') or (example and bool(line.strip()))
        if example:
            continue
        begins = re.match(r'[a-z_][\w, ]*: ', line) and (item or not i or not lines[i - 1].strip())
        item = bool(line.strip()) and bool(begins or item)
        pieces = re.split(r'(`[^`]+`)', line)
        text = ''.join(f'`{piece}`' if piece.startswith('`') else re.sub(r'([*|_\\])', r'\\\1', piece)
                       for piece in pieces)
        lines[i] = ('* ' if begins else '  ') + text if item else text


def setup(app):
    app.connect('autodoc-process-docstring', as_restructured_text)
