"""Statements from compiled code, and back: what a module without source is for the engine."""
