#!/usr/bin/env python3
"""Validate folders as BagIt bags, twice: with the package bagit, and with a reader of RFC 8493 of our own.

usage: bags.py BAG...

The package does not decode %25 in manifests as section 2.1.3 of the RFC demands (nobody's validator did when this was
written), so where a name holds a percent sign it is given that decoding. All else in it is left as it is; it also takes white
space off the ends of names and takes U+0085 and U+2028 for line ends: no bag given here may have such names.
"""
import hashlib, logging, os, re, sys
import bagit

ENCODED = {"%0a": "\n", "%0d": "\r", "%25": "%"}


def decode(path):
    return re.sub("%0A|%0D|%25", lambda match: ENCODED[match[0].lower()], path, flags=re.IGNORECASE)


def manifest(bag, name):
    with open(os.path.join(bag, name), encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    assert lines.pop() == "", f"{name} does not end its last line"
    entries = [line.split("  ", 1) for line in lines]
    listed = {decode(path): digest for digest, path in entries}
    assert len(listed) == len(entries), f"{name} lists a file twice"
    for path, digest in listed.items():
        assert not os.path.isabs(path) and ".." not in path.split("/"), path
        with open(os.path.join(bag, path), "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == digest, f"{path} does not agree with {name}"
    return set(listed)


def check(bag):
    """What RFC 8493 demands of a bag of version 1.0."""
    with open(os.path.join(bag, "bagit.txt"), "rb") as file:
        assert file.read() == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    payload, tags = set(), set()
    for folder, _, files in os.walk(bag):
        for file in files:
            path = os.path.relpath(os.path.join(folder, file), bag)
            (payload if path.startswith("data/") else tags).add(path)
            real = os.path.realpath(os.path.join(bag, path))
            assert real.startswith(os.path.realpath(bag) + "/"), f"{path} leads out of the bag"
    assert os.path.isdir(os.path.join(bag, "data"))
    assert manifest(bag, "manifest-sha256.txt") == payload, "the manifest lists other files than there are"
    listed = manifest(bag, "tagmanifest-sha256.txt")
    # What restore adds is in no manifest, which is as it was sealed; section 2.2.1 of the RFC allows that.
    added = {"tagmanifest-sha256.txt", "evidence.json", "disclosure-notice.txt"}
    assert listed == tags - added, "the tag manifest lists other files than there are"
    with open(os.path.join(bag, "bag-info.txt"), encoding="utf-8") as file:
        info = dict(line.rstrip("\n").split(": ", 1) for line in file)
    octets = sum(os.path.getsize(os.path.join(bag, path)) for path in payload)
    assert info["Payload-Oxum"] == f"{octets}.{len(payload)}", info


def main(bags):
    logging.disable(logging.CRITICAL)
    as_published = bagit._decode_filename
    for bag in bags:
        check(bag)
        with open(os.path.join(bag, "manifest-sha256.txt"), encoding="utf-8") as file:
            bagit._decode_filename = decode if "%25" in file.read() else as_published
        bagit.Bag(bag).validate()
    print(len(bags), "bags are valid")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
