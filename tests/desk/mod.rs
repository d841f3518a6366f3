//! A home of its own whose clock shows what a test says, and the people who sign there.
//!
//! Needs Debian's `faketime` and `ssh-keygen`.
#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::support::{Home, Ran};
use std::process::Command;

/// When the tests seal.
pub const SEALED: &str = "2026-11-22 10:00:00";

/// A home whose clock shows what the test says.
pub struct Desk {
    pub home: Home,
}

impl Desk {
    /// A home with two approvers' keys and the roster that names them; no keyring yet.
    pub fn new() -> Self {
        let desk = Self { home: Home::new() };
        desk.home.people(&[("lin", "lin@lantern.example"), ("wang", "wang@lantern.example")]);
        desk
    }

    /// Runs the program while the clock shows `time`, in China.
    pub fn at(&self, time: &str, arguments: &[&str]) -> Ran {
        self.at_in("Asia/Shanghai", time, arguments)
    }

    /// Runs the program while the clock shows `time` in a zone.
    pub fn at_in(&self, zone: &str, time: &str, arguments: &[&str]) -> Ran {
        let command = self.home.command();
        let mut faked = Command::new("faketime");
        faked.arg("-f").arg(format!("@{time}")).arg(command.get_program()).args(arguments);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => faked.env(name, value),
                None => faked.env_remove(name),
            };
        }
        faked.env("TZ", zone).current_dir(command.get_current_dir().unwrap());
        // What a killed run left behind can bear the name that this one wants: the next has another.
        loop {
            let ran = Ran::from(faked.output().expect("faketime is installed"));
            if !ran.err.contains("sem_open: File exists") {
                return ran;
            }
        }
    }

    /// Signs a file in the home for a purpose; returns the signature's name.
    pub fn sign(&self, person: &str, namespace: &str, file: &str) -> String {
        self.home.sign(person, namespace, file, format!("{file}.{person}.sig"))
    }

    /// Moves to a later time that a person on the roster confirms.
    pub fn travel(&self, time: &str) {
        let statement = self.at(time, &["clock", "statement"]).ends(0).out;
        self.home.write("now.txt", statement);
        let signature = self.sign("lin", "keepuntil-clock", "now.txt");
        self.at(time, &["clock", "confirm", "--statement", "now.txt", "--signature", &signature]).ends(0);
    }

    pub fn status(&self, time: &str, code: i32) -> serde_json::Value {
        self.at(time, &["status", "--json"]).ends(code).json("status").remove(0)
    }
}
