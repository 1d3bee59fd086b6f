"""Runs: the recipe, the folder where a run happens, its steps in order, their results, and trained students in use."""
