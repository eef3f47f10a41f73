"""python -m corners"""

from analysis.runs import main
from corners.question import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
