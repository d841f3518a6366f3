//! The letter of a refusal, for people: what was asked, why not, and what can be done about it.
//!
//! Text of 80 columns that prints well. What law it speaks of is Chinese law in Chinese, and none in English.

use super::render::wrapped;
use crate::disclosure::refusal::{Refusal, RefusalReason};
use crate::language::Language;
use crate::ops::custody::Now;
use crate::ops::request::Received;
use crate::storage::escape;
use std::path::Path;

/// The letter that goes with a refusal in `file`.
pub fn letter(refusal: &Refusal, file: &Path, received: &Received, now: &Now, language: Language) -> String {
    let words = match language {
        Language::English => &ENGLISH,
        Language::Chinese => &CHINESE,
    };
    let request = &received.request;
    let name = refusal.requester.as_ref().map_or(&request.requester, |requester| &requester.name);
    let meant = match (&request.records, &request.description) {
        (Some(records), _) => records.to_string(),
        (None, description) => description.clone().unwrap_or_default(),
    };
    let mut text = format!("{}\n\n", words.title);
    let mut line = |label: &str, value: &str| text.push_str(&wrapped(&format!("{label}{}", escape(value)), 4));
    line(words.to, name);
    line(words.from, &refusal.firm);
    line(words.date, &now.day(refusal.refused).to_string());
    line(words.number, &hex::encode(refusal.refusal));
    text.push('\n');
    let made = now.day(request.made).to_string();
    let archive = hex::encode(refusal.archive);
    let asked = words
        .asked
        .replace("{made}", &made)
        .replace("{archive}", &archive)
        .replace("{records}", &escape(&flat(&meant)));
    text.push_str(&wrapped(&asked, 0));
    text.push('\n');
    text.push_str(&wrapped(words.refused, 0));
    text.push_str(&wrapped(reason(refusal.reason, language), 0));
    text.push('\n');
    text.push_str(&wrapped(words.explained, 0));
    for part in refusal.explanation.split('\n') {
        text.push_str("  ");
        text.push_str(&wrapped(&escape(part), 2));
    }
    text.push_str(&format!("\n{}\n", words.can));
    for remedy in words.remedies {
        text.push_str("- ");
        text.push_str(&wrapped(remedy, 2));
    }
    text.push('\n');
    let name = file.file_name().map_or_else(String::new, |name| escape(&name.to_string_lossy()));
    text.push_str(&wrapped(&words.proof.replace("{file}", &name), 0));
    text.push_str(&format!("  {}\n    {}\n", words.request, hex::encode(refusal.request)));
    text.push_str(&format!("  {}\n    {}\n", words.document, hex::encode(refusal.document())));
    text.push_str(&format!("\n\n{}\n", words.signature));
    text
}

fn flat(text: &str) -> String {
    text.replace('\n', " ")
}

/// The words of one language.
struct Words {
    title: &'static str,
    to: &'static str,
    from: &'static str,
    date: &'static str,
    number: &'static str,
    asked: &'static str,
    refused: &'static str,
    explained: &'static str,
    can: &'static str,
    remedies: &'static [&'static str],
    proof: &'static str,
    request: &'static str,
    document: &'static str,
    signature: &'static str,
}

const ENGLISH: Words = Words {
    title: "Answer to your request for records: refused",
    to: "To: ",
    from: "From: custodian of the records of ",
    date: "Date: ",
    number: "Number: ",
    asked: "On {made} you asked for records of the archive {archive}: {records}.",
    refused: "We cannot give them to you, for this reason:",
    explained: "In our own words:",
    can: "What you can do:",
    remedies: &[
        "You may ask us to explain this decision, and to look at it again with what you can add: for instance a proof of who \
         you are, the legal basis of your request, or an order of a court.",
        "A new request is looked at anew.",
        "Where the records are about you, you may complain to the authority that protects personal data at your place.",
        "You may go to court.",
    ],
    proof: "This decision stands in our journal, which cannot be changed unseen. The file {file} that came with this letter \
            carries the proof; anybody can check it without us.",
    request: "SHA-256 of your request:",
    document: "SHA-256 of the refusal, without its proof:",
    signature: "Signature: ______________________________",
};

const CHINESE: Words = Words {
    title: "关于查阅档案申请的答复：不予提供",
    to: "申请人：",
    from: "答复人：档案保管人，原单位 ",
    date: "日期：",
    number: "答复编号：",
    asked: "您于 {made} 申请查阅、复制档案包 {archive} 中的下列记录：{records}。",
    refused: "经审查，不予提供。理由：",
    explained: "具体说明：",
    can: "您的权利：",
    remedies: &[
        "您可以要求我们进一步说明理由，也可以补充身份证明、法律依据或者司法文书后，要求重新审查。",
        "您可以另行提出申请，我们将重新审查。",
        "涉及您本人个人信息的，您依照《中华人民共和国个人信息保护法》第四十五条享有查阅、复制权；\
         涉及已故近亲属个人信息的，适用该法第四十九条。",
        "依照该法第五十条，拒绝个人行使权利的请求应当说明理由；您可以依法向人民法院提起诉讼。",
        "依照该法第六十五条，您可以向履行个人信息保护职责的部门投诉、举报。",
    ],
    proof: "本决定已记入日志，任何改动都会被发现。随附的文件 {file} 载有证明，任何人都可以独立核验。",
    request: "申请文件 SHA-256：",
    document: "答复文件（不含证明部分）SHA-256：",
    signature: "签字（盖章）：______________________________",
};

fn reason(reason: RefusalReason, language: Language) -> &'static str {
    let (english, chinese) = match reason {
        RefusalReason::NotIdentified => (
            "You have not shown who you are, or the signature under the request does not count.",
            "未能核实申请人身份，或者申请上的签名无效。",
        ),
        RefusalReason::OutOfScope => {
            ("These records are not among those that you may ask for.", "所申请的记录不在您可以申请的范围之内。")
        }
        RefusalReason::NoLegalBasis => (
            "The purpose or the legal basis of the request does not carry it.",
            "申请的目的或者依据不足以支持提供这些记录。",
        ),
        RefusalReason::Secrecy => (
            "The law, or an order of an authority, demands that these records are kept secret.",
            "法律、行政法规或者有权机关的决定要求对这些记录保密。",
        ),
        RefusalReason::Destroyed => (
            "The records were destroyed when the time for which they had to be kept was over.",
            "保存期限届满，这些记录已经依法销毁。",
        ),
        RefusalReason::Expired => (
            "The time for which the records had to be kept is over, and they await destruction.",
            "这些记录的保存期限已经届满，正在等待销毁。",
        ),
        RefusalReason::NotFound => ("There are no such records with us.", "我处没有这样的记录。"),
        RefusalReason::NotApproved => {
            ("The people whose approval is needed did not give it.", "未取得必须的审批同意。")
        }
        RefusalReason::Withdrawn => ("You withdrew the request.", "申请已由您撤回。"),
    };
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn every_reason_has_words_and_no_line_is_too_long() {
        let request = crate::disclosure::request::Request {
            format: crate::disclosure::request::FORMAT.into(),
            archive: [1; 16],
            records: None,
            description: Some("the file of my late mother\nand her will".into()),
            purpose: crate::disclosure::purpose::Purpose::RelativeOfDeceased,
            explanation: "inheritance".into(),
            legal_basis: None,
            references: Vec::new(),
            identity: Vec::new(),
            wanted_until: "2031-12-31".parse().unwrap(),
            made: "2031-02-03T04:05:06Z".parse().unwrap(),
            requester: "m.zhao@mail.example".into(),
            address: String::new(),
        };
        let received = Received { bytes: Vec::new(), request, hash: [2; 32] };
        let reading = crate::retention::clock::Reading { wall: "2031-02-05T00:00:00Z".parse().unwrap(), boot: None };
        let now = Now { reading, zone: chrono::FixedOffset::east_opt(8 * 3600).unwrap() };
        for why in RefusalReason::ALL {
            let refusal = Refusal {
                format: crate::disclosure::refusal::FORMAT.into(),
                refusal: [3; 16],
                keyring: [4; 16],
                firm: "lantern.example".into(),
                refused: "2031-02-04T20:00:00Z".parse().unwrap(),
                request: [2; 32],
                requester: None,
                archive: [1; 16],
                reason: why,
                explanation:
                    "第一行。\nthe second line, which is long enough to be broken more than once, so that it is seen \
                              where it goes"
                        .into(),
                salt: [5; 16],
                journal: None,
            };
            for language in [Language::English, Language::Chinese] {
                let text = letter(&refusal, Path::new("refusal.json"), &received, &now, language);
                assert!(text.contains("m.zhao@mail.example") && text.contains("2031-02-05"), "{text}");
                assert!(text.contains(&reason(why, language).chars().take(6).collect::<String>()), "{text}");
                for line in text.lines() {
                    assert!(line.width() <= 80 && !line.starts_with(['、', '，', '。']), "{line}");
                }
                assert!(
                    language != Language::Chinese
                        || ["四十五", "四十九", "五十条", "六十五"]
                            .iter()
                            .all(|n| text.replace('\n', "").replace("  ", "").contains(n))
                );
            }
        }
    }
}
