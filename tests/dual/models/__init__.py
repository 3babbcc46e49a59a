"""Models that only tests need."""
