"""The guide's drawn figures. Each function draws, describes what it drew in words, and returns the figure."""

from glassformer.glass.figures.architectures import architecture, gradient_depth, masks
from glassformer.glass.figures.attention import attention_pattern, heads_grid
from glassformer.glass.figures.caching import growth, memory_map, prefix_mask, recall_by_window, recomputed, roofline
from glassformer.glass.figures.charts import activations, bars, cells, curves, descents, tangents, word_map
from glassformer.glass.figures.drawings import hierarchy, neuron_diagram, transformer_overview
from glassformer.glass.figures.generation import beam_tree, entropies, rules, ways
from glassformer.glass.figures.heads import head_map, softmax_sharpness
from glassformer.glass.figures.judging import reliability, roc
from glassformer.glass.figures.normalizing import by_layer, onto_sphere, paired, parameter_shares
from glassformer.glass.figures.overview import chain_and_web, pipeline, shares
from glassformer.glass.figures.perceptrons import layers, there_and_back
from glassformer.glass.figures.planes import Plane, planes
from glassformer.glass.figures.positions import looks, reach, waves
from glassformer.glass.figures.schemes import boxes, cycle, lookup, network
from glassformer.glass.figures.sequences import gates, orbits, spread, unrolled
from glassformer.glass.figures.stream import lens_table, next_tokens, residual_norms
from glassformer.glass.figures.tokens import costs, lattice, pieces

__all__ = [
    "Plane",
    "activations",
    "architecture",
    "attention_pattern",
    "bars",
    "beam_tree",
    "boxes",
    "by_layer",
    "cells",
    "chain_and_web",
    "costs",
    "curves",
    "cycle",
    "descents",
    "entropies",
    "gates",
    "gradient_depth",
    "growth",
    "head_map",
    "heads_grid",
    "hierarchy",
    "lattice",
    "layers",
    "lens_table",
    "looks",
    "lookup",
    "masks",
    "memory_map",
    "network",
    "neuron_diagram",
    "next_tokens",
    "onto_sphere",
    "orbits",
    "paired",
    "parameter_shares",
    "pieces",
    "pipeline",
    "planes",
    "prefix_mask",
    "reach",
    "recall_by_window",
    "recomputed",
    "reliability",
    "residual_norms",
    "roc",
    "roofline",
    "rules",
    "shares",
    "softmax_sharpness",
    "spread",
    "tangents",
    "there_and_back",
    "transformer_overview",
    "unrolled",
    "waves",
    "ways",
    "word_map",
]
