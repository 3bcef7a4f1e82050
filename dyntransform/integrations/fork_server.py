"""What the fork server of `multiprocessing` imports first: it installs the hook for all that are forked from it."""

from dyntransform.integrations.environment import start

__all__: list[str] = []

start()
