//! What is said beside a result: what to do about an error, what was confirmed, and nothing that confuses.
//!
//! Needs `ssh-keygen`.

mod support;

use support::{Home, Ran};

fn sealed() -> Home {
    let home = Home::new();
    home.small_firm();
    home.create("firm.sealed");
    home
}

#[test]
fn a_hold_says_that_it_is_secret() {
    let home = sealed();
    let place = |more: &[&str]| {
        let hold = ["hold", "place", "firm.sealed", "--matter", "m", "--authority", "a"];
        home.run(&[&hold[..], more].concat()).ends(0).out
    };
    assert!(!place(&[]).contains("secret"));
    assert!(place(&["--secrecy"]).contains("  secret: nothing of it may be disclosed\n"));
    assert!(place(&["--secrecy", "--lang", "zh"]).contains("  保密：相关内容一律不得披露\n"));
}

#[test]
fn an_event_that_was_refused_is_not_warned_of() {
    let home = sealed();
    let record = |date: &str| home.run(&["event", "record", "mistyped", "firm.sealed", "--date", date]);
    let refused = record("2999-01-01").fails(1, "2999-01-01");
    assert!(!refused.err.contains("warning"), "{refused:#?}");
    let noted = record("2026-01-01").ends(0);
    assert!(noted.err.contains("no record in the event's scope waits for mistyped"), "{noted:#?}");
}

#[test]
fn a_template_of_requests_takes_no_archive_and_says_what_does() {
    let home = sealed();
    let ran = home.run(&["request", "template", "firm.sealed"]).fails(2, "firm.sealed");
    for command in ["`keepuntil request template > request.json`", "`keepuntil request new --help`"] {
        assert!(ran.err.contains(command), "{ran:#?}");
    }
    assert!(!home.run(&["request", "template", "--help"]).ends(0).out.contains("ARCHIVE"));
}

#[test]
fn an_unknown_place_is_told_with_the_columns_that_there_are() {
    let home = sealed();
    home.write("letter.txt", "keepuntil-notice/v1 closing en\nDear {name}\n");
    home.write("table.csv", "姓名,address\n王芳,上海市一号\n");
    home.write("bare.csv", "王芳,上海市一号\n");
    let merge = |table: &str, more: &[&str]| {
        let words = ["notice", "merge", "letter.txt", "-o", "letters", "--contacts", table];
        home.run(&[&words[..], more].concat()).ends(1).err
    };
    let unknown = merge("table.csv", &[]);
    assert!(unknown.contains("{name}") && unknown.contains("姓名, address"), "{unknown}");
    // A first line that names no column is perhaps somebody's: it is not shown.
    let bare = merge("bare.csv", &[]);
    assert!(bare.contains("address") && !bare.contains("王芳"), "{bare}");
    home.write("letter.txt", "keepuntil-notice/v1 closing en\nDear {姓名}\n");
    let other = merge("table.csv", &["--address-column", "地址"]);
    assert!(other.contains("地址") && other.contains("姓名, address"), "{other}");
}

#[test]
fn a_first_policy_explains_how_it_is_written() {
    let home = Home::new();
    let init = |language: &str| home.run(&["policy", "init", "--jurisdiction", "cn", "--lang", language]).ends(0).out;
    let bare = |text: String| text.replace("\n# ", "").replace(' ', "");
    for part in ["P30Y为30年", "会计年度的最后一天", "confidential为保密"] {
        assert!(bare(init("zh")).contains(part), "{part}");
    }
    assert!(init("en").contains("P30Y is 30 years"));
}

#[test]
fn what_does_not_fit_in_a_file_is_told_with_what_does() {
    let home = sealed();
    let flat = |text: &str| text.replace(['\n', ' '], "");
    let head = "[[compartment]]\nname = \"c\"\nclass = \"机密\"\n";
    let records = "[[records]]\npath = \"**\"\nrecord = \"x\"\ncompartment = \"c\"\nretain = \"P1Y\"\n";
    home.write("class.toml", format!("{head}{records}"));
    home.write("single.toml", format!("{head}{records}").replace("[[records]]", "[records]").replace("机密", "public"));
    home.write("purpose.toml", "[[requester]]\nprincipal = \"a@b.example\"\npurposes = [\"审计\"]\n");
    home.write("requester.toml", "[requester]\nprincipal = \"a@b.example\"\n");
    for (arguments, english, chinese) in [
        (
            &["policy", "check", "class.toml", "clients"][..],
            &["write one of these: public, sensitive, confidential"][..],
            &["不认识 `机密`", "请写其中之一：public（公开）、sensitive（敏感）、confidential（保密）"][..],
        ),
        (
            &["policy", "check", "single.toml", "clients"],
            &["write [[records]] instead of [records]"],
            &["请写 [[records]]，不要写 [records]"],
        ),
        (
            &["roster", "disclosure", "purpose.toml"],
            &["write one of these: audit, tax-inspection,"],
            &["不认识 `审计`", "audit（审计）、tax-inspection（税务检查）"],
        ),
        (
            &["roster", "disclosure", "requester.toml"],
            &["write [[requester]] instead of [requester]"],
            &["请写 [[requester]]，不要写 [requester]"],
        ),
    ] {
        for (language, parts) in [("en", english), ("zh", chinese)] {
            let ran = home.run(&[arguments, &["--lang", language]].concat()).ends(1);
            for part in parts {
                assert!(flat(&ran.err).contains(&flat(part)), "{part}: {ran:#?}");
            }
            assert!(language == "en" || !ran.err.contains("unknown variant"), "{ran:#?}");
        }
    }
}

#[test]
fn what_is_missing_is_said_with_where_it_goes() {
    let home = sealed();
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    home.write(
        "policy.toml",
        "[[compartment]]\nname = \"c\"\nclass = \"public\"\n\n[[rule]]\nid = \"own-files\"\ntitle = \"Own\"\nbound = \"floor\"\nperiod = \"P10Y\"\n\
         base = \"record-date\"\n\n[[records]]\npath = \"**\"\nrecord = \"x\"\ncompartment = \"c\"\nrule = \"own-files\"\n",
    );
    for arguments in [
        &["policy", "check", "policy.toml", "clients"][..],
        &["create", "-o", "b.sealed", "--policy", "policy.toml", "clients"],
    ] {
        let said = home.run(arguments);
        let text = flat(&said.err);
        assert!(text.contains("add the records' date to that [[records]]: dated = "), "{said:#?}");
    }
    home.people(&[("lin", "lin@lantern.example")]);
    home.run(&["roster", "set", "people.txt"]).ends(0);
    let ask = ["request", "new", "firm.sealed", "--record", "1", "--purpose", "audit", "--explain", "x"];
    let by = ["--as", "lin@lantern.example", "--sign-with", "lin", "-o", "request.json"];
    home.run(&[&ask[..], &by].concat()).ends(0);
    let ran = home.run(&["request", "find", "request.json", "firm.sealed"]).ends(2);
    assert!(flat(&ran.err).contains("`keepuntil request propose request.json -o proposal.json`"), "{ran:#?}");
}

#[test]
fn errors_break_at_the_columns_of_standard_error_and_commands_stay_whole() {
    let home = sealed();
    let told = |columns: Option<&str>| {
        let mut command = home.command();
        match columns {
            Some(columns) => command.env("COLUMNS", columns),
            None => command.env_remove("COLUMNS"),
        };
        command.args(["hold", "release", "ffff"]);
        Ran::from(command.output().unwrap()).ends(1).err
    };
    assert_eq!(told(Some("400")).lines().count(), 2);
    let broken = told(Some("40"));
    assert!(
        broken.lines().count() > 2 && broken.lines().any(|line| line.contains("`keepuntil hold list`")),
        "{broken}"
    );
    // Nobody says how wide it is: as a terminal.
    assert_eq!(told(None), told(Some("80")));
    assert_eq!(told(None), told(Some("many")));
}
