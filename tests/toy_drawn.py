"""The figures of a toy experiment: a module that stands for a package, since tests lie in one folder."""

from pathlib import Path

__path__ = [str(Path(__file__).parent)]
