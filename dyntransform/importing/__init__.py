"""Finder, loader and cache: how project modules come to be rewritten while they are imported.

This is part of the start of every program, so it imports little: classes are written out, since `dataclasses` imports
inspect, ast and dis, and what only annotations need is imported for type checkers alone.
"""
