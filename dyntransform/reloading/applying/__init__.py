"""An edit is carried out: statements run, names are bound, functions and classes change, in one step."""
