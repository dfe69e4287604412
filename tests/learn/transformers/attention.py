"""Answers in code to the exercises on attention: wrong ones by how a mistake's sentence begins, and right ones."""

WRONG: dict[str, dict[str, str]] = {}

RIGHT: dict[str, list[str]] = {}
