# Each line is one that a person could type. On Windows, or without make, the README has the same commands in Python.
PYTHON ?= python3
BIN := .venv/bin

SAY ?= The cat sat on the mat because it

.PHONY: read chat trace train test check lint site outputs bench experiments
read:         ## set everything up and open the guide
	@$(PYTHON) tools/env.py read && $(BIN)/glassformer read
chat:         ## set everything up and talk with a real language model in the terminal
	@$(PYTHON) tools/env.py guide && $(BIN)/glassformer chat
trace:        ## see what happens inside it: make trace SAY="The cat sat"; the page is build/trace.html
	@$(PYTHON) tools/env.py guide && mkdir -p build && $(BIN)/glassformer trace "$(SAY)" --page build/trace.html
train:        ## set everything up and train a model on Shakespeare's plays; Ctrl-C saves, the same command goes on
	@$(PYTHON) tools/env.py guide && $(BIN)/glassformer train
test:         ## set everything up and pass the tests
	@$(PYTHON) tools/env.py dev && $(BIN)/python -m pytest
check: lint   ## lint, the quick tests, and the pages that have changed, in two minutes
	@$(PYTHON) tools/env.py dev && $(BIN)/glassformer outputs --check build/site --changed && $(BIN)/python -m pytest -q -m "not browser" --changed
lint:
	@$(PYTHON) tools/env.py dev && $(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy
site:         ## execute every page from scratch, compare with what is stored, build into build/site
	@$(PYTHON) tools/env.py guide && $(BIN)/glassformer outputs --check build/site
outputs:      ## execute the pages and store what they show
	@$(PYTHON) tools/env.py guide && $(BIN)/glassformer outputs
bench:        ## times and sizes; on a quiet machine
	@$(PYTHON) tools/env.py dev reference && for script in app imports load tokenizing parity decode crash train scrolling; do $(BIN)/python benchmarks/$$script.py || exit; done
experiments:  ## redo the training runs whose results the pages show; Ctrl-C stops, the next run goes on
	@$(PYTHON) tools/env.py dev experiments && for script in $(filter-out %/recording.py,$(wildcard experiments/*.py)) $(wildcard experiments/figures/*.py); do $(BIN)/python $$script || exit; done
