"""Two versions in, a plan out: what an edit changes, what runs again, and in which order."""
