"""What is told of a rewritten module, wherever it comes from."""

from __future__ import annotations

__all__ = ["LinkSpec"]

LinkSpec = tuple[str, str, tuple[tuple[str, str], ...]]
"""A live binding: qualified name of the class (empty for the module), module imported from, (attribute, name) pairs."""
