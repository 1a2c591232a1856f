# Two commands matter: `make run` and `make test`. Everything they need comes from PyPI.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.requirements-installed
PEER_STAMP := .venv-bench/.requirements-installed
# The settings in the test profile, pointing at no server: for checks that talk to nobody.
STATIC := $(BIN)/python -m revctx.devstack env

.PHONY: run test test-kafka demo bench check format verify-long clean

run: $(STAMP)
	@$(BIN)/python -m revctx.devstack run

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile -m "not long"

# Against a real broker: KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 make test-kafka
test-kafka: $(STAMP)
	@test -n "$$KAFKA_BOOTSTRAP_SERVERS" || { echo "set KAFKA_BOOTSTRAP_SERVERS to a real broker"; exit 2; }
	$(BIN)/pytest -m "kafka and not long"

demo: $(STAMP)
	@$(BIN)/python manage.py demo

# Some of them: make bench ONLY=audit,erasure.cost. At KAFKA_BOOTSTRAP_SERVERS with a real broker.
bench: $(STAMP) $(PEER_STAMP)
	@$(BIN)/python -m benchmarks $(ONLY) $(BENCH_OPTIONS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(STATIC) $(BIN)/mypy .
	$(STATIC) $(BIN)/lint-imports
	$(STATIC) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(STATIC) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

verify-long: $(STAMP) $(PEER_STAMP)
	$(BIN)/pytest -m long --timeout 1800

# The local stack's data; `.venv` stays.
clean: $(STAMP)
	@$(BIN)/python -m revctx.devstack clean

$(STAMP): requirements.txt requirements-local.txt requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the requirements."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# What the benchmarks are measured beside; the product needs none of it.
$(PEER_STAMP): benchmarks/requirements.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@
