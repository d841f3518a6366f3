//! `keyring set`: how a keyring is run.

use super::OpsError;
use super::custody::{Custody, entry_of};
use crate::retention::register::Settings;
use crate::retention::term::FiscalYearEnd;

/// What is to change; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct SettingsOptions {
    /// Days of a cool-off.
    pub cool_off_days: Option<u32>,
    /// Whether a typed date confirms the clock.
    pub typed_confirmation: Option<bool>,
    /// Last day of fiscal years.
    pub fiscal_year_end: Option<FiscalYearEnd>,
}

/// Changes the settings, where anything changes; returns those in force.
///
/// # Errors
/// A cool-off that is too long; those of the keyring.
pub fn set(custody: &mut Custody, options: &SettingsOptions) -> Result<Settings, OpsError> {
    let before = custody.register().settings.clone();
    let settings = Settings {
        cool_off_days: options.cool_off_days.unwrap_or(before.cool_off_days),
        fiscal_year_end: options.fiscal_year_end.unwrap_or(before.fiscal_year_end),
        typed_confirmation: options.typed_confirmation.unwrap_or(before.typed_confirmation),
    };
    if settings == before {
        return Ok(before);
    }
    custody.change(|register, _, _| {
        let effect = register.set_settings(settings.clone())?;
        Ok((settings, vec![entry_of(effect, register)]))
    })
}
