# One command each; `make help` lists them. The environment is made on first use, with pinned and hashed packages.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
COMPILE := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.PHONY: help demo sandbox test test-cluster check format docs site requirements bench bench-report outages soak walk upgrade fuzz audit sbom build digests handover-page dashboards clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime ## a day in a minute: orders out, parcel numbers back, everything simulated
	@$(BIN)/aftersend demo $(ARGS)

sandbox: $(VENV)/.runtime ## simulated Afterbuy and Sendcloud with a page to click
	@$(BIN)/aftersend sandbox $(ARGS)

test: $(VENV)/.development ## style, types, borders, all layers of tests that need no cluster, coverage (the sessions of noxfile.py)
	@$(BIN)/python -m tools.run_sessions $(STAGES)

test-cluster: $(VENV)/.development ## operator and chart on a real Kubernetes, built from source once (root, Go)
	@$(BIN)/python -m tools.run_sessions cluster

check: $(VENV)/.development ## the fast part: style, types, borders, unit tests, contracts
	@$(BIN)/python -m tools.run_sessions style types borders docs unit contracts

format: $(VENV)/.development ## let ruff put everything in order
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

docs: $(VENV)/.development ## write the generated parts of the docs anew
	@$(BIN)/python docs/generate.py

site: $(VENV)/.development ## the documentation as a site, to read at site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

bench: $(VENV)/.development ## every path beside its floor, one table (PAIRS=7 ROWS=export,webhook); the operator's: docs/guides/sizing.md
	@$(BIN)/python -m benchmarks --pairs $(or $(PAIRS),7) $(if $(ROWS),--only $(ROWS))

bench-report: $(VENV)/.development ## the same, kept in docs/benchmarks.json and shown in docs/benchmarks.md; about ten minutes
	@$(BIN)/python -m benchmarks --pairs $(or $(PAIRS),7) $(if $(ROWS),--only $(ROWS)) --report; $(BIN)/python docs/generate.py

soak: $(VENV)/.development ## minutes in which one of twenty calls fails, in real time (MINUTES=10); ten write docs/soak.json and its table
	@MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest -q tests/chaos/soak.py && $(BIN)/python docs/generate.py

outages: $(VENV)/.development ## both sides away for up to 90 s, in real time; writes docs/outages.json and its table
	@AFTERSEND_TEST_OUTAGES="1 8 30 90" $(BIN)/python -m pytest -q tests/chaos/test_outages.py && $(BIN)/python docs/generate.py

fuzz: $(VENV)/.development ## hostile inputs for everything that reads from outside (MINUTES=30 for all targets together)
	@$(BIN)/python -m tests.fuzz.engine --minutes $(or $(MINUTES),30) $(TARGETS)

audit: $(VENV)/.development ## licences, hashes and known vulnerabilities of all pinned packages
	@$(BIN)/python -m tools.supply_chain.audit $(ARGS)

sbom: $(VENV)/.development ## inventories of both images, the wheel and what builds them, into dist/
	@$(BIN)/python -m tools.supply_chain.sbom dist $(ARGS)

build: $(VENV)/.development ## wheel and sdist into dist/, the same bytes each time
	@$(BIN)/hatchling build -d dist

digests: $(VENV)/.development ## pin base images by what their registries answer (needs the network)
	@$(BIN)/python -m tools.supply_chain.digests

handover-page: ## build the script of the page that seals credentials (needs npm)
	@cd web/handover && npm ci --ignore-scripts --silent && npm run --silent build

dashboards: $(VENV)/.development ## draw both dashboards of three simulated minutes into docs/images/ (Prometheus, Chromium; no Grafana)
	@PYTHONPATH=. $(BIN)/python docs/images/capture_dashboards.py

walk: $(VENV)/.development ## a bad day of a fleet on the node of the test cluster (TENANTS=20; root, Go); writes docs/walk.json and its tables
	@TENANTS=$(or $(TENANTS),20) $(BIN)/python -m pytest -x -s tests/cluster/walk.py && $(BIN)/python docs/generate.py

upgrade: $(VENV)/.development ## tenants at work moved from an earlier commit to this one, and back, on the node (root, Go); writes docs/upgrade.json
	@$(BIN)/python -m pytest -x -s tests/cluster/upgrade.py && $(BIN)/python docs/generate.py

requirements: ## compile requirements/*.txt from pyproject.toml, keeping what they pin (needs uv)
	@$(COMPILE) --group build -o requirements/build.txt
	@$(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml --extra operator -c requirements/runtime.txt -o requirements/operator.txt
	@$(COMPILE) pyproject.toml --extra operator --group development \
		-c requirements/build.txt -c requirements/operator.txt -o requirements/development.txt

clean: ## remove the environment and all caches
	@rm -rf $(VENV) site .nox .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.runtime: requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "Installing into $(VENV) (once; about half a minute with a warm cache)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Aftersend needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements/development.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/development.txt
	@touch $@
