"""A scaling law from small models: a sweep, its fit, the curve of loss against compute, and the published fits again.

    python benchmarks/scaling.py [--steps 600] [--out build/scaling.svg]

Eight GPTs of different sizes read the plays; each is validated as it goes, with a running mean of its weights, so that
the learning rate need not have fallen. The law ``L = E + A / N^α + B / D^β`` is fitted to all points but the
first. N counts the weights but the embeddings of positions and tokens. Prints a table for people; the last line is one
JSON object.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from glassformer.evaluate.scaling import HOFFMANN, PER_WEIGHT_AND_TOKEN, ScalingLaw, fit, power
from glassformer.train.loop import train
from glassformer.train.materials import materials
from glassformer.train.prepare import prepare
from glassformer.train.reading import parse

CONTEXT, BATCH = 64, 16
SIZES = [(2, 16), (2, 24), (2, 32), (2, 48), (3, 64), (3, 96), (4, 112), (4, 144)]
FIRST = 40  # steps before which a running mean and the warm-up are not over


def one(layers: int, d_model: int, steps: int) -> tuple[int, list[tuple[int, float]]]:
    """The number of weights that count, and pairs of tokens read and validation loss."""
    recipe = parse(
        {
            "model": {"architecture": "gpt2", "layers": layers, "heads": 2, "d_model": d_model, "dropout": 0.0},
            "data": {"context": CONTEXT},
            "optimizer": {"name": "muon", "lr": 0.01, "muon_lr": 0.01},
            "schedule": {"name": "constant", "warmup": 20},
            "training": {
                "steps": steps,
                "batch": BATCH,
                "average": 0.95,
                "evaluate_every": max(1, steps // 12),
                "evaluate_rows": 400,
                "save_every": 1_000_000,
                "log_every": 1_000_000,
            },
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        stuff = materials(recipe.data, 1, "", recipe.training.evaluate_rows, BATCH)
        run = prepare(recipe, Path(folder), stuff)
        points = []
        validate = run.validate

        def kept() -> dict[str, float]:
            metrics = validate()
            points.append((run.step * BATCH * CONTEXT, metrics["loss"]))
            return metrics

        run.validate = kept  # type: ignore[method-assign]
        train(run, lambda run: None)
        run.journal.close()
        weights = sum(w.numel() for n, w in run.objective.model.named_parameters() if n.split(".")[0] == "stack")
    return weights, [(tokens, loss) for tokens, loss in points if tokens > FIRST * BATCH * CONTEXT]


def frontier(points: list[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """The lowest loss so far, by compute."""
    best, found = float("inf"), []
    for weights, tokens, loss in sorted(points, key=lambda p: p[0] * p[1]):
        if loss < best:
            best = loss
            found.append((PER_WEIGHT_AND_TOKEN * weights * tokens, loss))
    return found


def drawn(points: list[tuple[float, float, float]], law: ScalingLaw, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    sizes = sorted({weights for weights, _, _ in points})
    for number, weights in enumerate(sizes):
        mine = [(PER_WEIGHT_AND_TOKEN * n * d, loss) for n, d, loss in points if n == weights]
        shade = 0.25 + 0.6 * number / len(sizes)
        axes.plot(*zip(*mine, strict=True), ".-", color=(0.1, shade, 0.9 - shade / 2), label=f"{weights:,.0f} weights")
    low, high = (edge([6 * n * d for n, d, _ in points]) for edge in (min, max))
    budgets = [low * (high / low) ** (step / 60) for step in range(61)]
    axes.plot(budgets, [law.loss(*law.optimal(c)) for c in budgets], "k--", label="the fitted law, best size")
    axes.set(xscale="log", xlabel="operations, 6 N D", ylabel="validation loss (nats a character)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def measure(path: Path, steps: int = 600) -> dict[str, Any]:
    points: list[tuple[float, float, float]] = []
    for layers, d_model in SIZES:
        number = steps if d_model < 96 else steps * 2 // 3
        weights, found = one(layers, d_model, number)
        points += [(float(weights), float(tokens), loss) for tokens, loss in found]
        tokens, loss = found[-1]
        print(f"  {layers} layers of {d_model:3}: {weights:8,} weights, {loss:.3f} after {tokens:,} tokens", flush=True)
    law = fit(points)
    errors = sorted(abs(law.loss(n, d) - loss) for n, d, loss in points)
    edge = frontier(points)
    exponent, _ = power([c for c, _ in edge], [loss - law.E for _, loss in edge])
    drawn(points, law, path)
    print(f"fitted: L = {law.E:.3f} + {law.A:.3g} / N^{law.alpha:.3f} + {law.B:.3g} / D^{law.beta:.3f}")
    middle = errors[len(errors) // 2]
    print(f"  off by {middle:.3f} nats in the median and {errors[-1]:.3f} at most, {len(points)} points")
    print(f"  along the lowest losses (L − E) falls with compute to the power {exponent:.3f}; drawn in {path}")
    best, read = HOFFMANN.optimal(5.76e23)
    print(f"published (Hoffmann et al., rounded): at 5.76e23 operations {best:.3g} weights and {read:.3g} tokens")
    return {
        "law": law.__dict__,
        "points": len(points),
        "median_error": middle,
        "most_error": errors[-1],
        "compute_exponent": exponent,
        "chinchilla": {"weights": best, "tokens": read},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", type=Path, default=Path("build/scaling.svg"))
    options = parser.parse_args()
    print(json.dumps(measure(options.out, options.steps)))


if __name__ == "__main__":
    main()
