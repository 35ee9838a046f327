# The only entry to set-up, demo and tests. Each target is a script under tests/run, so that it runs without make as well.
# They write to .venv/, .cache/ and tests/demo_app/target (Maven). For hosts that run now, they also write a hosts.yml to inventories/demo,
# molecule/*/inventory or tests/newest/inventory. `make clean` removes all of that. Debian packages stay, and xitrum-check/ of check.yml.

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down quick test test-all lint types unit sanity molecule newest docs bench soak clean

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

setup: ## Python packages in .venv, and this clone findable as the collection xitrum.host
	@tests/run/setup

demo: ## three hosts in Docker with a demonstration application behind a proxy
	@tests/run/demo

demo-down: ## remove the demo's hosts and inventory
	@tests/run/demo-down

quick: ## within a minute: style, types, and the unit tests of what changed
	@tests/run/quick

test: ## what CI runs
	@tests/run/test

test-all: ## what CI runs, long tests, more generated inputs, and Debian 11 and 13 as well
	@tests/run/test-all

lint: ## types, spelling, style of YAML, Python and shell, documentation of modules and roles
	@tests/run/lint

types: ## types of plugins/, by mypy
	@tests/run/types

unit: ## unit tests: no host, no network
	@tests/run/unit

sanity: ## ansible-test sanity
	@tests/run/sanity

molecule: ## the roles against test hosts; SCENARIO=NAME for one of them
	@tests/run/molecule $(SCENARIO)

newest: ## site, check and the unit tests on the newest ansible-core, in a container of Debian 13
	@tests/run/newest

docs: ## the documentation as a site with a search, in .cache/docs/html
	@tests/run/docs

bench: ## how long the collection takes, compared with the baseline
	@tests/run/bench

soak: ## random faults and releases under load for SOAK_MINUTES (30); SOAK_SEED for the same ones again
	@tests/run/soak

clean: ## remove hosts with their inventories, images, .venv, .cache and built files; Debian packages stay
	@tests/run/clean
