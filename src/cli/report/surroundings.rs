//! What lies around a keyring: disks, identities, a schedule. Only looked at, never changed.

use crate::cli::home;
use crate::ops::custody::Custody;
use crate::ops::report::risks::Surroundings;
use crate::storage::slot::keeps_former_content;
use crate::storage::timer::Units;
use crate::storage::{crontab, schedule};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where the machine's systemd has its units.
const MACHINE_UNITS: &str = "/etc/systemd/system";

/// Looks around.
pub fn surroundings(custody: &Custody, identities: &[std::path::PathBuf]) -> Surroundings {
    let (keyring, root) = (custody.keyring().dir(), &custody.keyring().config().root);
    let device = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.dev());
    let disks = [device(keyring), device(root)];
    let mut identities = identities.to_vec();
    if identities.is_empty() {
        identities.extend(home::default_identity());
    }
    let found: Vec<Option<u64>> = identities.iter().map(|path| device(path)).filter(Option::is_some).collect();
    Surroundings {
        identity_on_same_disk: found.iter().any(|disk| disks.contains(disk)),
        identity_here: !found.is_empty(),
        root_on_same_disk: disks[0].is_some() && disks[0] == disks[1],
        root_file_system_keeps_copies: keeps_former_content(root),
        scheduled: scheduled(keyring),
    }
}

/// Whether a timer of this user or of the machine, or a line of this user's crontab, is there for this keyring. None where
/// no timer was found and the crontab could not be read.
fn scheduled(keyring: &Path) -> Option<bool> {
    let name = schedule::name(&std::path::absolute(keyring).ok()?);
    let user = home::config_dir().ok().map(|dir| dir.join("systemd/user"));
    let folders = user.into_iter().chain([MACHINE_UNITS.into()]);
    let is_there = |dir: std::path::PathBuf| {
        let units = Units::new(&dir, &name);
        units.timer().symlink_metadata().is_ok() && units.is_ours()
    };
    if folders.into_iter().any(is_there) {
        return Some(true);
    }
    match crontab::read() {
        Ok(text) => crontab::find(&text, &name).ok().map(|line| line.is_some()),
        Err(crate::storage::process::ProcessError::Missing(_)) => Some(false),
        Err(_) => None,
    }
}
