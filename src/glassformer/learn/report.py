"""What ``glassformer progress`` prints."""

from typing import Any

from glassformer.learn.exercises import exercises
from glassformer.learn.paths import Guide, next_step


def report(summary: dict[str, Any], guide: Guide) -> list[str]:
    """The lines that ``glassformer progress`` prints: the milestones of the path that is followed, and the next step.

    Without a chosen path: all paths. A box with an x is earned by exercises, one with a dash was ticked by hand.
    """
    passed = {name for name, kept in summary["exercises"].items() if kept["passed"]}
    chosen = [path for path in guide.paths if path.id == summary["path"]]
    paths = chosen or guide.paths
    lines = [summary["notice"]] if summary["notice"] else []
    lines.append(f"{len(passed)} of {len(exercises())} exercises are right.")
    for path in paths:
        lines += ["", path.title]
        for milestone in path.milestones:
            box = {"earned": "x", "ticked": "-", "open": " "}[milestone.state(passed, summary["ticked"])]
            done = sum(name in passed for name in milestone.by)
            more = "; more are in preparation" if milestone.more else ""
            count = f"  ({done} of {len(milestone.by)} exercises{more})" if milestone.by and box == " " else ""
            lines.append(f"  [{box}] {milestone.text}{count}")
        following = next_step(path, passed)
        if following:
            step, name = following
            lines.append(f"  Next: {name}, in {guide.document(step.page).title} (glassformer read {step.page})")
        else:
            lines.append("  Next: nothing yet. The exercises of the other steps are in preparation.")
    if not chosen:
        lines += ["", "Choose the path you follow: glassformer progress --path beginner"]
    return lines
