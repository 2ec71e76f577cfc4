.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
PIP := $(BIN)/pip install --disable-pip-version-check --no-deps
COMMA := ,
locked = $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $(1) \
	|| $(PIP) --require-hashes --progress-bar on -r $(1)

.PHONY: help install install-dev build test test-sql test-databricks test-databricks-all wheel emulator bench bench-faults bench-life bench-serving bench-simulator bench-skill bench-spark \
	lint lint-python lint-yaml lint-database lint-models lint-sql report docs serve-docs mlflow clean lock holidays

help:  ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

install: $(READY)  ## Make .venv with what building needs, from the lock file

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 install"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# uv unpacks in seconds what takes pip minutes; where it cannot be had, or finds no index, pip does
	@$(PIP) --quiet --require-hashes -r requirements-uv.lock || echo "uv cannot be had, so pip installs: some minutes"
	@echo "Installing the pinned packages into $(VENV)"
	@$(call locked,requirements.lock)
	$(PIP) --quiet --no-build-isolation --editable .
	@touch $(READY)

$(READY_DEV): $(READY) requirements-dev.lock
	@$(call locked,requirements-dev.lock)
	@touch $(READY_DEV)

install-dev: $(READY_DEV)  ## Add what the tests and the linters need

build: $(READY)  ## Build everything; simulates gold on first use (SELECT=+demand_predictions builds one product)
	$(BIN)/dbt build $(if $(SELECT),--select $(SELECT))

.PHONY: deploy job

VOLUME := import json, sys; found = json.load(sys.stdin)["resources"]; schema = found["schemas"]["ml"]; \
	print("dbfs:/Volumes", schema["catalog_name"], schema["name"], found["volumes"]["packages"]["name"], sep="/")

deploy: $(READY)  ## Jobs, storage and the wheel to a Databricks workspace (TARGET=staging; docs/production.md)
	@set -e; wheel=$$($(BIN)/python deploy/wheel.py $(DIST)); export BUNDLE_VAR_wheel=$$(basename "$$wheel"); \
	databricks bundle deploy --target $(or $(TARGET),dev); \
	volume=$$(databricks bundle validate --target $(or $(TARGET),dev) --output json | $(BIN)/python -c '$(VOLUME)'); \
	databricks fs cp --overwrite "$$wheel" "$$volume"

# the wheel is that of the last deployment
job: export BUNDLE_VAR_wheel = none
job:  ## Run a job there and wait for it (TARGET=staging JOB=scoring PARAMS=as_of=2025-06-01,retrain=force)
	databricks bundle run $(JOB) --target $(or $(TARGET),dev) $(if $(PARAMS),--params $(PARAMS))

# two processes on two cores: threads of linear algebra would wait for one another
test: export OPENBLAS_NUM_THREADS = 1
test: $(READY_DEV)  ## Unit tests, and whole runs of dbt on small gold
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# a target folder of its own, as the everyday parse knows none of these tests
test-sql: export WANDERBRICKS_UNIT_TESTS = true
test-sql: export DBT_TARGET_PATH = target/test_sql
test-sql: export WANDERBRICKS_DB = target/test_sql/wanderbricks.duckdb
test-sql: $(READY)  ## dbt's unit tests and the macros' assertions, on empty tables (SELECT=demand_splits: those of one model)
	$(BIN)/dbt build --empty --full-refresh --quiet --exclude-resource-type test unit_test $(if $(SELECT),--select +$(SELECT))
	$(BIN)/dbt test --select test_type:unit$(if $(SELECT),$(COMMA)$(SELECT), path:tests/assertions/macros)

# what every product stands on, one product, both days, faults, tasks, endpoints: the rest is the same kind of SQL
ON_SPARK = +demand_predictions +path:models/features

test-databricks: $(READY_DEV)  ## Builds on Spark, compared with DuckDB's: features and demand (SELECT=+churn_predictions: that product alone; needs Java)
	$(BIN)/pytest $(if $(SELECT),tests/databricks/test_parity.py -k agrees --select "$(SELECT)",tests/databricks --select "$(ON_SPARK)")

test-databricks-all: $(READY_DEV)  ## All products, their monitoring, gold from raw and the jobs on Spark, compared with DuckDB's (three hours; before a release)
	$(BIN)/pytest tests/databricks

wheel: $(READY)  ## The package for a workspace's volume, in dist/: a version of its own for each state of its files
	@$(BIN)/python deploy/wheel.py

emulator: $(READY)  ## That stand-in for a workspace on data/gold, to type against, until Ctrl-C
	@test -d data/gold || $(BIN)/wanderbricks simulate --preset dev --seed 7 --out data/gold
	$(BIN)/python tests/databricks/workspace.py data/gold

bench: $(READY)  ## CPU seconds of builds, features, drift, fits and scoring (half an hour; AGAINST=revision beside an older one)
	@for preset in dev reference; do \
		test -d data/$$preset || $(BIN)/wanderbricks simulate --preset $$preset --seed 7 --out data/$$preset; done
	@test -d data/day_before || $(BIN)/wanderbricks simulate --preset dev --seed 7 --until 2025-07-30 --out data/day_before
	$(BIN)/python benchmarks/build.py dev=data/day_before,data/dev $(if $(AGAINST),--against $(AGAINST))
	$(BIN)/python benchmarks/build.py reference=data/reference --select +path:models/features $(if $(AGAINST),--against $(AGAINST))
	$(BIN)/python benchmarks/drift.py
	$(BIN)/python benchmarks/fit.py
	$(BIN)/python benchmarks/scoring.py

bench-faults: $(READY_DEV)  ## Kills at any moment, bad gold, full disks: what was tried and what held (an hour or two; KILLS=100, PART=1/8)
	$(BIN)/python benchmarks/faults.py --kills $(or $(KILLS),100) --part $(or $(PART),1/1)

bench-life: $(READY)  ## Sixty simulated days with planted shocks; writes docs/life.md (half an hour)
	$(BIN)/python benchmarks/life.py

bench-serving: $(READY_DEV)  ## `wanderbricks serve` after make build, beside peers: rates, percentiles, memory (five minutes; SOAK=600: seconds of a soak)
	$(BIN)/python benchmarks/serving.py $(if $(SOAK),--soak $(SOAK))

bench-simulator: $(READY)  ## Simulated gold against real (HOTELS=folder AIRBNB=folder, both imported)
	@test -d data/gold || $(BIN)/wanderbricks simulate --preset dev --seed 7 --out data/gold
	$(BIN)/python benchmarks/simulator.py --simulated data/gold --segment 'Online TA' --segment Direct \
		$(if $(HOTELS),--hotels $(HOTELS)) $(if $(AIRBNB),--airbnb $(AIRBNB))

bench-skill: $(READY)  ## Each model against the best rule and the best possible one, five seeds of dev (half an hour)
	$(BIN)/python benchmarks/skill.py
	$(BIN)/python benchmarks/pricing.py

bench-spark: $(READY)  ## Features and scoring on local Spark, rows per second and plans (minutes, needs Java)
	@test -d data/reference || $(BIN)/wanderbricks simulate --preset reference --seed 7 --out data/reference
	$(BIN)/python benchmarks/spark.py reference=data/reference --file-mb 1

# one process: two would spend more on handing parsed files over than the second saves
LINT := WANDERBRICKS_UNIT_TESTS=true DBT_TARGET_PATH=target/lint WANDERBRICKS_DB=target/lint/wanderbricks.duckdb \
	$(BIN)/sqlfluff lint
# models that are no more than a call of a macro have nothing of their own but Jinja
CALLS = $(shell grep -rLE '^ *(select|with) ' models --include='*.sql')
WRITTEN = $(filter-out $(CALLS),$(shell find models -name '*.sql')) $(shell find tests/assertions -name '*.sql')
# what renders each macro that yields SQL at least once, by every task of an evaluation (tests/python/test_project.py)
RENDERED := tests/assertions models/gold models/staging/stg_inference_log.sql models/staging/user_versions.sql models/staging/host_versions.sql \
	models/state models/monitoring/drift \
	models/monitoring/quality/outcome_weeks.sql models/monitoring/quality/prediction_quality.sql \
	models/monitoring/experiments/ab_results.sql models/monitoring/operations/model_versions.sql \
	models/demand/demand_metrics.sql models/revenue/revenue_metrics.sql models/conversion/conversion_metrics.sql \
	models/customer_ltv/customer_ltv_metrics.sql models/conversion/conversion_champion.sql \
	models/pricing/pricing_retraining.sql models/pricing/pricing_labels.sql models/pricing/pricing_markets.sql \
	models/revenue/revenue_forecasts.sql models/revenue/revenue_examples.sql models/churn/churn_outcomes.sql \
	models/churn/customer_outlook.sql models/churn/churn_explained.sql models/churn/churn_reasons.sql \
	models/cancellation/cancellation_spine.sql models/cancellation/cancellation_metrics.sql \
	models/cancellation/cancellation_bookings.sql \
	models/features/host_features.sql \
	models/recommendations/recommendations_countries.sql \
	models/recommendations/property_recommendations_current.sql models/customer_ltv/customer_ltv_spine.sql

lint: lint-python lint-yaml lint-sql  ## ruff, mypy, yamllint, sqlfluff

lint-python: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-yaml: $(READY_DEV)
	$(BIN)/yamllint --strict .

# an empty database, whatever has been built: a first run and a later one differ in what they read
lint-database: $(READY_DEV)
	@rm -f target/lint/wanderbricks.duckdb && mkdir -p target/lint

lint-models: lint-database  ## sqlfluff of models and assertions alone (SQL='models/demand tests/assertions': of these)
	$(LINT) $(or $(SQL),$(WRITTEN))

lint-sql: lint-models
	@# macros as they render; then the Jinja of all
	$(LINT) --config macros/rendered.cfg $(RENDERED)
	$(LINT) --rules jinja.padding $(CALLS)
	$(BIN)/sqlfluff lint --templater jinja macros tests/generic

report: $(READY)  ## What the models achieved and say, on one page: site/report/index.html
	$(BIN)/wanderbricks report --out site/report

docs: $(READY)  ## The lineage site in one file, site/index.html
	$(BIN)/dbt docs generate --static
	@mkdir -p site && cp target/static_index.html site/index.html
	@# the overview leads to it
	@$(BIN)/wanderbricks report --out site/report
	@echo "open site/index.html, or: make serve-docs"

mlflow: $(READY)  ## Serve MLflow's pages of experiments and models on http://127.0.0.1:5000 (PORT=5001: elsewhere)
	@echo 'open http://127.0.0.1:$(or $(PORT),5000)/#/experiments?workflowType=machine_learning'
	@$(BIN)/mlflow server --backend-store-uri $(or $(MLFLOW_TRACKING_URI),sqlite:///data/mlflow.db) \
		--host 127.0.0.1 --port $(or $(PORT),5000) --workers 1

serve-docs: docs  ## Serve the lineage site on http://127.0.0.1:8080
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory site 8080

# The library that XGBoost uses between graphics cards, 469 MB, is left out: nothing here runs on one.
LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	--python-version 3.11 --no-emit-package nvidia-nccl-cu12 --no-emit-package nvidia-nccl-cu13 --upgrade

lock:  ## Resolve the lock files anew (needs uv)
	$(LOCK) pyproject.toml --extra workstation -o requirements.lock
	$(LOCK) --group pyproject.toml:dev --constraints requirements.lock -o requirements-dev.lock
	$(LOCK) --group pyproject.toml:installer -o requirements-uv.lock
	$(LOCK) tests/databricks/requirements.in -o tests/databricks/requirements.lock
	$(LOCK) deploy/postgres.in -o deploy/postgres.lock

holidays: $(READY_DEV)  ## Compute seeds/holidays.csv anew
	$(BIN)/python -m wanderbricks_ml.gold.holidays

clean:  ## Remove what was built, but not data/
	rm -rf $(VENV) .venv-emulator build target logs site .pytest_cache .mypy_cache .ruff_cache .hypothesis
