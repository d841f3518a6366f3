//! How long records are kept: vectors, the built-in rules, the property that no floor ends early, and what `create` refuses.

#[path = "support/mod.rs"]
mod support;

use chrono::{Datelike, Days, NaiveDate};
use keepuntil::retention::demand::Demand;
use keepuntil::retention::period::Period;
use keepuntil::retention::rule::{Base, Length, RuleError, RuleInput};
use keepuntil::retention::term::{Bound, Counting, FiscalYearEnd, Keep, Standing, Term, is_code, last_day};
use keepuntil::retention::{AtExpiry, Retention, parse_date, rules};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::Home;

fn vectors(name: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/retention").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn date(text: &str) -> NaiveDate {
    parse_date(text).unwrap()
}

#[test]
fn rules_of_a_policy_are_listed_with_the_others() {
    let home = Home::new();
    let own = "[[rule]]\nid = \"own-drawings\"\ntitle = \"Drawings of ours\"\nperiod = \"P12Y\"\n";
    let rest = "[[compartment]]\nname = \"a\"\nclass = \"public\"\n[[records]]\npath = \"{c}/**\"\nrecord = \"{c}\"\n\
        compartment = \"a\"\nuntil = \"2099-12-31\"\n";
    home.write("policy.toml", format!("{own}{rest}"));
    let listed = home.run(&["rules", "--policy", "policy.toml"]).ends(0).out;
    assert!(listed.contains("own-drawings") && listed.contains("cn-accounting-voucher"), "{listed}");
    let one = home.run(&["rules", "own-drawings", "--policy", "policy.toml"]).ends(0).out;
    assert!(one.contains("Drawings of ours") && one.contains("at least 12 years"), "{one}");
    home.run(&["rules", "own-drawings"]).fails(2, "own-drawings");
    home.write("policy.toml", own);
    home.run(&["rules", "--policy", "policy.toml"]).ends(1);
}

#[test]
fn periods_end_as_the_vectors_say() {
    for case in vectors("periods.json") {
        let text = |key: &str| case[key].as_str().map(str::to_owned);
        let counting: Counting = serde_json::from_value(case["counting"].clone()).unwrap();
        let end: FiscalYearEnd = text("fiscal_year_end").map_or_else(Default::default, |end| end.try_into().unwrap());
        let period = text("period").unwrap().parse().unwrap();
        let last = last_day(date(&text("base").unwrap()), counting, end, period).ok();
        assert_eq!(last.map(|day| day.to_string()), text("last_day"), "{case}");
        let free = last.and_then(|day| day.succ_opt());
        assert_eq!(free.map(|day| day.to_string()), text("may_be_destroyed_from"), "{case}");
    }
}

#[test]
fn several_terms_come_to_what_the_vectors_say() {
    for case in vectors("several.json") {
        let terms: Vec<Term> = serde_json::from_value(case["terms"].clone()).unwrap();
        assert_eq!(json!(terms), case["terms"], "one spelling");
        let retention = Retention { terms, at_expiry: AtExpiry::Destroy };
        retention.check().unwrap();
        let events: BTreeMap<String, NaiveDate> = serde_json::from_value(case["events"].clone()).unwrap();
        let event = |name: &str| events.get(name).copied();
        let standing = match retention.standing(event) {
            Standing::Until { last, .. } => json!({ "until": last }),
            Standing::Awaiting(events) => json!({ "awaiting": events }),
            Standing::Permanent => json!({ "permanent": true }),
        };
        assert_eq!(standing, case["standing"], "{}", case["name"]);
        assert_eq!(json!(retention.governing(event)), case["governed_by"], "{}", case["name"]);
        assert_eq!(json!(retention.conflicts(event)), case["overridden"], "{}", case["name"]);
    }
}

fn days_in_month(year: i32, month: u32) -> u32 {
    (28..=31).rev().find(|&day| NaiveDate::from_ymd_opt(year, month, day).is_some()).unwrap()
}

/// The day that corresponds to `from` so many months on, or that month's last; then days are added.
fn naive(from: NaiveDate, months: u32, days: u32) -> NaiveDate {
    let index = from.year() * 12 + from.month0() as i32 + months as i32;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) as u32 + 1);
    let day = from.day().min(days_in_month(year, month));
    NaiveDate::from_ymd_opt(year, month, day).unwrap() + Days::new(days.into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_floor_ends_early(
        offset in 0u64..200_000,
        months in 0u32..1500,
        days in 0u32..1000,
        counting in 0usize..3,
        (month, day) in (1u32..=12).prop_flat_map(|month| (Just(month), 1..=days_in_month(2024, month))),
    ) {
        prop_assume!(months + days > 0);
        let base = date("1900-01-01") + Days::new(offset);
        let counting = [Counting::Day, Counting::CalendarYear, Counting::FiscalYear][counting];
        let end: FiscalYearEnd = format!("{month:02}-{day:02}").try_into().unwrap();
        let period = format!("P{}Y{}M{days}D", months / 12, months % 12).parse().unwrap();
        let last = last_day(base, counting, end, period).unwrap();
        let is_year_end = |date: NaiveDate| match counting {
            Counting::Day => true,
            Counting::CalendarYear => (date.month(), date.day()) == (12, 31),
            Counting::FiscalYear => {
                date.month() == month && date.day() == day.min(days_in_month(date.year(), month))
            }
        };
        let before = base.iter_days().find(|date| is_year_end(*date)).unwrap();
        // Civil law: the day of the event is not counted, and the period ends with the day that corresponds to it.
        prop_assert!(last >= naive(before, months, days), "{last}");
        prop_assert!(last >= naive(base, months, days), "{last}");
        // Counting from the first day: the period ends before that day comes again.
        prop_assert!(last.succ_opt().unwrap() >= naive(before + Days::new(1), months, days), "{last}");
        // And it is no excuse for keeping much longer.
        prop_assert!(last <= naive(before, months, days) + Days::new(3), "{last}");
    }

    #[test]
    fn no_rule_keeps_for_less_than_it_says(
        which in 0usize..64,
        offset in 0u64..40_000,
        given in 1u32..60,
        counting in 0usize..3,
    ) {
        let rule = &rules::built_in()[which % rules::built_in().len()];
        let dated = date("1950-01-01") + Days::new(offset);
        let period: Period = format!("P{given}Y").parse().unwrap();
        let input = RuleInput {
            dated: Some(dated),
            created: dated,
            fiscal_year_end: FiscalYearEnd::default(),
            period: Some(period),
            start: Some(Base::RecordDate),
            counting: Some([Counting::Day, Counting::CalendarYear, Counting::FiscalYear][counting]),
        };
        let Some(Length::Period(own)) = rule.period.filter(|_| rule.bound == Bound::Floor) else { return Ok(()) };
        let least = own.last_day_from(dated + Days::new(1)).unwrap();
        match rule.term(&input) {
            Ok(Term { keep: Keep::Until(last), .. }) => prop_assert!(last >= least),
            Ok(Term { keep: Keep::After(after), .. }) => prop_assert!(after.period.is_at_least(own)),
            Ok(_) => prop_assert!(false, "it is not permanent"),
            Err(error) => {
                let is_shorter = matches!(error, RuleError::Shorter { .. });
                prop_assert!(is_shorter && !period.is_at_least(own));
            }
        }
    }
}

/// The table that the built-in rules were made from: id, period, start, counting.
const TABLE: [(&str, &str, &str, &str); 28] = [
    ("cn-accounting-voucher", "P30Y", "record-date", "fiscal-year"),
    ("cn-accounting-report", "P10Y", "record-date", "fiscal-year"),
    ("cn-accounting-annual", "permanent", "", ""),
    ("cn-fixed-asset-card", "P5Y", "event:asset-scrapped", "day"),
    ("cn-tax-books", "P10Y", "", ""),
    ("cn-invoice-stub", "P5Y", "", ""),
    ("cn-aml-identity", "P10Y", "event:relationship-end", "day"),
    ("cn-aml-transaction", "P10Y", "event:transaction-end", "day"),
    ("cn-platform-transaction", "P3Y", "event:transaction-completed", "day"),
    ("cn-pi-assessment", "P3Y", "", ""),
    ("cn-pi-provision", "P3Y", "", ""),
    ("cn-labour-contract", "P2Y", "event:contract-end", "day"),
    ("cn-wage-ledger", "P3Y", "", ""),
    ("cn-securities-client", "P20Y", "", ""),
    ("cn-securities-service", "P10Y", "event:engagement-end", "day"),
    ("cn-e-certification", "P5Y", "event:certificate-expiry", "day"),
    ("cn-network-log", "P6M", "record-date", "day"),
    ("cn-credit-negative", "P5Y", "event:conduct-end", "day"),
    ("cn-pi-minimum", "", "", ""),
    ("de-books", "P10Y", "record-date", "calendar-year"),
    ("de-voucher", "P8Y", "record-date", "calendar-year"),
    ("de-letter", "P6Y", "record-date", "calendar-year"),
    ("eu-gdpr-limitation", "", "", ""),
    ("uk-company-tax", "P6Y", "record-date", "fiscal-year"),
    ("uk-liquidator", "P6Y", "event:office-end", "day"),
    ("us-audit-papers", "P7Y", "event:audit-concluded", "day"),
    ("us-hipaa-documentation", "P6Y", "record-date", "day"),
    ("us-broker-dealer", "", "record-date", "day"),
];

#[test]
fn the_built_in_rules_are_those_of_the_table() {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let found: Vec<_> = rules::built_in()
        .iter()
        .map(|rule| {
            let counting = rule.counting.map(|counting| counting.as_str().to_owned());
            (rule.id.clone(), rule.period.map(|p| p.to_string()), rule.base.as_ref().map(|b| b.to_string()), counting)
        })
        .collect();
    let table: Vec<_> = TABLE
        .iter()
        .map(|(id, period, base, counting)| ((*id).to_owned(), some(period), some(base), some(counting)))
        .collect();
    assert_eq!(found, table);
    let mut ids: Vec<_> = found.iter().map(|row| &row.0).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), found.len());
}

#[test]
fn every_built_in_rule_is_whole() {
    let ceilings = ["cn-credit-negative", "cn-pi-minimum", "eu-gdpr-limitation"];
    for rule in rules::built_in() {
        let id = &rule.id;
        assert_eq!(rule.check(), Ok(()), "{id}");
        assert!(is_code(id) && rule.applied.is_empty());
        assert_eq!(rule.jurisdiction.as_deref(), id.split('-').next(), "{id}");
        assert!(rule.title_zh.is_some() && rule.records.is_some(), "{id}");
        assert!(rule.citation.is_some() && rule.confidence.is_some(), "{id}");
        assert_eq!(rule.bound == Bound::Ceiling, ceilings.contains(&id.as_str()), "{id}");
        if rule.bound == Bound::Ceiling {
            assert_eq!(rule.at_expiry, AtExpiry::Destroy, "{id}");
        }
        if rule.citation.as_deref().unwrap().starts_with("会计档案管理办法") {
            assert_eq!(rule.at_expiry, AtExpiry::Review, "{id}");
        }
    }
}

fn input() -> RuleInput {
    RuleInput {
        dated: Some(date("2025-06-30")),
        created: date("2026-11-22"),
        fiscal_year_end: FiscalYearEnd::default(),
        period: None,
        start: None,
        counting: None,
    }
}

#[test]
fn what_the_law_leaves_open_is_demanded_and_what_it_says_is_kept() {
    let rule = |id: &str| rules::find(id).unwrap();
    let until = |last: &str| Keep::Until(date(last));
    assert_eq!(rule("cn-accounting-voucher").term(&input()).unwrap().keep, until("2055-12-31"));
    assert_eq!(rule("cn-accounting-annual").term(&input()).unwrap().keep, Keep::Permanent);
    let silent_start = rule("cn-tax-books");
    assert!(matches!(silent_start.term(&input()), Err(RuleError::NeedsStart(_))));
    let start = |start: Base| RuleInput { start: Some(start), ..input() };
    assert_eq!(silent_start.term(&start(Base::RecordDate)).unwrap().keep, until("2035-06-30"));
    assert_eq!(silent_start.term(&start(Base::Creation)).unwrap().keep, until("2036-11-22"));
    let at_year_end = RuleInput { counting: Some(Counting::CalendarYear), ..start(Base::RecordDate) };
    assert_eq!(silent_start.term(&at_year_end).unwrap().keep, until("2035-12-31"));
    let silent_period = rule("us-broker-dealer");
    assert!(matches!(silent_period.term(&input()), Err(RuleError::NeedsPeriod(_))));
    let three = RuleInput { period: Some("P3Y".parse().unwrap()), ..input() };
    assert_eq!(silent_period.term(&three).unwrap().keep, until("2028-06-30"));
    let voucher = rule("cn-accounting-voucher");
    assert!(matches!(voucher.term(&three), Err(RuleError::Shorter { .. })));
    let longer = RuleInput { period: Some("P40Y".parse().unwrap()), ..input() };
    assert_eq!(voucher.term(&longer).unwrap().keep, until("2065-12-31"));
    assert!(matches!(rule("cn-accounting-annual").term(&longer), Err(RuleError::Shorter { .. })));
    assert!(matches!(rule("cn-credit-negative").term(&longer), Err(RuleError::Longer { .. })));
    assert!(matches!(voucher.term(&RuleInput { dated: None, ..input() }), Err(RuleError::NeedsDate(_))));
    // What the rule says of start and counting is not replaced.
    let other = RuleInput { start: Some(Base::Creation), counting: Some(Counting::Day), ..input() };
    assert_eq!(voucher.term(&other).unwrap().keep, until("2055-12-31"));
}

#[test]
fn a_demand_without_effect_or_beyond_the_limit_is_refused() {
    let rules = |ids: &[&str]| ids.iter().map(|id| rules::find(id).unwrap().clone()).collect::<Vec<_>>();
    let voucher = Demand { rules: rules(&["cn-accounting-voucher"]), ..Demand::default() };
    assert_eq!(Demand::default().used_rules(), Err(RuleError::Nothing));
    let idle = Demand { start: Some(Base::Creation), ..voucher.clone() };
    assert_eq!(idle.used_rules(), Err(RuleError::Idle("a start")));
    let idle = Demand { counting: Some(Counting::Day), ..voucher.clone() };
    assert_eq!(idle.used_rules(), Err(RuleError::Idle("a counting")));
    let many = Demand { rules: vec![voucher.rules[0].clone(); 17], ..Demand::default() };
    assert_eq!(many.used_rules(), Err(RuleError::TooMany));
    let short = Demand { retain: Some("P10Y".parse().unwrap()), ..voucher.clone() };
    assert!(matches!(short.used_rules(), Err(RuleError::Shorter { .. })));
    // A date is a floor beside the rules, and the longest wins.
    let (dated, created) = (Some(date("2025-06-30")), date("2026-11-22"));
    let further = Demand { until: Some(date("2080-01-01")), ..voucher.clone() };
    assert_eq!(further.retention(dated, created).unwrap().planned().to_string(), "2080-01-01");
    let nearer = Demand { until: Some(date("2030-01-01")), ..voucher };
    let retention = nearer.retention(dated, created).unwrap();
    assert_eq!(retention.planned(), Standing::Until { last: date("2055-12-31"), governed_by: 0 });
    assert_eq!(retention.at_expiry, AtExpiry::Review);
}

#[test]
fn what_happens_at_the_end_is_what_was_asked_for_or_what_rules_say() {
    let (dated, created) = (Some(date("2025-06-30")), date("2026-11-22"));
    let end = |ids: &[&str], at_expiry| {
        let rules = ids.iter().map(|id| rules::find(id).unwrap().clone()).collect();
        Demand { rules, at_expiry, ..Demand::default() }.retention(dated, created).unwrap().at_expiry
    };
    assert_eq!(end(&["us-hipaa-documentation"], None), AtExpiry::Destroy);
    assert_eq!(end(&["us-hipaa-documentation", "de-books"], None), AtExpiry::Review);
    assert_eq!(end(&["us-hipaa-documentation", "de-books"], Some(AtExpiry::Destroy)), AtExpiry::Destroy);
    assert_eq!(end(&["us-hipaa-documentation"], Some(AtExpiry::Review)), AtExpiry::Review);
}

#[test]
fn a_period_beside_rules_is_theirs_or_a_floor_of_its_own() {
    let (dated, created) = (Some(date("2025-06-30")), date("2026-11-22"));
    let terms = |ids: &[&str], start: Option<Base>, dated| {
        let rules = ids.iter().map(|id| rules::find(id).unwrap().clone()).collect();
        let retain = Some("P40Y".parse().unwrap());
        let retention = Demand { rules, retain, start, ..Demand::default() }.retention(dated, created).unwrap();
        let term = |term: &Term| (term.rule.clone().unwrap_or_default(), json!(term.keep));
        retention.terms.iter().map(term).collect::<Vec<_>>()
    };
    let until = |rule: &str, last: &str| (rule.to_owned(), json!({ "until": last }));
    assert_eq!(terms(&[], None, dated), [until("", "2065-06-30")]);
    assert_eq!(terms(&[], None, None), [until("", "2066-11-22")]);
    assert_eq!(terms(&["us-broker-dealer"], None, dated), [until("us-broker-dealer", "2065-06-30")]);
    let both = [until("de-books", "2035-12-31"), until("", "2065-06-30")];
    assert_eq!(terms(&["de-books"], None, dated), both);
    let both = [until("de-books", "2035-12-31"), until("", "2066-11-22")];
    assert_eq!(terms(&["de-books"], Some(Base::Creation), dated), both);
}

fn create(home: &Home, arguments: &[&str]) -> support::Ran {
    let fixed = ["create", "-o", "firm.sealed", "clients"];
    home.run(&[&fixed, arguments].concat())
}

#[test]
fn create_refuses_rules_that_leave_something_open_and_says_what_to_add() {
    let home = Home::new();
    home.small_firm();
    home.write("short.toml", POLICY.replace("P20Y", "P1Y").replace("cn-pi-minimum", "cn-tax-books"));
    home.write("open.toml", POLICY.replace("start = \"creation\"", ""));
    for (arguments, code, says, hint) in [
        (&[][..], 2, "it is not said how long", "--rule ID"),
        (&["--rule", "cn-no-such"], 2, "there is no rule", "keepuntil rules"),
        (&["--rule", "cn-tax-books"], 2, "cn-tax-books: its text does not say what", "--start record-date"),
        (&["--rule", "cn-tax-books", "--start", "relationship-end"], 1, "event:NAME", ""),
        (&["--rule", "cn-pi-minimum", "--start", "creation"], 2, "does not say how long", "--retain"),
        (&["--rule", "cn-accounting-voucher"], 2, "record's date, which is not given", "--dated"),
        (
            &["--rule", "cn-accounting-voucher", "--dated", "2025-06-30", "--retain", "P10Y"],
            2,
            "P10Y is shorter",
            "--retain",
        ),
        (
            &["--rule", "cn-accounting-voucher", "--dated", "2025-06-30", "--start", "creation"],
            2,
            "a start is given",
            "",
        ),
        (&["--rule", "cn-accounting-report", "--dated", "1990-06-30"], 1, "2000-12-31 is not in the future", ""),
        (&["--until", "2000-01-01"], 1, "2000-01-01 is not in the future", ""),
        (&["--retain", "P5Y", "--fiscal-year-end", "13-31"], 1, "is not the last day of a fiscal year", ""),
        (&["--policy", "short.toml"], 1, "P1Y is shorter", "leave `retain` out"),
        (&["--policy", "open.toml"], 1, "does not say what the period begins with", "start = \"record-date\""),
        (&["--policy", "open.toml", "--rule", "cn-tax-books"], 2, "", ""),
    ] {
        let ran = create(&home, arguments).ends(code);
        assert!(ran.err.contains(says) && ran.err.contains(hint), "{arguments:?}: {ran:#?}");
        assert!(!home.path("firm.sealed").exists());
    }
}

const POLICY: &str = r#"
fiscal-year-end = "03-31"
[[compartment]]
name = "accounts"
class = "public"
[[rule]]
id = "house"
title = "We keep it longer"
period = "P40Y"
base = "record-date"
counting = "calendar-year"
[[records]]
path = "Smith/**"
record = "Smith"
dated = "2025-06-30"
rule = ["cn-accounting-voucher", "cn-pi-minimum", "house"]
retain = "P20Y"
start = "creation"
compartment = "accounts"
[[records]]
path = "**"
record = "rest"
rule = "cn-aml-identity"
compartment = "accounts"
"#;

#[test]
fn create_and_inspect_name_the_rule_that_governs_and_the_ceilings_that_it_overrides() {
    let home = Home::new();
    home.small_firm();
    let arguments = ["--rule", "cn-accounting-voucher", "--rule", "cn-pi-minimum", "--dated", "2025-06-30"];
    let ran = create(&home, &[&arguments[..], &["--retain", "P5Y", "--start", "record-date"]].concat()).ends(0);
    for part in [
        "kept         until 2055-12-31, then review: 3 records",
        "by cn-accounting-voucher (《会计档案管理办法》",
        "over cn-pi-minimum (《个人信息保护法》第十九条、第四十七条): at most until 2030-06-30",
    ] {
        // Long lines are broken for the terminal.
        let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&part), "{part}: {ran:#?}");
    }
    let inspected = home.run(&["inspect", "firm.sealed"]).ends(0);
    let flat = inspected.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("《会计档案管理办法》第十四条、附表1 (from a secondary source)"), "{inspected:#?}");
    let record = home.run(&["inspect", "firm.sealed", "--record", "2"]).ends(0);
    for part in ["at least until 2055-12-31 (governs)", "at most until 2030-06-30 (overridden"] {
        assert!(record.out.contains(part), "{part}: {record:#?}");
    }
    let json = home.run(&["inspect", "firm.sealed", "--json"]).ends(0);
    let archive = &json.json("archive")[0];
    assert_eq!(archive["retentions"][0]["governed_by"], "cn-accounting-voucher");
    assert_eq!(archive["retentions"][0]["overridden"], json!(["cn-pi-minimum"]));
    assert_eq!(archive["rule_definitions"][1]["id"], "cn-pi-minimum");
    assert_eq!(
        archive["rule_definitions"][1]["applied"][0],
        json!({"period": "P5Y", "base": "record-date", "counting": "day"})
    );
    assert_eq!(archive["rule_definitions"][1]["period"], Value::Null, "the law's own silence stays visible");
}

#[test]
fn a_policy_uses_rules_of_the_table_and_its_own() {
    let home = Home::new();
    home.small_firm();
    home.write("policy.toml", POLICY);
    let ran = home.run(&["create", "--json", "-o", "firm.sealed", "clients", "--policy", "policy.toml"]).ends(0);
    let created = &ran.json("created")[0];
    let kept = created["retentions"].as_array().unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!((&kept[0]["until"], &kept[0]["governed_by"]), (&json!("2065-12-31"), &json!("house")));
    assert_eq!(kept[0]["retention"]["terms"][0]["keep"]["until"], "2056-03-31", "fiscal years end in March");
    assert_eq!(kept[1]["awaiting_events"], json!(["relationship-end"]));
    let ids: Vec<_> = created["rule_definitions"].as_array().unwrap().iter().map(|rule| rule["id"].clone()).collect();
    assert_eq!(ids, ["cn-accounting-voucher", "cn-aml-identity", "cn-pi-minimum", "house"]);
    home.run(&["verify", "firm.sealed"]).ends(0);
    let text = home.run(&["inspect", "firm.sealed"]).ends(0).out;
    assert!(text.contains("awaiting relationship-end, then destroy: 1 record"), "{text}");
}

#[test]
fn rules_are_listed_and_shown_with_the_sentence_that_they_are_no_advice() {
    let home = Home::new();
    let all = home.run(&["rules"]).ends(0).out;
    assert!(TABLE.iter().all(|(id, ..)| all.contains(id)) && all.contains("no legal advice"));
    let german = home.run(&["rules", "--jurisdiction", "DE"]).ends(0).out;
    assert!(german.contains("de-books") && !german.contains("cn-"));
    let one = home.run(&["rules", "cn-aml-identity"]).ends(0).out;
    for part in
        ["《反洗钱法》（2024 年）第三十四条", "H: the text itself was read", "relationship-end", "no legal advice"]
    {
        assert!(one.contains(part), "{one}");
    }
    assert!(home.run(&["rules", "--lang", "zh"]).ends(0).out.contains("不是法律意见"));
    assert_eq!(home.run(&["rules", "--json"]).ends(0).json("rule").len(), TABLE.len());
    home.run(&["rules", "no-such"]).fails(2, "no-such");
    home.run(&["rules", "--jurisdiction", "xx"]).fails(2, "xx");
}
