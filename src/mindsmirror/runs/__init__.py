"""Runs: what a recipe says, the folder where it happens, the steps in order, their results, and trained students in use."""
