"""The questions: examples in three disjoint splits, the kind of their answers, and how they are scored.

One file for each benchmark, one for files of your own (`own_file`) and one for the generators of reasoning-gym
(`reasoning_gym`). Only the module of the task that is loaded is imported.
"""

from mindsmirror.tasks.base import Scorer, Splits, Task, TaskConfig
from mindsmirror.tasks.registry import load_task, task_descriptions, task_names

__all__ = ["Scorer", "Splits", "Task", "TaskConfig", "load_task", "task_descriptions", "task_names"]
