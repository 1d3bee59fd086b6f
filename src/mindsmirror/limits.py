"""Every bound on input: numbers, lengths, depths and sizes.

The bounds are far above what any run has needed and below what a machine, a file system or a library can take. So a
typing error or a hostile file is refused with a clear message before anything is paid for.
"""


class BoundError(ValueError):
    """Something is larger, longer or deeper than allowed; the text says where, and the bound."""


# Names and texts.
NAME = 100
"""Characters of the name of a run or an arm: it becomes a folder, with room for what is put before and behind it."""
PATH_PART = 255
"""Bytes between two slashes, as file systems take them."""
PATH = 4096
"""Bytes of a text in a recipe, all of which are names, paths or addresses."""
TEXT = 100_000
"""Characters of a text among an engine's or a task's own parameters."""

# Documents.
RECIPE_BYTES = 1_000_000
"""Of a recipe or a set of prompts."""
DEPTH = 16
"""Tables and lists inside each other in a recipe or a set of prompts."""
VALUES = 20_000
"""Values in a recipe or a set of prompts, tables and lists included."""
KEY_PARTS = 16
"""Parts of a dotted key; tomllib's memory grows with their square."""
WORD = 400
"""Characters of a number or a bare key in TOML."""
WHOLE = 2**63 - 1
"""Largest whole number, either side of 0."""

# Files of rows.
ROW_BYTES = 8 * 2**20
"""Of one line of a .jsonl, unpacked."""
ROW_DEPTH = 64
"""Objects and lists inside each other in a row: what holds it is written down again by code that stops at 255."""
ROWS = 100_000_000
"""Lines of a .jsonl."""
BLANK_LINES = 100_000
"""Blank lines in a row."""
JSON_BYTES = 256 * 2**20
"""Of a file that is one JSON document, such as an official one."""

# Numbers in a recipe.
LARGEST = 1e30
"""Of rates, weights and the like: a product of several is still a number."""
SEED = 2**31 - 1
"""NumPy takes 32 bits, and stages count up from it."""
TEACHERS = 100
ARMS = 200
QUESTIONS = 100_000_000
"""Of a split."""
ROUNDS = 10
"""Rounds of reflection."""
SAMPLES = 1000
"""Of one kind, for a question or for a rationale."""
TOKENS = 1_000_000
"""Of a prompt, a reply or a window."""
TEMPERATURE = 100.0
TOGETHER = 100_000
"""Requests, samples or texts at once."""
SECONDS = 86_400.0
"""That one request may take, or is made to take."""
RETRIES = 1000
PRICE = 1e6
"""USD per million tokens."""
USD = 1e9
MINUTES = 1e7
"""Of an annotation: 19 years."""
COUNTED_TOKENS = 10**15
"""Of an annotation's or a training's budget."""
FLOPS = 1e27
STEPS = 10_000_000
"""Optimizer steps, and batches of a stage, all of which are planned beforehand."""
EPOCHS = 100_000.0
BATCH_TOKENS = 10_000_000
CHECKPOINTS = 10_000
LORA_RANK = 4096
THREADS = 4096
LAYERS = 10_000
GPUS = 1024
CACHE_GB = 100_000

# Model files.
TEMPLATE = 200_000
"""Characters of a chat template."""
TEMPLATE_SECONDS = 3
"""Of computing in which a template must have written a few short conversations."""
TEMPLATE_BYTES = 2**30
"""Of memory that it may take for that."""
GGUF_ENTRIES = 65_536
"""Of metadata, and of tensors, each."""
GGUF_STRING = 16 * 2**20
"""Bytes of a string in a GGUF header."""
GGUF_LIST = 16_777_216
"""Elements of a list in a GGUF header, such as a vocabulary."""
GGUF_DIMENSIONS = 4
TRIAL_SECONDS = 900.0
"""In which an unknown model file must load and write a token, in a process of its own."""
