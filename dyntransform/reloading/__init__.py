"""Read, diff, plan, apply, report: how an edit gets into the running program."""
