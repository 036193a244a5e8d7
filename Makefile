# Everything from a bare machine: Python 3.11 or newer with venv, make and git. The second time takes no time.

PYTHON_IN = .venv/bin/python
INSTALL = $(PYTHON_IN) -m pip install --quiet --disable-pip-version-check --require-virtualenv
HTMX = node_modules/htmx.org/dist/htmx.min.js
CATALOGUES = .venv/catalogues-compiled

.PHONY: help run test faults soak mutations lint bench screenshots

help:
	@echo "make run          start the site with demo data on http://localhost:8000/ (PORT=8100 VAR_DIR=/tmp/x: another one)"
	@echo "make test         all tests: on SQLite with a real browser, then again on PostgreSQL (ARGS=... goes to pytest)"
	@echo "make faults       kill, freeze and cut whatever there is, at full size, and print what became of it (half an hour)"
	@echo "make soak         an hour of it, after which nothing may be held that was not before (SOAK_SECONDS=...)"
	@echo "make mutations    break each promise in a copy of the code, and see the tests go red (ARGS=... chooses by words)"
	@echo "make lint         ruff, mypy, djade, the direction of imports, and known vulnerabilities"
	@echo "make bench        measure beside the rivals, and write docs/benchmarks.md (ARGS=\"broadcast idle\" chooses)"
	@echo "make screenshots  take the README's pictures from a running site"

run: .venv/run-installed $(HTMX) $(CATALOGUES)
	@DEBUG=$${DEBUG:-1} exec $(PYTHON_IN) manage.py up

test: .venv/dev-installed $(HTMX) $(CATALOGUES)
	@$(PYTHON_IN) .ci/test.py $(ARGS)

faults: .venv/dev-installed $(HTMX) $(CATALOGUES)
	@$(PYTHON_IN) .ci/faults.py $(ARGS)

soak: .venv/dev-installed $(HTMX) $(CATALOGUES)
	@SOAK_SECONDS=$${SOAK_SECONDS:-3600} $(PYTHON_IN) .ci/faults.py notifications/tests/faults/test_soak.py

mutations: .venv/dev-installed $(HTMX) $(CATALOGUES)
	@$(PYTHON_IN) .ci/mutations.py $(ARGS)

lint: .venv/dev-installed
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@git ls-files -z 'templates/*.html' | xargs -0 .venv/bin/djade --check --target-version 5.2
	@$(PYTHON_IN) -m pytest --quiet --no-header -p no:cacheprovider notifications/tests/test_architecture.py
	@$(PYTHON_IN) .ci/audit.py

bench: .venv/dev-installed $(HTMX) $(CATALOGUES)
	@$(PYTHON_IN) -m benchmarks $(ARGS)

screenshots: .venv/dev-installed $(HTMX) $(CATALOGUES)
	@$(PYTHON_IN) docs/screenshots.py

.venv/made:
	@sh .ci/venv && touch $@

.venv/run-installed: .venv/made requirements.txt
	@echo "Installing Belfry's requirements into .venv (once) ..."
	@$(INSTALL) -r requirements.txt && touch $@

.venv/dev-installed: .venv/made requirements.txt requirements-dev.txt
	@echo "Installing the requirements and the test tools into .venv (once) ..."
	@$(INSTALL) -r requirements-dev.txt && touch $@ .venv/run-installed

$(HTMX): package-lock.json | .venv/made
	@sh .ci/htmx && touch $@

$(CATALOGUES): $(wildcard locale/*/LC_MESSAGES/*.po) | .venv/run-installed
	@DEBUG=1 $(PYTHON_IN) manage.py compile_catalogues --verbosity 0 && touch $@
