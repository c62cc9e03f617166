# The commands of this repository. `make` alone lists them.

PYTHON ?= python3.13
PORT ?= 8080
MINUTES ?= 30
ENV ?= default
FUNCTION ?= ConnectFunction
EVENT ?= events/connect.json
ENV_VARS ?= events/env.json
BIN := .venv/bin
export SAM ?= .venv-sam/bin/sam

# All tests and those of folders run in parallel. A few have their results sooner without workers. What pytest makes of
# the tests is kept in any case: each worker would need seven seconds to make it again.
PARALLEL = $(if $(filter-out tests tests/%,$(ARGS))$(findstring .py,$(ARGS)),,-n auto)

export SAM_CLI_TELEMETRY ?= 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test lint check build invoke deploy smoke logs destroy budget pictures clean bench soak
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run ## Run the chat on this machine (PORT=8080; ARGS="--help" lists the options)
	@PORT=$(PORT) exec $(BIN)/python -m local run $(ARGS)

test: .venv/.dev ## Run all Python tests, the browser's too where Chromium is (ARGS="-k name" picks some)
	@PYTHONDONTWRITEBYTECODE= exec $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

lint: .venv/.dev ## Check style, types and imports of the Python code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=src:. $(BIN)/lint-imports --no-logo

check: lint .venv-sam/.sam node_modules/.npm ## lint, and: the SAM template, the browser client's types and tests
	@$(SAM) validate --lint --region us-east-1
	@.venv-sam/bin/cfn-lint --regions ALL_REGIONS -- template.yaml
	@.venv-sam/bin/cfn-lint --regions us-east-1 -- budget.yaml site.yaml
	@npm run --silent check
	@npm test --silent

bench: .venv/.dev .venv-bench/.bench build ## Run the benchmarks (ARGS="--help" lists them)
	@exec $(BIN)/python -m bench $(ARGS)

soak: .venv/.dev ## Load the local engine for MINUTES=30: do its memory and open files stay the same?
	@exec $(BIN)/python -m bench.soak --minutes $(MINUTES) $(ARGS)

build: .venv/.run .venv-sam/.sam ## Build the deployment, into .aws-sam/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(SAM) build

invoke: .venv/.run ## Run one function with one event beside a running `make run` (FUNCTION=..., EVENT=events/...)
	@exec $(BIN)/python -m local invoke $(FUNCTION) -e $(EVENT) --env-vars $(ENV_VARS) $(ARGS)

deploy: build ## Deploy to your AWS account (ENV=default, staging, prod or websocket; ARGS=--guided asks)
	@exec $(BIN)/python -m deployment deploy $(ENV) $(ARGS)

# TOKEN and ROOM reach it by the environment: a command line is seen by all users of the machine.
smoke: .venv/.run ## Check a deployed chat as its users would (URL=wss://..., TOKEN=... with AuthMode jwt)
	@$(if $(URL),,echo "make smoke needs the stack's output WebSocketUrl: make smoke URL=wss://..." >&2; exit 2;) \
	exec $(BIN)/python -m smoke $(URL) $(ARGS)

logs: .venv/.run .venv-sam/.sam ## Follow the deployed functions' logs (ENV=...)
	@exec $(BIN)/python -m deployment logs $(ENV) $(ARGS)

destroy: .venv/.run .venv-sam/.sam ## Delete the deployed stack and its messages (ENV=...)
	@exec $(BIN)/python -m deployment destroy $(ENV) $(ARGS)

budget: .venv-sam/.sam ## Let AWS write to EMAIL when the account's costs of a month reach USD (EMAIL=... USD=...)
	@[ -n "$(USD)" ] && [ -n "$(EMAIL)" ] || { echo "Both are needed: make budget USD=50 EMAIL=you@example.com" >&2; exit 1; }
	@$(SAM) deploy --config-env budget --parameter-overrides "BudgetUsd=$(USD)" "AlarmEmail=$(EMAIL)"

pictures: .venv/.dev ## Draw the README's pictures of the page again (needs Chromium)
	@exec $(BIN)/python -m tests.e2e.pictures

clean: ## Delete everything built or installed in this folder
	@rm -rf .venv .venv-bench .venv-sam node_modules .aws-sam .import_linter_cache .mypy_cache .pytest_cache .ruff_cache bench/results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installation: once, and whenever the requirements change

define NEEDS_PYTHON
$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || \
{ echo "Roomcast needs Python 3.13, the version on Lambda. Install it, or name its path: make PYTHON=/path/to/python3.13 ..." >&2; exit 1; }
endef

.venv/.run: layer/requirements.txt local/requirements.txt constraints.txt
	@$(NEEDS_PYTHON)
	@echo "Installing into .venv, once ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet -r local/requirements.txt -c constraints.txt
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt
	@echo "Installing the test tools into .venv, once ..."
	@$(BIN)/pip install --quiet -r requirements-dev.txt -c constraints.txt
	@touch $@

# A venv of its own: aiobotocore needs another botocore than the deployed one.
.venv-bench/.bench: bench/requirements.txt
	@$(NEEDS_PYTHON)
	@echo "Installing the benchmarks' peers into .venv-bench, once ..."
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet -r bench/requirements.txt
	@touch $@

.venv-sam/.sam: requirements-sam.txt
	@$(NEEDS_PYTHON)
	@echo "Installing AWS SAM CLI into .venv-sam, once ..."
	@$(PYTHON) -m venv .venv-sam
	@.venv-sam/bin/pip install --quiet -r requirements-sam.txt
	@touch $@

node_modules/.npm: package.json package-lock.json
	@command -v npm >/dev/null || { echo "make check needs Node.js 20 or newer, for the browser client's types and tests." >&2; exit 1; }
	@npm ci --silent --no-audit --no-fund
	@touch $@
