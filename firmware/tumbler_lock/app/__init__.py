"""App: builds a lock from a board's description and runs it under asyncio (docs/design/app.md)."""
