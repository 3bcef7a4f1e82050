"""The running program, with no idea of edits: the heap, holders, frames, values, and changes that can be taken back."""
