"""Other people's tools, and what they need to work with a rewritten program."""
