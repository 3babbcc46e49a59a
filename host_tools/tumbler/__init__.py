"""The owner's side: the `tumbler` command, the registry of issued codes, and the virtual lock."""
