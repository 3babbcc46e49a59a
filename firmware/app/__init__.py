"""The wiring: asyncio tasks that join the drivers to the core.

A supervisor locks the door and restarts the board when one of the tasks fails.
"""
