"""The first lines of the `tumbler` command, so that Ctrl-C while the rest is loaded leaves no traceback."""

INTERRUPTED = 130


def main() -> int:
    """Load the command line and run it; return its exit status."""
    try:
        from .main import main as run  # slow to load

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
