"""Generation: from a model's logits to text, one token after another.

- ``sampling``: how a token is chosen: greedy, temperature, top-k, top-p, min-p, typical, repetition penalty.
- ``decode``: the loop, ``generate`` token by token and ``complete`` all at once.
- ``text``: from text to text, with stop strings and streaming.
- ``chat``: a conversation that reads only what is new.
- ``beam``, ``contrastive``, ``speculative``: other ways to search for a continuation.

All rely on the models' interface only (see ``glassformer.models``). None turns dropout off: ``model.eval()`` does.
Taught in ``transformers``, section 12.
"""
