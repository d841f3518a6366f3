//! Time stamps of an authority that is made here with `openssl ts`, in this year and (by faketime) in others; and what
//! stamps and cosignatures do to a keyring whose clock stopped.

mod desk;
mod support;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use desk::{Desk, SEALED};
use keepuntil::journal::checkpoint;
use keepuntil::journal::cosign::WitnessKey;
use keepuntil::storage::timestamp::{TimestampError, verify};
use keepuntil::tlog::cosignature;
use std::path::{Path, PathBuf};
use std::process::Command;

const MESSAGE: &[u8] = b"keepuntil-clock/v1\n";

/// An authority: its root, a certificate for time stamps, and the folder they are in.
struct Authority {
    dir: tempfile::TempDir,
}

/// How the certificate of an authority is made.
struct Made<'a> {
    key: &'a [&'a str],
    usage: &'a str,
    date: &'a str,
    days: &'a str,
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const USAGE: &str = "extendedKeyUsage=critical,timeStamping";
const GOOD: Made<'_> = Made { key: P256, usage: USAGE, date: "2024-06-01 12:00:00", days: "3650" };

/// A run of openssl in `dir` on a day.
fn openssl(dir: &Path, date: &str, args: &[&str]) {
    let mut command = Command::new("faketime");
    command.env("TZ", "UTC").args(["-f", &format!("@{date}"), "openssl"]).args(args).current_dir(dir);
    let mut ran = command.output().expect("faketime and openssl are installed: see .ci/run");
    // What a killed run left behind can bear the name that this one wants: the next has another.
    while String::from_utf8_lossy(&ran.stderr).contains("sem_open: File exists") {
        ran = command.output().unwrap();
    }
    assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

impl Authority {
    fn make(made: &Made<'_>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |args: &[&str]| openssl(dir.path(), made.date, args);
        for key in ["ca.key", "tsa.key"] {
            at(&[&["genpkey", "-out", key], made.key].concat());
        }
        let config = format!(
            "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ca\n[dn]\nCN=Lantern test authority\n\
             [ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n\
             [leaf]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n{}\n\
             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n\
             [tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4\n\
             digests=sha1,sha256,sha384,sha512\nsigner_cert=tsa.pem\nsigner_key=tsa.key\naccuracy=secs:1\n",
            made.usage
        );
        std::fs::write(dir.path().join("conf"), config).unwrap();
        std::fs::write(dir.path().join("serial"), "01\n").unwrap();
        let days = ["-days", made.days];
        at(&["req", "-config", "conf", "-x509", "-new", "-key", "ca.key", "-out", "ca.pem", "-days", "9000"]);
        at(&["req", "-config", "conf", "-new", "-key", "tsa.key", "-subj", "/CN=stamps", "-out", "tsa.csr"]);
        let sign = ["x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2"];
        at(&[&sign[..], &["-extfile", "conf", "-extensions", "leaf", "-out", "tsa.pem"], &days].concat());
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn pem(&self, name: &str) -> Vec<String> {
        vec![std::fs::read_to_string(self.file(name)).unwrap()]
    }

    /// A stamp over [`MESSAGE`] on a day.
    fn stamp(&self, date: &str, query: &[&str], reply: &[&str]) -> Vec<u8> {
        self.stamp_of(MESSAGE, date, query, reply)
    }

    fn stamp_of(&self, message: &[u8], date: &str, query: &[&str], reply: &[&str]) -> Vec<u8> {
        std::fs::write(self.file("message"), message).unwrap();
        let ask = ["ts", "-query", "-data", "message", "-out", "query"];
        openssl(self.dir.path(), date, &[&ask[..], query].concat());
        let answer = ["ts", "-reply", "-config", "conf", "-section", "t", "-queryfile", "query", "-out", "stamp"];
        openssl(self.dir.path(), date, &[&answer[..], reply].concat());
        std::fs::read(self.file("stamp")).unwrap()
    }
}

const DAY: &str = "2025-03-04 05:06:07";

fn near(time: DateTime<Utc>, day: &str) {
    let day: DateTime<Utc> = format!("{}Z", day.replace(' ', "T")).parse().unwrap();
    assert!((time - day).num_seconds().abs() < 60, "{time} {day}");
}

#[test]
fn stamps_of_p256_and_rsa_authorities_give_their_time() {
    for key in [P256, RSA] {
        let authority = Authority::make(&Made { key, ..GOOD });
        for reply in [&[][..], &["-token_out"]] {
            let stamp = authority.stamp(DAY, &["-cert", "-sha256"], reply);
            // By its issuer, by its own certificate, and among others.
            let foreign = Authority::make(&GOOD);
            near(verify(MESSAGE, &stamp, &authority.pem("ca.pem")).unwrap(), DAY);
            near(verify(MESSAGE, &stamp, &authority.pem("tsa.pem")).unwrap(), DAY);
            near(verify(MESSAGE, &stamp, &[foreign.pem("ca.pem"), authority.pem("ca.pem")].concat()).unwrap(), DAY);
            assert!(matches!(verify(MESSAGE, &stamp, &foreign.pem("ca.pem")), Err(TimestampError::Untrusted(_))));
            assert!(matches!(verify(MESSAGE, &stamp, &[]), Err(TimestampError::NoAuthority)));
        }
        // Without its certificate in it, it is verified by the one that is pinned.
        let bare = authority.stamp(DAY, &["-sha512"], &[]);
        near(verify(MESSAGE, &bare, &authority.pem("tsa.pem")).unwrap(), DAY);
    }
}

#[test]
fn a_stamp_is_over_one_text() {
    let authority = Authority::make(&GOOD);
    let stamp = authority.stamp(DAY, &["-cert"], &[]);
    let error = verify(b"keepuntil-clock/v2\n", &stamp, &authority.pem("ca.pem")).unwrap_err();
    assert!(matches!(&error, TimestampError::Untrusted(why) if why.contains("imprint")), "{error}");
}

#[test]
fn a_certificate_for_something_else_stamps_nothing() {
    for (usage, good) in [
        (USAGE, true),
        ("extendedKeyUsage=timeStamping", false),
        ("extendedKeyUsage=critical,serverAuth", false),
        ("extendedKeyUsage=critical,timeStamping,serverAuth", false),
        ("", false),
    ] {
        // `openssl ts` does not stamp with such a certificate, so what a good one stamped is signed anew.
        let authority = Authority::make(&GOOD);
        authority.stamp(DAY, &["-sha256"], &["-token_out"]);
        let config = std::fs::read_to_string(authority.file("conf")).unwrap();
        std::fs::write(authority.file("conf"), config.replace(USAGE, usage)).unwrap();
        let sign = ["x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "3"];
        let to = ["-extfile", "conf", "-extensions", "leaf", "-out", "other.pem", "-days", "3650"];
        openssl(authority.dir.path(), GOOD.date, &[&sign[..], &to].concat());
        let der = ["-inform", "DER", "-in", "stamp", "-out", "info", "-certfile", "tsa.pem"];
        openssl(authority.dir.path(), DAY, &[&["cms", "-verify", "-noverify"][..], &der].concat());
        let kind = ["cms", "-sign", "-binary", "-nodetach", "-cades", "-econtent_type", "1.2.840.113549.1.9.16.1.4"];
        let with = ["-in", "info", "-signer", "other.pem", "-inkey", "tsa.key", "-outform", "DER", "-out", "other"];
        openssl(authority.dir.path(), DAY, &[&kind[..], &with].concat());
        let stamp = std::fs::read(authority.file("other")).unwrap();
        match verify(MESSAGE, &stamp, &authority.pem("ca.pem")) {
            Ok(time) => assert!(good, "{usage}: {time}"),
            Err(TimestampError::Untrusted(why)) => assert!(!good && why.contains("purpose"), "{usage}: {why}"),
            Err(e) => panic!("{usage}: {e}"),
        }
    }
}

#[test]
fn the_certificate_was_valid_on_the_day_of_the_stamp() {
    let authority = Authority::make(&Made { days: "30", ..GOOD });
    let pinned = authority.pem("ca.pem");
    // Long over today, but valid then.
    let then = authority.stamp("2024-06-20 00:00:00", &["-cert"], &[]);
    near(verify(MESSAGE, &then, &pinned).unwrap(), "2024-06-20 00:00:00");
    for day in ["2020-01-01 00:00:00", "2024-07-20 00:00:00"] {
        let stamp = authority.stamp(day, &["-cert"], &[]);
        assert!(matches!(verify(MESSAGE, &stamp, &pinned), Err(TimestampError::Untrusted(_))), "{day}");
    }
    // A certificate that is valid today does not vouch for a day before it was made.
    let valid_today = Authority::make(&GOOD);
    let early = valid_today.stamp("2020-01-01 00:00:00", &["-cert"], &[]);
    let refused = verify(MESSAGE, &early, &valid_today.pem("ca.pem"));
    assert!(matches!(&refused, Err(TimestampError::Untrusted(why)) if why.contains("not yet valid")), "{refused:?}");
}

#[test]
fn weak_hashes_and_bytes_that_are_no_stamp_are_refused() {
    let authority = Authority::make(&GOOD);
    let pinned = authority.pem("ca.pem");
    let weak = authority.stamp(DAY, &["-cert", "-sha1"], &[]);
    assert!(matches!(verify(MESSAGE, &weak, &pinned), Err(TimestampError::Malformed(what)) if what.contains("hash")));
    let stamp = authority.stamp(DAY, &["-cert"], &[]);
    let malformed = |bytes: &[u8]| matches!(verify(MESSAGE, bytes, &pinned), Err(TimestampError::Malformed(_)));
    assert!(malformed(b"") && malformed(b"\x30\x80\0\0") && malformed(&vec![0x30; 300 << 10]));
    for cut in [1, 10, stamp.len() / 2, stamp.len() - 1] {
        assert!(malformed(&stamp[..cut]), "{cut}");
    }
    assert!(malformed(&[&stamp[..], b"x"].concat()));
    // A query is DER as well, and so is an answer that says no.
    assert!(malformed(&std::fs::read(authority.file("query")).unwrap()));
    assert!(malformed(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]));
}

#[test]
fn no_changed_byte_gives_another_time() {
    let authority = Authority::make(&GOOD);
    let pinned = authority.pem("ca.pem");
    let stamp = authority.stamp(DAY, &["-cert"], &[]);
    let time = verify(MESSAGE, &stamp, &pinned).unwrap();
    for at in (0..stamp.len()).step_by(23) {
        let mut changed = stamp.clone();
        changed[at] ^= 1;
        // Bytes that nothing signs, such as the version of the outer structure, may change; the time may not.
        if let Ok(other) = verify(MESSAGE, &changed, &pinned) {
            assert_eq!(other, time, "{at}");
        }
    }
}

/// Shanghai's time on the desk, and the same moment for the authority.
const JUMPED: (&str, &str) = ("2037-03-01 10:00:00", "2037-03-01 02:00:00");

/// A keyring with records until the end of 2036 that pinned what `trust` says, and whose clock then spent a part of its
/// budget and jumped.
fn stopped(trust: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    desk.at(SEALED, &[&["clock", "trust"], trust].concat()).ends(0);
    desk.at("2026-12-12 10:00:00", &["status"]).ends(0);
    assert_eq!(clock(&desk, "2026-12-12 10:00:00")["budget_seconds"].as_i64().unwrap() / 86_400, 15);
    assert!(desk.at(JUMPED.0, &["purge", "--unattended"]).ends(16).err.contains("jumped"));
    desk
}

fn clock(desk: &Desk, time: &str) -> serde_json::Value {
    desk.at(time, &["clock", "show", "--json"]).json("clock").remove(0)
}

/// Nothing was taken: the clock stands, and nothing may be destroyed.
#[track_caller]
fn still_stopped(desk: &Desk) {
    let clock = clock(desk, JUMPED.0);
    assert_eq!((clock["mark"].as_str(), clock["proved"].as_str()), (Some("2026-12-12T02:00:00Z"), None));
    desk.at(JUMPED.0, &["purge", "--unattended"]).ends(16);
}

/// The time was taken: the budget is whole, and the purge goes on.
#[track_caller]
fn goes_on(desk: &Desk, by: &str) {
    let clock = clock(desk, JUMPED.0);
    assert_eq!((&clock["distrust"], &clock["confirmed_by"]), (&serde_json::Value::Null, &by.into()), "{clock}");
    near(clock["proved"].as_str().unwrap().parse().unwrap(), JUMPED.1);
    assert!(clock["budget_seconds"].as_i64().unwrap() > 34 * 86_400, "{clock}");
    let scheduled = desk.at(JUMPED.0, &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(scheduled.json("scheduled").len(), 1, "{scheduled:?}");
    desk.at("2037-03-09 10:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2037-03-09 10:00:00", &["restore", "firm.sealed", "--record", "1", "-o", "gone"]).fails(13, "record 1");
}

#[test]
fn a_stamp_of_a_pinned_authority_ends_a_clock_stop() {
    let made = Made { date: "2036-06-01 12:00:00", ..GOOD };
    let (authority, foreign) = (Authority::make(&made), Authority::make(&made));
    let desk = stopped(&["--authority", authority.file("ca.pem").to_str().unwrap()]);
    let checkpoint = desk.at(JUMPED.0, &["journal", "show", "--checkpoint"]).ends(0).out;
    let confirm = |stamp: &[u8]| {
        desk.home.write("stamp.tsr", stamp);
        desk.at(JUMPED.0, &["clock", "confirm", "--timestamp", "stamp.tsr"])
    };
    let over = |authority: &Authority, text: &str| authority.stamp_of(text.as_bytes(), JUMPED.1, &["-cert"], &[]);
    // Over other data, of another authority, edited.
    confirm(&over(&authority, &checkpoint.replacen('\n', "\n\n", 1))).fails(16, "imprint");
    confirm(&over(&foreign, &checkpoint)).fails(16, "time stamp");
    let good = over(&authority, &checkpoint);
    let signed = good.len() - 20;
    confirm(&[&good[..signed], &[good[signed] ^ 1], &good[signed + 1..]].concat()).fails(16, "time stamp");
    let year = good.windows(8).position(|bytes| bytes == b"20370301").unwrap();
    confirm(&[&good[..year], b"2036", &good[year + 4..]].concat()).fails(16, "time stamp");
    still_stopped(&desk);
    confirm(&good).ends(0);
    goes_on(&desk, "timestamp-authority");
    // The same stamp again is over a journal that is no more.
    confirm(&good).fails(16, "imprint");
}

#[test]
fn a_cosignature_of_a_pinned_witness_ends_a_clock_stop() {
    let (witness, stranger) = (Desk::new(), Desk::new());
    let keys = |desk: &Desk, name: &str| {
        let made = desk.at(SEALED, &["journal", "witness-key", "-o", "witness.key", "--name", name]).ends(0).out;
        made.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let pinned = keys(&witness, "witness.example");
    let others = keys(&stranger, "witness.example");
    assert_ne!(pinned, others);
    let desk = stopped(&["--witness", &pinned[0], "--witness", &pinned[1]]);
    let vkeys = desk.at(JUMPED.0, &["keyring", "info", "--vkeys"]).ends(0).out;
    for own in vkeys.lines() {
        desk.at(JUMPED.0, &["clock", "trust", "--witness", own]).fails(16, "its own witness");
    }

    // What a witness is given, and gives back.
    let cosigned = |by: &Desk, time: &str, export: &str, output: &str| {
        by.home.write("firm.vkeys", &vkeys);
        let export = desk.home.path(export);
        let arguments = ["journal", "cosign", export.to_str().unwrap(), "--trust", "firm.vkeys", "-o", output];
        by.at(time, &[&arguments[..], &["--witness-key", "witness.key", "--state", "state"]].concat())
    };
    let confirm = |note: &[u8]| {
        desk.home.write("cosigned", note);
        desk.at(JUMPED.0, &["clock", "confirm", "--witness", "cosigned"])
    };
    let note = |by: &Desk, name: &str| std::fs::read(by.home.path(name)).unwrap();

    // A checkpoint from before the last entry.
    desk.at(JUMPED.0, &["journal", "export", "-o", "older"]).ends(0);
    cosigned(&witness, JUMPED.0, "older", "older").ends(0);
    desk.at(JUMPED.0, &["hold", "place", "firm.sealed", "--matter", "audit", "--authority", "court"]).ends(0);
    confirm(&note(&witness, "older")).fails(16, "not about the journal of this keyring as it stands");
    let held = desk.at(JUMPED.0, &["hold", "list", "--json"]).ends(0).json("hold").remove(0);
    desk.at(JUMPED.0, &["hold", "release", held["hold"].as_str().unwrap()]).ends(0);

    desk.at(JUMPED.0, &["journal", "export", "-o", "now"]).ends(0);
    // Somebody else of the same name; the keyring itself; a witness whose clock shows a time before all clocks.
    cosigned(&stranger, JUMPED.0, "now", "now").ends(0);
    confirm(&note(&stranger, "now")).fails(16, "no pinned witness");
    let own = desk.at(JUMPED.0, &["journal", "show", "--checkpoint"]).ends(0).out;
    let head = checkpoint::claimed(own.as_bytes()).unwrap();
    let time = "2037-03-01T02:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp() as u64;
    let by_itself = cosignature::lines(&head, &desk.home.open_keyring().signing_key(), time);
    confirm((own.clone() + &by_itself).as_bytes()).fails(16, "no pinned witness");
    cosigned(&witness, "1969-12-31 10:00:00", "now", "no-time").fails(1, "without a time");
    let key = WitnessKey::parse(&note(&witness, "witness.key")).unwrap().signing_key();
    confirm((own.clone() + &cosignature::lines(&head, &key, 0)).as_bytes()).fails(16, "no pinned witness");
    // Another time than the one that was signed.
    let honest = cosignature::lines(&head, &key, time);
    confirm((own.clone() + &other_time(&honest)).as_bytes()).fails(16, "no pinned witness");
    confirm(own.as_bytes()).fails(16, "no pinned witness");
    still_stopped(&desk);

    cosigned(&witness, JUMPED.0, "now", "now").ends(0);
    confirm(&note(&witness, "now")).ends(0);
    goes_on(&desk, "witness");
}

/// Cosignature lines that say one second more than was signed.
fn other_time(lines: &str) -> String {
    let later = |line: &str| {
        let (name, blob) = line.rsplit_once(' ').unwrap();
        let mut blob = BASE64_STANDARD.decode(blob).unwrap();
        blob[11] ^= 1;
        format!("{name} {}\n", BASE64_STANDARD.encode(blob))
    };
    lines.lines().map(later).collect()
}
