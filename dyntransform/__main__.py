"""``python -m dyntransform``."""

from dyntransform.cli import main

if __name__ == "__main__":
    main()
