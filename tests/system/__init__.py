"""Several parts together: from an unboxed board to an opened door, power cuts, memory."""
