"""Packages: where a project names them, how they are locked, and uv, which resolves them."""
