"""What code is, as text or compiled: sources, statements, what they read and bind. Nothing here is alive."""
