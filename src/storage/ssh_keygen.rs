//! Signatures of people, by `ssh-keygen -Y`: agents, security keys and whatever else it can use work as they do there.
//!
//! Invariant: the message and the signature reach `ssh-keygen` as bytes, the roster as a private file; no shell sees
//! them. Spec: `spec/roster.md`.

use super::process::{ProcessError, Program, Scratch};
use chrono::{DateTime, Utc};
use std::path::Path;
use std::time::Duration;

/// Bytes of an armoured signature, at most. One by an RSA key of 16,384 bits has 7,000.
pub const MAX_SIGNATURE: usize = 16 << 10;

const PROGRAM: &str = "ssh-keygen";
/// Somebody may have to type a passphrase and touch a key.
const SIGNING: Duration = Duration::from_secs(300);
const CHECKING: Duration = Duration::from_secs(30);
const OUTPUT: usize = 64 << 10;

/// Signs `message` with an SSH key: a private key's file, or a public one's whose private half an agent has.
///
/// # Errors
/// [`ProcessError::Missing`] where OpenSSH is not installed; [`ProcessError::Failed`] in `ssh-keygen`'s own words.
pub fn sign(key: &Path, namespace: &str, message: &[u8]) -> Result<Vec<u8>, ProcessError> {
    let program = Program::new(PROGRAM, SIGNING, OUTPUT).args(["-Y", "sign", "-q", "-n", namespace, "-f"]);
    program.arg(key).input(message).run()?.succeeded()
}

/// Whether `signature` over `message` is by a key that `allowed` (a text of allowed signers) lists for `principal`.
///
/// # Errors
/// [`ProcessError::Failed`] when it is not; [`ProcessError`].
pub fn verify(
    allowed: &str,
    principal: &str,
    namespace: &str,
    signature: &[u8],
    message: &[u8],
    at: Option<DateTime<Utc>>,
) -> Result<(), ProcessError> {
    let scratch = Scratch::new()?;
    let program = Program::new(PROGRAM, CHECKING, OUTPUT)
        .args(["-Y", "verify", "-n", namespace, "-I", principal, "-f"])
        .arg(scratch.file("allowed_signers", allowed.as_bytes())?)
        .arg("-s")
        .arg(scratch.file("signature", signature)?);
    at_time(program, at).input(message).run()?.succeeded().map(drop)
}

/// The principals that `allowed` lists for the key of `signature`, as `ssh-keygen` reads it. Proves nothing about any
/// message.
///
/// # Errors
/// [`ProcessError::Failed`] when there is none; [`ProcessError`].
pub fn find_principals(
    allowed: &str,
    signature: &[u8],
    at: Option<DateTime<Utc>>,
) -> Result<Vec<String>, ProcessError> {
    let scratch = Scratch::new()?;
    let program = Program::new(PROGRAM, CHECKING, OUTPUT)
        .args(["-Y", "find-principals", "-f"])
        .arg(scratch.file("allowed_signers", allowed.as_bytes())?)
        .arg("-s")
        .arg(scratch.file("signature", signature)?);
    let found = at_time(program, at).run()?.succeeded()?;
    let text = String::from_utf8_lossy(&found);
    Ok(text.lines().flat_map(|line| line.split(',')).map(str::to_owned).collect())
}

/// `ssh-keygen` reads times in its zone, which [`Program`] sets to UTC; older versions know no suffix `Z`.
fn at_time(program: Program<'_>, at: Option<DateTime<Utc>>) -> Program<'_> {
    match at {
        Some(at) => program.arg("-O").arg(format!("verify-time={}", at.format("%Y%m%d%H%M%S"))),
        None => program,
    }
}
