"""Rewriting ahead of time: ``dyntransform build`` writes a tree that runs with dyntransform's runtime alone."""
