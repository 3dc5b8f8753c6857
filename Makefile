# A thin front for CMake's presets. `make help` lists the targets.
PYTHON ?= $(HOME)/.cache/frugal/venv/bin/python

.PHONY: all test asan tsan coverage lint format fuzz bench bench-meter bench-packed bench-intervals parity kit install clean help

all: ## build/release/frugal
	@tools/build release

test: ## all tests, hermetic
	@tools/build release
	@ctest --preset release

asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build asan
	@ctest --preset asan

tsan: ## all tests under ThreadSanitizer (without OpenMP, which it does not understand)
	@tools/build tsan
	@ctest --preset tsan

coverage: ## tests with gcov; build/coverage/index.html (needs gcovr)
	@tools/build coverage
	@ctest --preset coverage
	@cd build/coverage && gcovr --root ../.. --filter '../../src/' --print-summary --html-details index.html

lint: ## clang-format, clang-tidy, cppcheck, layers of rooms, the kit against its generator
	@tools/lint

format: ## reformat every C file (clang-format 14)
	@clang-format -i $$(git ls-files '*.c' '*.h')

fuzz: ## each fuzz target for FUZZ_SECONDS (60); needs clang
	@tools/fuzz $(or $(FUZZ_SECONDS),60)

bench: ## speed and memory against PyTorch, llama.cpp and tokenizers, alternating in one run (needs tools/parity/venv.sh)
	@tools/build release bench_encoder_step bench_decoder_step bench_decoder_speed bench_tokenize bench_weights_open
	@build/release/bench_weights_open
	@$(PYTHON) bench/encoders.py
	@$(PYTHON) bench/decoders_train.py
	@$(PYTHON) bench/decoders.py
	@$(PYTHON) bench/tokenizers_speed.py

bench-meter: ## what metering costs, and frugal's figures beside codecarbon's and eco2AI's
	@tools/build release bench_meter_cost
	@build/release/bench_meter_cost build/release/frugal
	@python3 bench/trackers.py

bench-packed: ## products with packed weights, by type and rows, against oneDNN's float32 in one run
	@tools/build release bench_packed
	@build/release/bench_packed

bench-intervals: ## how often 95 % intervals hold the truth; FR_COVERAGE_TRIALS (500) samples a row
	@tools/build release test_stat_coverage
	@FR_COVERAGE_TRIALS=$(or $(FR_COVERAGE_TRIALS),500) build/release/test_stat_coverage

parity: ## live comparison with transformers and tokenizers (needs tools/parity/venv.sh)
	@tools/build release all parity_decoder
	@$(PYTHON) tools/parity/parity.py

kit: ## write the starter kit anew from its grammar
	@python3 tools/make-kit.py

install: all ## frugal, libfrugal-meter, its headers and man pages; below PREFIX (/usr/local), DESTDIR
	@cmake --install build/release --prefix "$(or $(PREFIX),/usr/local)"

clean: ## remove build/
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
