"""Model files: the catalogue of those known by content, how they are fetched, and what their headers say.

Teachers and students, the doctor and exports ask here. Nothing in this room needs an engine or loads torch by itself.
"""
