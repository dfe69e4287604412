"""The guide's drawn figures. Each function draws, describes what it drew in words, and returns the figure."""

from glassformer.glass.figures.charts import activations, bars, cells, curves, descents, tangents, word_map
from glassformer.glass.figures.drawings import hierarchy, neuron_diagram, transformer_overview
from glassformer.glass.figures.planes import Plane, planes
from glassformer.glass.figures.schemes import boxes, cycle, lookup, network

__all__ = [
    "Plane",
    "activations",
    "bars",
    "boxes",
    "cells",
    "curves",
    "cycle",
    "descents",
    "hierarchy",
    "lookup",
    "network",
    "neuron_diagram",
    "planes",
    "tangents",
    "transformer_overview",
    "word_map",
]
