"""The logs as memory: rebuild the read model, compare it with the logs, see it as it was."""
