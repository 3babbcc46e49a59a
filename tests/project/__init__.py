"""The project itself: its files, its documents, its vectors, its sizes."""
