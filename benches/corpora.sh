#!/bin/bash
# Builds the four benchmark corpora from Debian and PyPI packages.
#
#   usage: corpora.sh DEST
#
#   DEST/many-small   source trees and HTML reference manuals, no file above 256 KiB
#   DEST/office       PDFs, TeX manuals, images, office documents of some thirty formats
#   DEST/big          six big files: a tar of source code, three compressed archives, a program, PCM audio
#   DEST/ledger       CSV, JSON, XML and text tables
#
# environment:
#   KEEP=1       keep the downloads and the unpacked packages (DEST/dl, DEST/x); they are deleted at the end otherwise
#   MIRROR=URI   Debian mirror for the LibreOffice source; by default the one apt uses for the main component
#
# Needs Debian 12 (bookworm) with apt, dpkg-deb, tar, xz, unzip, python3 and pip; some 14 GB while building, 7.5 GB
# kept; root is not needed.  May be stopped and started again at any moment: a download, an unpacked package or a
# corpus gets its name only once it is whole, and what has its name is not made again.
#
# Packages are asked for by name, so a later run may fetch a newer build.  DEST/VERSIONS.txt says what was fetched
# (sha256 and file name, which holds the version); DEST/MANIFEST-<corpus>.sha256 pins the content.
set -euo pipefail
export LC_ALL=C
umask 022
DEST=$(realpath -m "${1:?usage: corpora.sh DEST}")
mkdir -p "$DEST"
cd "$DEST"

CORPORA="many-small office big ledger"
DEBS="linux-source-6.1 gcc-12-source openjdk-17-source openjdk-17-doc qtbase5-doc-html rust-src
  texlive-latex-extra-doc texlive-publishers-doc gnome-backgrounds mate-backgrounds plasma-workspace-wallpapers
  openclipart-libreoffice libreoffice-common debian-handbook fluid-soundfont-gm chromium
  unicode-data unicode-cldr-core iso-codes tzdata ieee-data ncbi-data wordnet-base"
WHEELS="statsmodels==0.14.4 vega_datasets==0.9.0 scikit_learn==1.5.2"

# Names (for find -iregex) of office documents.
DOCS='.*\.\(docx\?\|docm\|dotx\|odt\|ott\|odm\|fodt\|rtf\|xlsx\?\|xlsm\|xlsb\|ods\|ots\|fods\|pptx\?\|pptm\|potx\|odp'
DOCS+='\|otp\|fodp\|odg\|otg\|odf\|odb\|pdf\|vsdx\?\|wpd\|wps\|pub\|lwp\|123\|hwp\)'

say() { echo "corpora: $*" >&2; }

# one GLOB...: true if the patterns, already expanded by the caller, name a file that exists
one() { [ -e "$1" ]; }

# into DIR COMMAND...: runs COMMAND in a new folder which is named DIR once the command has succeeded.
# The status is tested by hand: bash switches `set -e` off inside && and || lists and conditions.
into() {
  local dir=$1 top=$PWD rc=0
  shift
  [ ! -d "$dir" ] || return 0
  say "$dir"
  rm -rf "$dir.part"
  mkdir -p "$dir.part"
  set +e
  (set -e; cd "$dir.part"; "$@")
  rc=$?
  set -e
  cd "$top"
  [ $rc -eq 0 ] || { say "$dir failed"; exit $rc; }
  mv "$dir.part" "$dir"
}

# ---- fetch ----------------------------------------------------------------------------------------------------------
# Everything is downloaded to dl/part and moved to dl when whole.
APT=(apt-get -q -o "APT::Sandbox::User=$(id -un)")

fetch_debs() {
  local p
  for p in $DEBS; do
    one dl/"$p"_*.deb && continue
    say "downloading $p"
    (cd dl/part && "${APT[@]}" download "$p")
    mv dl/part/"$p"_*.deb dl/
  done
}

# The source of LibreOffice holds some 6000 real test documents.  A private apt root with a deb-src line gets it, so
# that apt's own lists are left alone; the signatures are checked with Debian's keyring as ever.
fetch_libreoffice() {
  local root=$DEST/dl/apt mirror=${MIRROR:-} f
  one dl/libreoffice_*.orig-translations.tar.xz && one dl/libreoffice_*.orig.tar.xz && return
  if [ -z "$mirror" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' |
      sed -n '1p')
  fi
  case $mirror in
    *://*) ;;
    *) say "no Debian mirror found; set MIRROR"; exit 1 ;;
  esac
  mkdir -p "$root"/state/lists/partial "$root"/cache/archives/partial
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" > "$root/list"
  {
    echo "Dir::Etc::sourcelist \"$root/list\";"
    echo 'Dir::Etc::sourceparts "-";'
    echo "Dir::State \"$root/state\";"
    echo 'Dir::State::status "/var/lib/dpkg/status";'
    echo "Dir::Cache \"$root/cache\";"
  } > "$root/conf"
  say "downloading the source of libreoffice"
  (
    cd dl/part
    export APT_CONFIG=$root/conf
    "${APT[@]}" update
    "${APT[@]}" source --download-only --tar-only libreoffice
  )
  for f in dl/part/libreoffice_*.tar.xz; do mv "$f" dl/; done
}

fetch_wheels() {
  local w
  for w in $WHEELS; do
    one dl/"${w%%=*}"-*.whl && continue
    say "downloading $w"
    python3 -m pip -q download --no-deps --only-binary :all: --python-version 311 \
      --platform manylinux2014_x86_64 --platform any -d dl/part "$w"
    mv dl/part/"${w%%=*}"-*.whl dl/
  done
}

fetch() {
  rm -rf dl/part
  mkdir -p dl/part
  fetch_debs
  fetch_libreoffice
  fetch_wheels
  (cd dl && sha256sum -- *.deb *.orig*.tar.xz *.whl) > VERSIONS.txt.part
  mv VERSIONS.txt.part VERSIONS.txt
}

# ---- unpack: x/NAME is one package, or one source tree from inside a package -----------------------------------------
unpack() {
  local p
  for p in $DEBS; do into "x/$p" dpkg-deb -x "$DEST"/dl/"$p"_*.deb .; done
  into x/linux tar -xf "$DEST/x/linux-source-6.1/usr/src/linux-source-6.1.tar.xz"
  into x/gcc tar -xf "$DEST"/x/gcc-12-source/usr/src/gcc-12/gcc-12.*.tar.xz
  into x/jdk unzip -q "$DEST/x/openjdk-17-source/usr/lib/jvm/openjdk-17/lib/src.zip"
  into x/lo tar -xf "$DEST"/dl/libreoffice_*.orig.tar.xz
  for p in $WHEELS; do into "x/${p%%=*}" unzip -q "$DEST"/dl/"${p%%=*}"-*.whl; done
}

# ---- corpora --------------------------------------------------------------------------------------------------------
# pick SRC DST [find tests...]: copies the regular files and symlinks of x/SRC which pass the tests, with their tree,
# modes and times
pick() {
  local src=$DEST/x/$1 dst=$2
  shift 2
  mkdir -p "$dst"
  (cd "$src" && find . \( -type f -o -type l \) "$@" -print0 | sort -z | tar -c --null -T - -f -) | tar -xp -C "$dst" -f -
}

# No gcc test suite (files of half a KiB), no office documents, no icons.
many_small() {
  pick linux             linux    -size -257k
  pick gcc               gcc      -size -257k ! -path '*/testsuite/*'
  pick jdk               jdk      -size -257k
  pick lo                lo       -size -257k ! -path '*/icon-themes/*' ! -iregex "$DOCS"
  pick openjdk-17-doc    jdk-doc  -size -257k
  pick qtbase5-doc-html  qt-doc   -size -257k
  pick rust-src          rust     -size -257k
}

office() {
  local p
  for p in texlive-latex-extra-doc texlive-publishers-doc gnome-backgrounds mate-backgrounds \
    plasma-workspace-wallpapers openclipart-libreoffice libreoffice-common debian-handbook; do
    pick "$p" "$p"
  done
  pick lo lo-testdocs -iregex "$DOCS"
}

big() {
  xz -dc "$DEST/x/linux-source-6.1/usr/src/linux-source-6.1.tar.xz" > linux-source.tar          # text, compressible
  touch -d 2024-01-01T00:00:00Z linux-source.tar
  cp -p "$DEST"/dl/libreoffice_*.orig.tar.xz libreoffice.orig.tar.xz                            # incompressible
  cp -p "$DEST"/dl/libreoffice_*.orig-translations.tar.xz libreoffice-translations.tar.xz       # incompressible
  cp -p "$DEST"/dl/texlive-latex-extra-doc_*.deb texlive-doc.deb                                # incompressible
  cp -p "$DEST/x/chromium/usr/lib/chromium/chromium" chromium.bin                               # program
  cp -p "$DEST/x/fluid-soundfont-gm/usr/share/sounds/sf2/FluidR3_GM.sf2" FluidR3_GM.sf2         # PCM audio
}

ledger() {
  local p
  for p in unicode-data unicode-cldr-core iso-codes tzdata ieee-data ncbi-data wordnet-base; do
    pick "$p" "$p" ! -path '*/share/locale/*' ! -name '*.gz' ! -name '*.zip'
  done
  for p in $WHEELS; do
    p=${p%%=*}
    pick "$p" "$p" \( -name '*.csv' -o -name '*.json' -o -name '*.dat' -o -name '*.tsv' -o -name '*.txt' \)
  done
  pick lo lo-csv \( -name '*.csv' -o -name '*.tsv' \)
}

# ---- describe -------------------------------------------------------------------------------------------------------
manifest() {
  local c
  for c in $CORPORA; do
    [ -s "MANIFEST-$c.sha256" ] && continue
    (cd "$c" && find . -type f -print0 | sort -z | xargs -0 sha256sum) > MANIFEST.part
    mv MANIFEST.part "MANIFEST-$c.sha256"
  done
  sha256sum MANIFEST-*.sha256
}

describe() {
  # shellcheck disable=SC2086
  python3 - $CORPORA <<'PY'
import os, sys

for root in sys.argv[1:]:
    sizes, links, dirs = [], 0, 0
    for base, _, names in os.walk(root):
        dirs += 1
        for name in names:
            path = os.path.join(base, name)
            if os.path.islink(path):
                links += 1
            else:
                sizes.append(os.lstat(path).st_size)
    sizes.sort()
    n = len(sizes)
    print(f"{root}: files {n} links {links} dirs {dirs} MB {sum(sizes) / 1e6:.1f} median {sizes[n // 2]} "
          f"mean {sum(sizes) // n} p10 {sizes[n // 10]} p90 {sizes[n * 9 // 10]} max {sizes[-1]}")
PY
}

complete() {
  local c
  for c in $CORPORA; do [ -d "$c" ] || return 1; done
}

if ! complete; then
  fetch
  unpack
  into many-small many_small
  into office office
  into big big
  into ledger ledger
fi
manifest
describe
[ "${KEEP:-}" = 1 ] || rm -rf dl x
