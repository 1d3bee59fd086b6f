"""What a stage minimises: one file an objective, named like the method that needs it; `registry.py` finds it by name."""
