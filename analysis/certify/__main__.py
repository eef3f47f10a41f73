"""python -m analysis.certify module:object"""

from analysis.certify.command import main

if __name__ == "__main__":
    raise SystemExit(main())
