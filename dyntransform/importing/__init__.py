"""Finder, loader and cache: how project modules come to be rewritten while they are imported."""
