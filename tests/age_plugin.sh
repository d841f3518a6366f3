#!/usr/bin/env bash
# An age plugin as recipient and as identity. Not part of tests/all: the plugin must be compiled first, by
#   cargo install age-plugin --example age-plugin-unencrypted
# usage: age_plugin.sh [AGE-PLUGIN-UNENCRYPTED]      else it is taken from PATH
set -euo pipefail
if [ $# -gt 0 ]; then PATH=$(dirname "$(realpath "$1")"):$PATH; fi
export PATH
cd "$(dirname "$0")/.."
command -v age-plugin-unencrypted >/dev/null || { echo "age_plugin.sh: there is no age-plugin-unencrypted" >&2; exit 1; }
cargo test --locked --test newer_age -- --ignored plugin
