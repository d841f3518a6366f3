// What other implementations of age and ML-DSA make of our files: npm's age-encryption, cctv-age and noble.
// usage: age.mjs NODE_MODULES COMMAND ARGUMENT...
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";

const [modules, command, ...args] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(modules, path)));
const age = await load("age-encryption/dist/index.js");

const encrypt = async (setUp, from, to) => {
  const encrypter = new age.Encrypter();
  setUp(encrypter);
  writeFileSync(to, await encrypter.encrypt(new Uint8Array(readFileSync(from))));
};
const decrypt = async (setUp, from) => {
  const decrypter = new age.Decrypter();
  setUp(decrypter);
  return Buffer.from(await decrypter.decrypt(new Uint8Array(readFileSync(from)))).toString("hex");
};
const secrets = (file) => readFileSync(file, "utf8").split("\n").filter((line) => line.startsWith("AGE-SECRET-KEY-"));

const number = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const short = (text) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);

const commands = {
  // Makes an identity; prints it and its recipient.
  async keygen(kind) {
    const identity = await (kind === "pq" ? age.generateHybridIdentity() : age.generateX25519Identity());
    return `${identity}\n${await age.identityToRecipient(identity)}`;
  },
  // Prints the recipients of the identities in a file.
  async recipients(file) {
    return (await Promise.all(secrets(file).map((secret) => age.identityToRecipient(secret)))).join("\n");
  },
  encrypt: (recipient, from, to) => encrypt((e) => e.addRecipient(recipient), from, to),
  lock: (passphrase, from, to) => encrypt((e) => (e.setScryptWorkFactor(10), e.setPassphrase(passphrase)), from, to),
  // Prints a plaintext in hex.
  decrypt: (identities, from) => decrypt((d) => secrets(identities).forEach((s) => d.addIdentity(s)), from),
  unlock: (passphrase, from) => decrypt((d) => d.addPassphrase(passphrase), from),
  // Prints the CCTV vectors: one JSON object a line.
  async vectors() {
    const vectors = await load("cctv-age/index.js");
    return Object.entries(vectors.default ?? vectors).map(([name, vector]) => {
      const bytes = Buffer.from(vector);
      const split = bytes.indexOf("\n\n");
      const head = bytes.subarray(0, split).toString().split("\n").map((line) => line.split(": "));
      const all = (key) => head.filter((entry) => entry[0] === key).map((entry) => entry[1]);
      const file = bytes.subarray(split + 2);
      return JSON.stringify({
        name,
        expect: all("expect")[0],
        payload: all("payload")[0] ?? "",
        identities: all("identity"),
        passphrases: all("passphrase"),
        armored: all("armored").length > 0,
        file: (all("compressed")[0] === "zlib" ? inflateSync(file) : file).toString("base64"),
      });
    }).join("\n");
  },
  // Verifies a checkpoint's second signature, as C2SP tlog-cosignature defines it, by a vkey.
  async mldsa(checkpoint, vkey) {
    const { ml_dsa44 } = await load("@noble/post-quantum/ml-dsa.js");
    const name = vkey.split("+")[0];
    const [text, signatures] = readFileSync(checkpoint, "utf8").split("\n\n");
    const [origin, size, root] = text.split("\n");
    const blob = Buffer.from(signatures.split("\n")[1].split(" ")[2], "base64");
    const message = Buffer.concat([
      Buffer.from("subtree/v1\n\0"), short(name), blob.subarray(4, 12),
      short(origin), number(0), number(size), Buffer.from(root, "base64"),
    ]);
    const publicKey = Buffer.from(vkey.split("+").slice(2).join("+"), "base64").subarray(1);
    const right = ml_dsa44.verify(blob.subarray(12), message, publicKey);
    message[message.length - 1] ^= 1;
    const wrong = ml_dsa44.verify(blob.subarray(12), message, publicKey);
    return right && !wrong ? "verified" : "NOT VERIFIED";
  },
};
const printed = await commands[command](...args);
if (printed !== undefined) process.stdout.write(printed);
