"""The guide's drawn figures. Each function draws, describes what it drew in words, and returns the figure."""

from glassformer.glass.figures.attention import attention_pattern, heads_grid
from glassformer.glass.figures.charts import activations, bars, cells, curves, descents, tangents, word_map
from glassformer.glass.figures.drawings import hierarchy, neuron_diagram, transformer_overview
from glassformer.glass.figures.heads import head_map, mask_grid, softmax_sharpness
from glassformer.glass.figures.judging import reliability, roc
from glassformer.glass.figures.perceptrons import layers, there_and_back
from glassformer.glass.figures.planes import Plane, planes
from glassformer.glass.figures.schemes import boxes, cycle, lookup, network
from glassformer.glass.figures.sequences import gates, orbits, spread, unrolled
from glassformer.glass.figures.stream import lens_table, next_tokens, residual_norms

__all__ = [
    "Plane",
    "activations",
    "attention_pattern",
    "bars",
    "boxes",
    "cells",
    "curves",
    "cycle",
    "descents",
    "gates",
    "head_map",
    "heads_grid",
    "hierarchy",
    "layers",
    "lens_table",
    "lookup",
    "mask_grid",
    "network",
    "neuron_diagram",
    "next_tokens",
    "orbits",
    "planes",
    "reliability",
    "residual_norms",
    "roc",
    "softmax_sharpness",
    "spread",
    "tangents",
    "there_and_back",
    "transformer_overview",
    "unrolled",
    "word_map",
]
