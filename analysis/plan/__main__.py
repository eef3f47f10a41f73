"""python -m analysis.plan --dim 8 --ambient 19200 --radius 10 --eps 0.1"""

from analysis.plan.command import main

if __name__ == "__main__":
    raise SystemExit(main())
