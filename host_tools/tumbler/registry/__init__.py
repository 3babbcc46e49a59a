"""The owner's registry: locks, issued codes, keys, and what each lock has reported."""
