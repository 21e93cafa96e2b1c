# make run     installs what is missing, builds, starts the daemon with a demo
# make test    installs what is missing, runs every test
# make check   what .ci/run asks beside the tests: form, lint, races, fuzzing
# make bench   the numbers of the README, in one run, as a table
# make players browsers play HLS, DASH and WebRTC, on a machine with little else to do
# make soak    ten minutes of passing through, every byte compared
# make install / uninstall   into PREFIX (/usr/local), below DESTDIR; PURGE=1 removes data too

PREFIX  = /usr/local
DESTDIR =
BIN     = bin/headend
TESTS   = ./...
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: build run test check lint race fuzz bench players soak install uninstall test-systemd clean

build:
	@.ci/packages build
	CGO_ENABLED=1 go build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/headend

run:
	@.ci/packages build run
	@$(MAKE) --no-print-directory build
	./$(BIN) serve --demo --data ./data

test:
	@.ci/packages build run test
	go test -exec "$(CURDIR)/.ci/as-root" -shuffle=on -timeout 10m $(TESTS)

lint:
	@.ci/packages build
	@unformatted=$$(gofmt -l */); test -z "$$unformatted" || { echo "not formatted, run gofmt -w:" $$unformatted; exit 1; }
	go mod tidy -diff
	go vet $(TESTS)
	.ci/lint

race:
	@.ci/packages build run test
	go test -race -exec "$(CURDIR)/.ci/as-root" -shuffle=on -timeout 15m $$(go list $(TESTS) | grep -v /e2e$$)

fuzz:
	@.ci/packages build
	.ci/fuzz

check: lint race fuzz

bench:
	@.ci/packages build run test bench
	go build -o bin/bench ./cmd/bench
	.ci/as-root bin/bench

test-systemd: build
	@.ci/packages build test
	.ci/test-systemd

# Browsers judge: a machine that is short of time fails them.
players:
	@.ci/packages build run test
	HEADEND_PLAYERS=1 go test -exec "$(CURDIR)/.ci/as-root" -count=1 -p 1 -timeout 30m -run 'TestBrowser|TestChromium' ./headend/serve/...

# Ten minutes of passing through, with every byte compared.
soak:
	@.ci/packages build run test
	HEADEND_SOAK=10m go test -exec "$(CURDIR)/.ci/as-root" -count=1 -timeout 30m -v -run TestPassThrough ./cmd/headend/e2e

unitdir     = $(PREFIX)/lib/systemd/system
sysusersdir = $(PREFIX)/lib/sysusers.d
sysctldir   = $(PREFIX)/lib/sysctl.d
rulesdir    = $(PREFIX)/lib/udev/rules.d

$(BIN):
	@$(MAKE) --no-print-directory build

# Below DESTDIR files are only put in place; on this machine they also take effect.
install: $(BIN)
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/headend
	install -d $(DESTDIR)$(unitdir)
	sed 's|/usr/local/|$(PREFIX)/|' systemd/headend.service >$(DESTDIR)$(unitdir)/headend.service
	install -D -m 644 systemd/headend.sysusers $(DESTDIR)$(sysusersdir)/headend.conf
	install -D -m 644 systemd/headend.sysctl $(DESTDIR)$(sysctldir)/50-headend.conf
	install -D -m 644 udev/60-headend.rules $(DESTDIR)$(rulesdir)/60-headend.rules
	test -n "$(DESTDIR)" || .ci/activate $(sysusersdir)/headend.conf $(sysctldir)/50-headend.conf

# The data stays unless PURGE=1 asks for its removal; the user owns it, so it stays
# as long.
uninstall:
	test -n "$(DESTDIR)" || test ! -d /run/systemd/system || systemctl disable --now headend.service
	rm -f $(DESTDIR)$(PREFIX)/bin/headend $(DESTDIR)$(unitdir)/headend.service \
		$(DESTDIR)$(sysusersdir)/headend.conf $(DESTDIR)$(sysctldir)/50-headend.conf \
		$(DESTDIR)$(rulesdir)/60-headend.rules
	test "$(PURGE)" != 1 || rm -rf $(DESTDIR)/var/lib/headend $(DESTDIR)/var/lib/private/headend
	test "$(PURGE)" != 1 || test -n "$(DESTDIR)" || userdel headend
	test -n "$(DESTDIR)" || test ! -d /run/systemd/system || systemctl daemon-reload

clean:
	rm -rf bin
