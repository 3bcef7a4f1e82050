"""Commands that look at files, or write some, and run nothing."""
