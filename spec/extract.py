#!/usr/bin/env python3
"""List, check and extract the records of a keepuntil/v1 archive. Standard library only.

usage: extract.py ARCHIVE             check the tree and list the records
       extract.py ARCHIVE NUMBER...   also write record-NUMBER.age, checked against its SHA-256
"""
import base64, hashlib, json, sys, tarfile


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes):
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root(hashes[:split]), root(hashes[split:]))


def entries(bundle):
    while bundle:
        end = 2 + int.from_bytes(bundle[:2], "big")
        yield bundle[2:end]
        bundle = bundle[end:]


def main(path, wanted):
    leaves, checkpoint, digests = [], "", {}
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            if member.name.startswith("tile/entries/"):
                leaves += entries(archive.extractfile(member).read())
            elif member.name == "checkpoint":
                checkpoint = archive.extractfile(member).read().decode()
            elif not member.name.startswith("records/"):
                digests[member.name] = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
    if not leaves or not checkpoint:
        sys.exit("the list of records or the seal is missing: the archive is damaged or cut short")
    origin, size, sealed = checkpoint.split("\n")[:3]
    tree = root([hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves])
    if int(size) != len(leaves) or base64.b64decode(sealed) != tree:
        sys.exit("the leaves do not make the sealed root: the archive is damaged")
    print("archive", origin, "- tree of", size, "leaves is whole; the seal's signatures are not checked here")
    for member in json.loads(leaves[0])["members"]:
        if digests.get(member["name"]) != member["sha256"]:
            sys.exit(member["name"] + " is damaged")
    for number in sorted(wanted):
        if not 0 < number < len(leaves):
            sys.exit(f"there is no record {number}: the records are 1 to {len(leaves) - 1}")
    for number, leaf in enumerate(leaves[1:], 1):
        record = json.loads(leaf)
        if not wanted:
            print(number, record["compartment"], record["size"], "bytes, keep", kept(record["retention"]))
        elif number in wanted:
            extract(path, number, record)


def kept(retention):
    terms = []
    for term in retention["terms"]:
        keep = term["keep"]
        if keep != "permanent":
            keep = "until " + keep["until"] if "until" in keep else "{period} after {event}".format(**keep["after"])
        terms.append(("at most " if term.get("bound") == "ceiling" else "") + keep)
    return ", ".join(terms)


def extract(path, number, record):
    digest, left, at = hashlib.sha256(), record["size"], record["offset"]
    with open(path, "rb") as archive, open(f"record-{number}.age", "wb") as out:
        while left:
            archive.seek(at)
            size = archive.read(512)[124:135]
            size = int(size, 8) if size.isdigit() else 0
            content = archive.read(size)
            if not 0 < size <= left or len(content) < size:
                sys.exit(f"record {number} is damaged: its segments do not add up")
            digest.update(content)
            out.write(content)
            left -= size
            at += 512 + -(-size // 512) * 512
    if digest.hexdigest() != record["sha256"]:
        sys.exit(f"record {number} is damaged: its SHA-256 is not the sealed one")
    print(f"record-{number}.age is what was sealed")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], {int(number) for number in sys.argv[2:]})
    except (tarfile.TarError, ValueError, KeyError, IndexError) as error:
        sys.exit(f"the archive is damaged: {error}")
