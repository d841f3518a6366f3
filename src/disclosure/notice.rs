//! The notice in every bag that was opened with a grant: for whom it is, what for, on what conditions.
//!
//! Invariant: version 1 of the text follows from the grant alone and never changes, so that a notice that was edited is found
//! years later. Spec: `spec/evidence.md`, "Notice".

use super::grant::Grant;
use super::purpose::Purpose;
use chrono::{DateTime, Utc};

/// Name of the file in a bag.
pub const FILE: &str = "disclosure-notice.txt";

/// The text for one grant, in Chinese and in English.
pub fn text(grant: &Grant) -> String {
    format!("keepuntil disclosure notice, version 1\n\n{}\n{}", chinese(grant), english(grant))
}

fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn chinese(grant: &Grant) -> String {
    let conditions = &grant.conditions;
    let mut text = format!(
        "披露告知\n\n\
         本文件夹中的记录系依据一份授权向下列申请人披露，\n\
         仅供该申请人为下列目的使用。\n\n\
         申请人：{}\n目的：{}\n档案：{}\n记录：{}\n授权编号：{}\n水印：{}\n授权时间：{}\n有效期：{} 至 {}\n",
        grant.requester.name,
        purpose_zh(grant.purpose),
        hex::encode(grant.archive),
        grant.records,
        hex::encode(grant.grant),
        hex::encode(grant.watermark),
        time(grant.granted),
        time(grant.valid_from),
        time(grant.valid_until),
    );
    text.push_str("\n条件：\n- 不得用于其他目的。\n");
    if conditions.no_copies {
        text.push_str("- 不得复制，不得提供给他人。\n");
    }
    if let Some(date) = conditions.return_by {
        text.push_str(&format!("- 最迟于 {date} 归还，且不保留副本。\n"));
    }
    if let Some(date) = conditions.destroy_by {
        text.push_str(&format!("- 最迟于 {date} 销毁。\n"));
    }
    if let Some(other) = &conditions.text {
        text.push_str(&format!("- {}\n", indented(other)));
    }
    text.push_str(
        "\n使用完毕后（法律要求您留存的除外）：删除本文件夹及其全部副本，\n\
         并以 `keepuntil receipt new --what destroyed`（归还的用 `--what returned`）\n\
         向档案保管人出具签名回执。有效期是申请人的承诺：\n\
         密码学无法收回已经交付的内容。\n",
    );
    text
}

fn english(grant: &Grant) -> String {
    let conditions = &grant.conditions;
    let mut text = format!(
        "Notice of disclosure\n\n\
         The records in this folder were disclosed under a grant, to the requester below\n\
         and for the purpose below only.\n\n\
         requester:  {}\npurpose:    {}\narchive:    {}\nrecords:    {}\ngrant:      {}\nwatermark:  {}\ngranted:    {}\n\
         valid:      {} to {}\n",
        grant.requester.name,
        purpose_en(grant.purpose),
        hex::encode(grant.archive),
        grant.records,
        hex::encode(grant.grant),
        hex::encode(grant.watermark),
        time(grant.granted),
        time(grant.valid_from),
        time(grant.valid_until),
    );
    text.push_str("\nConditions:\n- no other use\n");
    if conditions.no_copies {
        text.push_str("- no copies, nothing passed on to others\n");
    }
    if let Some(date) = conditions.return_by {
        text.push_str(&format!("- given back by {date} at the latest, and no copy kept\n"));
    }
    if let Some(date) = conditions.destroy_by {
        text.push_str(&format!("- destroyed by {date} at the latest\n"));
    }
    if let Some(other) = &conditions.text {
        text.push_str(&format!("- {}\n", indented(other)));
    }
    text.push_str(
        "\nWhen you are done, and unless the law obliges you to keep them: delete this folder\n\
         and every copy of it, and send the custodian a signed receipt, which\n\
         `keepuntil receipt new --what destroyed` makes (`--what returned` where you gave\n\
         them back). The validity is your promise: cryptography does not take back what\n\
         was handed over.\n",
    );
    text
}

/// A text of people as one item of a list.
fn indented(text: &str) -> String {
    text.trim().replace('\n', "\n  ")
}

fn purpose_zh(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Audit => "审计",
        Purpose::TaxInspection => "税务检查",
        Purpose::RegulatoryInspection => "监管检查",
        Purpose::CourtOrder => "法院或仲裁机构命令",
        Purpose::Investigation => "侦查或调查机关命令",
        Purpose::LegalClaim => "诉讼主张或抗辩",
        Purpose::OwnFile => "当事人本人的案卷",
        Purpose::SubjectAccess => "个人查阅、复制其个人信息",
        Purpose::Portability => "个人信息转移",
        Purpose::RelativeOfDeceased => "死者近亲属的请求",
        Purpose::Liquidation => "清算或承继",
    }
}

fn purpose_en(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Audit => "audit",
        Purpose::TaxInspection => "tax inspection",
        Purpose::RegulatoryInspection => "inspection by a supervising authority",
        Purpose::CourtOrder => "order of a court or an arbitral tribunal",
        Purpose::Investigation => "order of an investigating authority",
        Purpose::LegalClaim => "legal claim or defence",
        Purpose::OwnFile => "the client's own file",
        Purpose::SubjectAccess => "access to one's own personal data",
        Purpose::Portability => "transfer of one's own personal data",
        Purpose::RelativeOfDeceased => "request of a close relative of somebody who has died",
        Purpose::Liquidation => "liquidation or succession",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::conditions::Conditions;
    use crate::disclosure::grant::FORMAT;
    use crate::disclosure::proposal::Signatory;

    fn grant(conditions: Conditions) -> Grant {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        Grant {
            format: FORMAT.into(),
            grant: [1; 16],
            keyring: [2; 16],
            firm: "firm.example".into(),
            granted: at(1_795_365_600),
            request: [3; 32],
            proposal: [4; 32],
            approvals: Vec::new(),
            requester: Signatory { name: "auditor@cpa.example".into(), key: format!("SHA256:{}", "A".repeat(43)) },
            address: crate::crypto::identity::generate(false).recipient,
            archive: [5; 16],
            root: [6; 32],
            records: "3,17-19".parse().unwrap(),
            purpose: Purpose::Audit,
            conditions,
            valid_from: at(1_795_365_600),
            valid_until: at(1_797_957_600),
            watermark: [7; 16],
            keys: Vec::new(),
            journal: None,
        }
    }

    /// The text of version 1 is for ever: a change here makes every notice that was handed out look edited.
    #[test]
    fn version_1_never_changes() {
        let date = |text: &str| Some(text.parse().unwrap());
        let conditions = Conditions {
            no_copies: true,
            destroy_by: date("2026-12-31"),
            return_by: date("2026-12-30"),
            text: Some("Only in the reading room.\nNo photographs.".into()),
        };
        let hash = |text: &str| hex::encode(crate::crypto::hash::sha256(&[text.as_bytes()]));
        let full = text(&grant(conditions));
        assert!(full.contains("- Only in the reading room.\n  No photographs.\n"));
        let mut all = full.clone();
        for purpose in Purpose::ALL {
            all.push_str(&text(&Grant { purpose, ..grant(Conditions::default()) }));
        }
        assert_eq!(hash(&all), VERSION_1, "{full}");
    }

    const VERSION_1: &str = "44d8ec71bf8f479d0e56b1479c792b0988806faf6ff1be0f9077ae7732902cee";
}
