"""Reflection: the student thinks about questions it was not trained on, and learns from its own judged rationales."""
