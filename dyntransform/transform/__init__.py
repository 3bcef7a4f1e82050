"""Source in, rewritten source or lowered tree out: pure functions without run-time state."""
