"""What the README says, tried as a reader would."""

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from micrograd.command.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')
SHELL = [block.strip() for block in re.findall(r'```sh\n(.*?)```', README, re.DOTALL)]
PYTHON = re.findall(r'```python\n(.*?)```', README, re.DOTALL)


def texts(svg: str) -> list[str]:
    """Everything that a picture says, in its order."""
    return [''.join(node.itertext()) for node in ElementTree.fromstring(svg).iter('{http://www.w3.org/2000/svg}text')]


def test_the_first_command_draws_the_picture(tmp_path, monkeypatch, capsys):
    picture = ROOT / re.search(r'!\[.*?\]\((.*?\.svg)\)', README).group(1)
    install, command = SHELL[0].split(' && ')
    program, *arguments = shlex.split(command)
    monkeypatch.chdir(tmp_path)
    assert (install, program) == ('pip install .', 'micrograd')
    assert main(arguments) == 0
    assert re.search(r'∂loss/∂w += -2\n', capsys.readouterr().out)
    assert texts((tmp_path / 'graph.svg').read_text(encoding='utf-8')) == texts(picture.read_text(encoding='utf-8'))


def test_the_second_command_installs_the_tests_and_runs_them():
    assert SHELL[1] == 'pip install -e ".[test]" && pytest'


def test_the_source_is_what_is_shown(capsys):
    [code] = [code for code in PYTHON if 'compile' in code]
    [shown] = re.findall(r'```text\n(.*?)```', README, re.DOTALL)
    names = {}
    exec(compile(code, 'README.md', 'exec'), names)
    assert capsys.readouterr().out == shown + '\n'
    exec(compile(shown, 'README.md', 'exec'), names)
    assert names['forward_and_backward'](1.0, 2.0, 1.0) == (1.0, [-2.0])
    assert names['w'].grad == pytest.approx(-28 / 3, rel=1e-12)


@pytest.mark.parametrize('code', [code for code in PYTHON if 'compile' not in code])
def test_the_code_runs_and_says_what_its_comments_say(code, capsys):
    names = {}
    exec(compile(code, 'README.md', 'exec'), names)
    said = re.findall(r'print\(.*?\) +# (-?[\d.]+)', code)
    assert capsys.readouterr().out.split() == said
    assert names['loss'].grad == 1 or all(p.grad == 0 for p in names['model'].parameters())


def test_every_link_leads_somewhere():
    links = re.findall(r'\]\(([^)#]+)\)|src="(.*?)"', README)
    links = [link for pair in links for link in pair if link and '://' not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_nothing_fetches_another_package_of_this_name():
    """The package index has another micrograd; what is meant is this folder, or its extras, or what they bring."""
    fetching = re.compile(r'pip3? install [^&|;`\n]*\bmicrograd\b(?!/)|\bmicrograd\[(?:native|torch|test|notebooks)')
    places = ['README.md', 'setup.cfg', 'micrograd', 'notebooks', 'benchmarks', 'tests']
    files = [file for place in places for file in [ROOT / place, *(ROOT / place).rglob('*')]
             if file.suffix in ('.py', '.md', '.cfg', '.ipynb', '.html', '.js') and file.name != Path(__file__).name]
    assert len(files) > 50
    assert [f'{file}: {found}' for file in files for found in fetching.findall(file.read_text(encoding='utf-8'))] == []
    for text in ('pip install micrograd', 'pip install "micrograd[native]"', r'pip install -U \"micrograd[torch]\"'):
        assert fetching.search(text)
    assert not fetching.search('pip install . && micrograd "x" x=1; pip install ".[native]"')
