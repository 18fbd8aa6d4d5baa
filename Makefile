# `make run` starts the service, `make test` runs all tests. CONTRIBUTING.md describes the other targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The venv has no pip. The system's pip installs into it, so Debian's python3-venv is not needed.
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check

# Container images often set it. Each process that the tests start would then compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-fast fuzz lint format bench bench-service bench-scale bench-page soak screenshots icons translations lock clean

run: $(VENV)/run.done
	$(BIN)/python -m chromi serve

test: $(VENV)/dev.done
	$(BIN)/python -m pytest -n auto --dist loadfile

# Not even imported by `make test-fast`, because all their tests are excluded: importing them takes as long as a
# third of its tests.
NOT_FAST := tests/e2e tests/faults tests/cli tests/encoder/test_fuzz.py tests/web/test_fuzz_requests.py \
	tests/web/views/test_openapi_responses.py $(wildcard tests/encoder/test_matrix_[dewo]*.py)
test-fast: $(VENV)/dev.done
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow and not browser and not service and not soak" \
		$(addprefix --ignore ,$(NOT_FAST))

# Runs the property tests with FUZZ times as many examples as `make test`, and different examples in each run.
fuzz: FUZZ ?= 100
fuzz: $(VENV)/dev.done
	FUZZ=$(FUZZ) $(BIN)/python -m pytest --timeout 0 tests/encoder/test_fuzz.py tests/web/test_fuzz_requests.py

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint
	cd chromi/static/vendor && sha256sum --check --quiet *.sha256

format: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Example: make bench CLIPS=folder ARGS="--only balanced,plain --rounds 1 --every 4"; see benchmarks/README.md
bench: $(VENV)/dev.done
	$(BIN)/python -m benchmarks.encoder $(ARGS) $(CLIPS)

bench-service: $(VENV)/dev.done
	$(BIN)/python -m benchmarks.service $(CLIP)

# Example: make soak ARGS="--minutes 60 --visitors 10". The run takes up to four minutes longer than --minutes.
soak: $(VENV)/dev.done
	$(BIN)/python -m pytest -m soak
	$(BIN)/python -m benchmarks.soak $(ARGS)

# Example: make bench-scale ARGS="--jobs 20" CLIP=clip.mp4
bench-scale: $(VENV)/dev.done
	$(BIN)/python -m benchmarks.scale $(ARGS) $(CLIP)

bench-page: $(VENV)/dev.done
	$(BIN)/python -m benchmarks.page

# Example: make screenshots CLIP=clip.mp4 ARGS="--only studio --width 3840 --out folder". All arguments are optional.
screenshots: $(VENV)/dev.done
	$(BIN)/python -m docs.screenshots $(if $(CLIP),--clip $(CLIP)) $(ARGS)

# Renders the social preview image and the icons from docs/icons.
icons: $(VENV)/dev.done
	$(BIN)/python docs/icons.py

# Adds new messages to each language's messages.po and compiles it to messages.mo.
translations: $(VENV)/dev.done
	$(BIN)/python -m chromi.translations.collect

lock: $(VENV)/dev.done
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml --all-extras --constraints requirements.txt --output-file requirements-servers.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml --all-extras --group dev --constraints requirements-servers.txt --output-file requirements-dev.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Chromi needs Python 3.11 or newer")'
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/run.done: requirements.txt | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements.txt
	touch $@

$(VENV)/dev.done: requirements-dev.txt $(VENV)/run.done
	$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	touch $@
