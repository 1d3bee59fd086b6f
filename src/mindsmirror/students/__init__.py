"""The small models: how they are loaded, what they read, and how families go through them.

`load.load_student` takes a catalogue name, a hub id or a folder. Which of the two architectures a model has is read
from its own configuration. Nothing is imported here: `config` must be readable without torch.
"""
