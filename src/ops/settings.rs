//! `keyring set`: how a keyring is run.

use super::OpsError;
use super::approval;
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

/// The settings as they would be.
fn changed(custody: &Custody, options: &SettingsOptions) -> Settings {
    let before = &custody.register().settings;
    Settings {
        cool_off_days: options.cool_off_days.unwrap_or(before.cool_off_days),
        fiscal_year_end: options.fiscal_year_end.unwrap_or(before.fiscal_year_end),
        typed_confirmation: options.typed_confirmation.unwrap_or(before.typed_confirmation),
    }
}

/// The lines about these settings that people on the roster sign.
pub fn lines(custody: &Custody, options: &SettingsOptions) -> String {
    let Settings { cool_off_days, fiscal_year_end, typed_confirmation } = changed(custody, options);
    format!(
        "cool-off-days {cool_off_days}\nfiscal-year-end {fiscal_year_end}\ntyped-confirmation {typed_confirmation}\n"
    )
}

/// Changes the settings, where anything changes; returns those in force. With a roster in force a shorter cool-off and typed
/// dates need the signatures of people on it.
///
/// # Errors
/// [`super::purge::PlanError::ChangeUnsigned`]; a cool-off that is too long; those of the keyring.
pub fn set(custody: &mut Custody, options: &SettingsOptions, signatures: &[Vec<u8>]) -> Result<Settings, OpsError> {
    let before = custody.register().settings.clone();
    let settings = changed(custody, options);
    if settings == before {
        return Ok(before);
    }
    if settings.cool_off_days < before.cool_off_days || (settings.typed_confirmation && !before.typed_confirmation) {
        approval::require(custody, &lines(custody, options), signatures)?;
    }
    custody.change(|register, _, _| {
        let effect = register.set_settings(settings.clone())?;
        Ok((settings, vec![entry_of(effect, register)]))
    })
}
