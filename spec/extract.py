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
    leaves, checkpoint, manifest = [], None, None
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            if member.name.startswith("tile/entries/"):
                leaves += entries(archive.extractfile(member).read())
            elif member.name == "checkpoint":
                checkpoint = archive.extractfile(member).read().decode()
            elif member.name == "archive.json":
                manifest = archive.extractfile(member).read()
    origin, size, sealed = checkpoint.split("\n")[:3]
    tree = root([hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves])
    if int(size) != len(leaves) or base64.b64decode(sealed) != tree:
        sys.exit("the leaves do not make the sealed root: the archive is damaged")
    print("archive", origin, "- tree of", size, "leaves is whole; the seal's signatures are not checked here")
    bound = {member["name"]: member["sha256"] for member in json.loads(leaves[0])["members"]}
    if hashlib.sha256(manifest).hexdigest() != bound["archive.json"]:
        sys.exit("archive.json is damaged")
    for number, leaf in enumerate(leaves[1:], 1):
        record = json.loads(leaf)
        if not wanted:
            print(number, record["compartment"], record["size"], "bytes, keep until", record["retention"]["until"])
        elif number in wanted:
            extract(path, number, record)


def extract(path, number, record):
    digest, left, at = hashlib.sha256(), record["size"], record["offset"]
    with open(path, "rb") as archive, open(f"record-{number}.age", "wb") as out:
        while left:
            archive.seek(at)
            size = int(archive.read(512)[124:135], 8)
            content = archive.read(size)
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
    main(sys.argv[1], {int(number) for number in sys.argv[2:]})
