"""Annotations that were made elsewhere: the formats that are read, and how they become this project's own."""
