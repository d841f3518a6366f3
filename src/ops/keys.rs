//! `keygen` and `keyring export`: the texts of identity files and emergency key sheets.

use super::open::Opener;
use super::restore::{Selection, select};
use super::{OpsError, Progress};
use crate::archive::reader::ArchiveReader;
use crate::crypto::identity::{NewIdentity, x25519_secret_string};
use crate::crypto::kdf::ArchiveId;
use crate::keyring::export::Export;
use crate::language::{Language, language};
use zeroize::Zeroizing;

/// The text of an identity file, as `age-keygen` writes it.
pub fn identity_file(identity: &NewIdentity, created: &str) -> Zeroizing<String> {
    let NewIdentity { recipient, secret } = identity;
    Zeroizing::new(format!("# created: {created}\n# public key: {recipient}\n{}\n", secret.as_str()))
}

/// An emergency key sheet, and what the keyring must remember of it.
pub struct KeySheet {
    /// The sheet: an age identity file with comments.
    pub text: Zeroizing<String>,
    /// The export.
    pub export: Export,
    /// Records that were asked for with others and did not open.
    pub failed: Vec<(u64, OpsError)>,
}

/// Makes the sheet for the selected records. The caller makes the export durable before the sheet leaves.
///
/// # Errors
/// What concerns all records.
pub fn key_sheet(
    reader: &mut ArchiveReader,
    opener: &mut Opener<'_>,
    selection: &Selection,
    created: &str,
    progress: &dyn Progress,
) -> Result<KeySheet, OpsError> {
    progress.total(match selection {
        Selection::Records(numbers) => numbers.len() as u64,
        _ => reader.records(),
    });
    let archive: ArchiveId = *reader.archive();
    let mut lines = Zeroizing::new(String::new());
    let mut records: Vec<u64> = Vec::new();
    let failed = select(reader, opener, selection, &mut |reader, leaf, label, opener| {
        progress.advance(1);
        let key = opener.record_key(reader, &leaf)?;
        let name = crate::storage::escape(&label.name);
        let until = leaf.retention.planned();
        lines.push_str(&format!("# record {:010}, keep until {until}: {name}\n", leaf.record));
        lines.push_str(&x25519_secret_string(&key));
        lines.push('\n');
        records.push(leaf.record);
        Ok(())
    })?;
    let (id, version) = (hex::encode(archive), env!("CARGO_PKG_VERSION"));
    let english = format!(
        "# EMERGENCY KEY SHEET of archive {id}\n# written {created} by keepuntil {version}\n#\n\
         # Each key below opens one record without keepuntil, without the keyring and\n\
         # without any identity, for ever: destroying the record's keys in the keyring\n\
         # does not reach this sheet. Keep it as you would keep the records themselves,\n\
         # and destroy it when they are destroyed. The keyring remembers that it exists.\n\
         # How to use it is said in README.txt, the first file in the archive.\n#\n"
    );
    let chinese = format!(
        "# 应急密钥单：档案包 {id}\n# 由 keepuntil {version} 写于 {created}\n#\n\
         # 下列每一把密钥都能单独打开一条记录，不需要 keepuntil、密钥环或任何身份文件，\n\
         # 且永久有效：密钥环中的销毁不会使本单失效。请像保管档案本身一样保管本单，\n\
         # 并在记录销毁时一并销毁。密钥环已记下本单的存在。\n\
         # 使用方法见档案包内首个文件 README.txt。\n#\n"
    );
    // Whoever finds it in decades may read either.
    let [first, second] = match language() {
        Language::English => [english, chinese],
        Language::Chinese => [chinese, english],
    };
    let text = Zeroizing::new(format!("{first}{second}{}", lines.as_str()));
    let records = records.into_iter().collect();
    Ok(KeySheet { text, export: Export { time: created.into(), archive, records }, failed })
}
