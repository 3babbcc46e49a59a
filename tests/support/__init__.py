"""What tests share that runs in CPython only: stand-ins, runners, measuring commands."""
