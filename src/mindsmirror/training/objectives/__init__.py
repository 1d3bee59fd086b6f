"""What a stage minimises: one file an objective, named like the method that needs it, and found by `registry.py`."""
