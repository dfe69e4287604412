"""Answers in code to the exercises on variants: wrong ones by how a mistake's sentence begins, and right ones."""

WRONG: dict[str, dict[str, str]] = {}

RIGHT: dict[str, list[str]] = {}
