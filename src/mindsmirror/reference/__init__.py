"""`docs/reference/` and the published schema of a recipe, written from the code by `make reference`."""
