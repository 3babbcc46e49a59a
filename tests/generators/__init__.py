"""One module a vector file: `build() -> dict` makes what `tests/vectors/<name>.json` must hold."""
