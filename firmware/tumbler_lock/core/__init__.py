"""The scheme, the schedules, the code book, the journal, the verifier: bytes and integers in, verdicts out.

Nothing here touches hardware, and nothing here imports `drivers`, `app` or the host tools.
"""
