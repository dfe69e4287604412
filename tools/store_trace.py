"""Trace SmolLM2 on the running sentence and store the pass that ships with the package (``glass/stored.py``).

python tools/store_trace.py        # a few seconds; fetches 93 MB the first time
"""

import glassformer
from glassformer import hub
from glassformer.glass import stored

hub.get(stored.MODEL)
loaded = glassformer.load(stored.MODEL)
print(f"{stored.FILE.name}: {stored.make(loaded.model, loaded.tokenizer):,} bytes")
