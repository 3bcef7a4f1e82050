"""What differs between versions of CPython, and what of it is private: the one place to look at for a new version.

To add a version, add it to `versions.SUPPORTED` and run the tests with it; what they find goes into this room.

- `versions`: which Pythons are supported, and what is said of others;
- `features`: what some versions have and others lack;
- `internals`: names that CPython does not promise to keep;
- `references`: reference counts, as this interpreter counts;
- `opcodes`: the instructions of code objects;
- `checks`: what is tried once at the start, so that a Python that works otherwise is refused.
"""
