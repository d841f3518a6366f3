//! The foreign programs that `.ci/run` installs for tests, and runs of them and of keepuntil.
#![allow(dead_code)] // Each test crate uses its part.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where `npm` installed age-encryption and cctv-age.
pub const NODE_MODULES: &str = "KEEPUNTIL_TEST_NODE_MODULES";
/// A Python that has the packages bagit, jsonschema and tree-sitter-powershell.
pub const PYTHON: &str = "KEEPUNTIL_TEST_PYTHON";

/// What an environment variable names. A missing one fails in CI; elsewhere the caller goes without, and says so.
pub fn tool(variable: &str) -> Option<PathBuf> {
    let Some(path) = std::env::var_os(variable).map(PathBuf::from) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{variable} must be set in CI: see tests/all");
        eprintln!("NOT TESTED: {variable} is not set; .ci/run installs what it names");
        return None;
    };
    assert!(path.exists(), "{variable}: there is no {}", path.display());
    Some(path)
}

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Standard output of a program that must succeed.
pub fn stdout(command: &mut Command) -> Vec<u8> {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?}\n{}", String::from_utf8_lossy(&stderr));
    stdout
}

/// Runs `tests/stock/age.mjs`.
pub fn node(modules: &Path, args: &[&dyn AsRef<OsStr>]) -> String {
    let mut command = Command::new("node");
    command.arg(project("tests/stock/age.mjs")).arg(modules).args(args.iter().map(|arg| arg.as_ref()));
    String::from_utf8(stdout(&mut command)).expect("the script prints text")
}

/// What `tests/stock/schema.py` says of messages of this kind: a line for each file, which ends in `ok` where it fits.
pub fn schema(python: &Path, message: &str, files: &[PathBuf]) -> String {
    let mut command = Command::new(python);
    command.arg(project("tests/stock/schema.py")).arg(project(&format!("spec/schema/{message}.json"))).args(files);
    String::from_utf8(stdout(&mut command)).expect("the script prints text")
}

/// An empty home folder, in which keepuntil runs.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that others may not read, as identities must be.
    pub fn secret(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the home folder can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        path
    }

    /// A run of keepuntil at home, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keepuntil"));
        command.args(args).current_dir(self.folder.path()).env("HOME", self.folder.path()).env("COLUMNS", "10000");
        for variable in ["XDG_DATA_HOME", "XDG_STATE_HOME", "KEEPUNTIL_KEYRING", "KEEPUNTIL_IDENTITY"] {
            command.env_remove(variable);
        }
        command
    }

    /// What keepuntil prints, when it succeeds as it must.
    pub fn keepuntil(&self, args: &[&str]) -> String {
        String::from_utf8(stdout(&mut self.command(args))).expect("keepuntil prints text")
    }

    /// Seals the clients of the fixture firm into `firm.sealed`.
    pub fn seal_clients(&self, options: &[&str]) {
        let clients = project("fixtures/firm/clients");
        let clients = clients.to_str().expect("the project's path is UTF-8");
        let mut args = vec!["create", "--quiet", "-o", "firm.sealed", "--until", "2999-12-31"];
        args.extend(options);
        args.push(clients);
        self.keepuntil(&args);
    }

    /// Takes a member out of `firm.sealed` with tar.
    pub fn member(&self, name: &str) -> PathBuf {
        let to = self.path(&name.replace('/', "-"));
        let content = stdout(Command::new("tar").arg("-xOf").arg(self.path("firm.sealed")).arg(name));
        std::fs::write(&to, content).expect("the home folder can be written");
        to
    }
}
