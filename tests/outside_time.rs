//! Time stamps of an authority that is made here with `openssl ts`, in this year and (by faketime) in others.

use chrono::{DateTime, Utc};
use keepuntil::storage::timestamp::{TimestampError, verify};
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
        std::fs::write(self.file("message"), MESSAGE).unwrap();
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
