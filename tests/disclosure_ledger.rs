//! The ledger of disclosures: one answer a request, receipts, what is due, and what is forgotten.

mod messages;

use keepuntil::disclosure::conditions::Conditions;
use keepuntil::disclosure::grant::Grant;
use keepuntil::disclosure::ledger::{Due, Ledger, LedgerError, RequestState};
use keepuntil::disclosure::receipt::{Handled, Receipt};
use keepuntil::disclosure::request::Request;
use keepuntil::retention::ranges::Ranges;
use messages::*;

const NOW: &str = "2031-01-07T10:00:00Z";

fn ranges(text: &str) -> Ranges {
    text.parse().unwrap()
}

fn hash() -> [u8; 32] {
    Request::identity_of(&request().to_bytes())
}

fn noted() -> Ledger {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.note_request(hash(), &request(), Some(auditor()), None, instant(NOW)), Ok(true));
    ledger
}

fn granted() -> (Ledger, Grant) {
    let (mut ledger, grant) = (noted(), unproved_grant());
    ledger.note_grant(&grant, 5).unwrap();
    (ledger, grant)
}

/// What is stored, after it was stored and read.
fn stored(ledger: &Ledger) -> String {
    let bytes = ledger.to_bytes().unwrap();
    assert_eq!(Ledger::from_bytes(&bytes).as_ref(), Ok(ledger));
    String::from_utf8(bytes).unwrap()
}

fn receipt(grant: &Grant, what: Handled, records: &str, salt: u8) -> (Receipt, [u8; 32]) {
    let records = ranges(records);
    let opened = receipt_of(grant, what).opened.into_iter().filter(|opened| records.contains(opened.record)).collect();
    (Receipt { records, opened, salt: [salt; 16], ..receipt_of(grant, what) }, [salt; 32])
}

#[test]
fn a_request_has_one_answer() {
    let mut ledger = noted();
    assert_eq!(ledger.note_request(hash(), &request(), None, Some(ranges("4")), instant(NOW)), Ok(false));
    let entry = ledger.unanswered(&hash()).unwrap();
    assert_eq!((entry.records.clone(), entry.requester.clone()), (Some(ranges("3-4,17")), Some(auditor())));
    let mut refused = ledger.clone();
    refused.note_refusal(&refusal(), 9).unwrap();
    ledger.note_grant(&unproved_grant(), 5).unwrap();
    for (mut ledger, answer, by) in [(ledger, "granted", [0x61; 16]), (refused, "refused", [0x51; 16])] {
        stored(&ledger);
        assert_eq!(ledger.open().count(), 0);
        let answered = LedgerError::Answered { request: hash(), answer, by };
        let second = Grant { grant: [9; 16], ..unproved_grant() };
        assert_eq!(ledger.note_grant(&second, 6).as_ref(), Err(&answered));
        assert_eq!(ledger.note_refusal(&refusal(), 6).as_ref(), Err(&answered));
        assert_eq!(ledger.unanswered(&hash()).map(drop).as_ref(), Err(&answered));
        let again = ledger.note_request(hash(), &request(), None, None, instant(NOW));
        assert_eq!(again.as_ref(), Err(&answered));
        assert!(answered.to_string().contains(&format!("it was {answer} already as {}", hex::encode(by))));
    }
    let unknown = Grant { request: [1; 32], ..unproved_grant() };
    assert_eq!(noted().note_grant(&unknown, 5), Err(LedgerError::UnknownRequest([1; 32])));
}

#[test]
fn a_grant_is_written_again_until_it_is_over_or_received() {
    let (mut ledger, grant) = granted();
    let again = |ledger: &Ledger, time: &str| ledger.grant(&grant.grant).unwrap().again(instant(time)).cloned();
    assert_eq!(again(&ledger, "2031-02-05T09:00:00Z"), Ok(grant.clone()));
    assert!(again(&ledger, "2031-02-05T09:00:01Z").is_err());
    let (opened, document) = receipt(&grant, Handled::Opened, "3", 1);
    assert_eq!(ledger.note_receipt(&opened, document, "SHA256:a", instant(NOW)), Ok(true));
    assert!(again(&ledger, NOW).is_err());
    assert!(ledger.grant(&grant.grant).unwrap().was_opened());
    assert!(stored(&ledger).contains("\"keys\":\"\""), "whoever has a receipt needs the keys no more");
    // They go with the end of the validity as well, at whatever is noted next.
    let (mut ledger, _) = granted();
    ledger.forget_keys(instant("2031-02-05T09:00:00Z"));
    assert!(!stored(&ledger).contains("\"keys\":\"\""));
    ledger.forget_keys(instant("2031-02-05T09:00:01Z"));
    assert!(stored(&ledger).contains("\"keys\":\"\""));
}

#[test]
fn receipts_are_of_the_grant_and_say_a_thing_once() {
    let (mut ledger, grant) = granted();
    let mut note =
        |(receipt, document): (Receipt, [u8; 32])| ledger.note_receipt(&receipt, document, "SHA256:a", instant(NOW));
    let opened = receipt(&grant, Handled::Opened, "3", 1);
    assert_eq!(note(opened.clone()), Ok(true));
    assert_eq!(note(opened.clone()), Ok(false));
    assert_eq!(note(receipt(&grant, Handled::Opened, "17", 2)), Ok(true));
    assert_eq!(note(receipt(&grant, Handled::Destroyed, "17", 3)), Ok(true));
    let faults: [fn(&mut Receipt); 5] = [
        |receipt| receipt.archive[0] ^= 1,
        |receipt| receipt.grant_sha256[0] ^= 1,
        |receipt| receipt.requester = "gu@vectors.example".into(),
        |receipt| receipt.records = "3,18".parse().unwrap(),
        |receipt| receipt.records = "3,17".parse().unwrap(),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        let (mut receipt, document) = receipt(&grant, Handled::Destroyed, "3", 9);
        fault(&mut receipt);
        assert!(matches!(note((receipt, document)), Err(LedgerError::Receipt { .. })), "{index}");
    }
    let (mut unknown, document) = opened;
    unknown.grant = [0; 16];
    assert_eq!(note((unknown, [document[0] ^ 0xff; 32])), Err(LedgerError::UnknownGrant([0; 16])));
    assert!(!stored(&ledger).contains("\"bag\""), "no hash of what was opened is kept");
}

#[test]
fn what_was_promised_is_due_until_a_receipt_says_so() {
    let (mut ledger, grant) = granted();
    let due = |ledger: &Ledger, today: &str| -> Vec<Due> { ledger.overdue(date(today)).map(|(_, due)| due).collect() };
    assert_eq!(due(&ledger, "2031-03-31"), []);
    let late = |records: &str| Due { what: Handled::Destroyed, by: date("2031-03-31"), records: ranges(records) };
    assert_eq!(due(&ledger, "2031-04-01"), [late("3,17")]);
    let (opened, document) = receipt(&grant, Handled::Opened, "3,17", 1);
    ledger.note_receipt(&opened, document, "SHA256:a", instant(NOW)).unwrap();
    assert_eq!(due(&ledger, "2031-04-01"), [late("3,17")]);
    let (destroyed, document) = receipt(&grant, Handled::Destroyed, "17", 2);
    ledger.note_receipt(&destroyed, document, "SHA256:a", instant(NOW)).unwrap();
    assert_eq!(due(&ledger, "2031-04-01"), [late("3")]);
    let (returned, document) = receipt(&grant, Handled::Returned, "3", 3);
    ledger.note_receipt(&returned, document, "SHA256:a", instant(NOW)).unwrap();
    assert_eq!(due(&ledger, "2031-04-01"), []);
    // Nothing was promised, nothing is due.
    let mut ledger = noted();
    ledger.note_grant(&Grant { conditions: Conditions::default(), ..unproved_grant() }, 5).unwrap();
    assert_eq!(due(&ledger, "2099-01-01"), []);
}

#[test]
fn words_and_keys_go_with_the_first_record_they_are_about() {
    let words =
        ["记账凭证", "chosen for inspection", "注册会计师法", "CPA 2031-114", "CPA certificate", "仅供审计使用"];
    let (mut ledger, whole) = granted();
    let before = stored(&ledger);
    assert!(words.iter().all(|word| before.contains(word)) && !before.contains("\"keys\":\"\""));
    assert_eq!(ledger.forget(&ARCHIVE, &ranges("1-2,4-16")), 0);
    assert_eq!(ledger.forget(&[1; 16], &ranges("1-100")), 0);
    assert_eq!(stored(&ledger), before);
    assert_eq!(ledger.forget(&ARCHIVE, &ranges("17-1000000000")), 2);
    let after = stored(&ledger);
    assert!(!words.iter().any(|word| after.contains(word)), "{after}");
    assert!(after.contains("\"keys\":\"\"") && after.contains("auditor@cpa.example"));
    assert_eq!(ledger.forget(&ARCHIVE, &ranges("3")), 0);
    let grant = &ledger.grants()[0];
    assert!(matches!(grant.again(instant(NOW)), Err(LedgerError::Spent { .. })));
    // What the journal committed to is remembered: it cannot be computed any more.
    assert_eq!(grant.document, whole.document());
    assert_ne!(grant.document, grant.grant.document());
}

#[test]
fn a_request_that_names_no_record_is_forgotten_with_any() {
    let mut ledger = Ledger::default();
    let by_name = Request { records: None, ..request() };
    ledger.note_request([1; 32], &by_name, None, None, instant(NOW)).unwrap();
    ledger.note_request([2; 32], &by_name, None, Some(ranges("3")), instant(NOW)).unwrap();
    let mut refused = refusal();
    refused.request = [2; 32];
    ledger.note_refusal(&refused, 7).unwrap();
    assert_eq!(ledger.forget(&ARCHIVE, &ranges("900")), 1);
    assert!(ledger.request(&[1; 32]).unwrap().texts.is_none());
    assert!(stored(&ledger).contains("委托已于"));
    assert_eq!(ledger.forget(&ARCHIVE, &ranges("3")), 1);
    assert!(!stored(&ledger).contains("委托已于"));
    let RequestState::Refused(refusal) = &ledger.request(&[2; 32]).unwrap().state else { panic!() };
    assert_eq!((refusal.document, &refusal.letter), (refused.document(), &None));
}

#[test]
fn a_ledger_has_one_spelling_and_its_parts_fit() {
    let (ledger, _) = granted();
    let text = stored(&ledger);
    for (from, to) in [
        ("{\"requests\"", "{ \"requests\""),
        ("\"granted\":{\"grant\":\"61", "\"granted\":{\"grant\":\"62"),
        ("\"receipts\":[]", "\"receipts\":[],\"other\":1"),
        ("\"state\":{\"granted\":{\"grant\":\"61616161616161616161616161616161\"}}", "\"state\":\"open\""),
        ("\"records\":\"3,17\"", "\"records\":\"1-9223372036854775807\""),
        ("\"no_copies\":true", "\"no_copies\":true,\"no_copies\":true"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(matches!(Ledger::from_bytes(changed.as_bytes()), Err(LedgerError::Damaged(_))), "{to}");
    }
    assert_eq!(Ledger::from_bytes(b"{\"requests\":[],\"grants\":[]}"), Ok(Ledger::default()));
}
