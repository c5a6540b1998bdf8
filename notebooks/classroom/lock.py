"""Entries of a Pyodide lock file: where the package manager in the browser finds a package."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


def entry(wheel: Path, package: Mapping[str, Any]) -> Entry:
    """The entry of a wheel beside the lock file."""
    return {**package, 'file_name': wheel.name, 'version': wheel.name.split('-')[1], 'install_dir': 'site',
            'package_type': 'package', 'unvendored_tests': False,
            'sha256': hashlib.sha256(wheel.read_bytes()).hexdigest()}


def with_distribution(packages: Mapping[str, Entry], theirs: Mapping[str, Entry], address: str) -> dict[str, Entry]:
    """The packages, and those of a distribution besides, which come from its address; whatever is in both is ours."""
    return {name: package | {'file_name': f'{address.rstrip("/")}/{package["file_name"]}'}
            for name, package in theirs.items()} | dict(packages)
