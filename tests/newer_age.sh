#!/usr/bin/env bash
# Files and identities both ways with age 1.3 or later, the reference implementation of post-quantum recipients.
# Not part of tests/all: few systems have that age yet.
# usage: newer_age.sh [AGE]      the program, with age-keygen and age-inspect beside it; else they are taken from PATH
set -euo pipefail
if [ $# -gt 0 ]; then PATH=$(dirname "$(realpath "$1")"):$PATH; fi
export PATH
cd "$(dirname "$0")/.."
for program in age age-keygen age-inspect; do
  command -v "$program" >/dev/null || { echo "newer_age.sh: there is no $program; name the program age of 1.3 or later" >&2; exit 1; }
done
age-keygen -pq >/dev/null 2>&1 || { echo "newer_age.sh: $(command -v age) knows no post-quantum keys" >&2; exit 1; }
echo "age $(age --version), $(command -v age)"
cargo test --locked --test newer_age -- --ignored age_
