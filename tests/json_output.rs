//! What `--json` writes fits `spec/schema/output.json`; that schema and `spec/json.md` know every type of object, and no other.
//!
//! Needs `ssh-keygen`.

mod support;
mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use support::{Home, files_below};

/// What the runs go through. Each line is a run with `--json`, after the exit code that it must have; `{type.field}` is a
/// field of the last object of that type, `{type.field.0}` its first line. `sign KEY NAMESPACE FILE` signs with OpenSSH, `text FILE ARGUMENTS` writes what a run
/// without `--json` prints.
const RUNS: &str = "
2
2 nonsense
2 verify
2 status --nonsense
0 completions bash
0 policy init --jurisdiction cn
0 policy init --jurisdiction cn -o first.toml
0 request template
0 notice template closing
0 notice template closing -o closing.txt
0 keygen
0 keygen -o id.txt
0 keygen -y id.txt
0 keyring init
0 hold list
0 event list
0 due
0 disclosures
0 notice list
0 notice due
0 roster show
0 purge --unattended
0 create -o firm.sealed --until 2099-12-31 clients
0 create -o consent.sealed --rule cn-pi-minimum --start creation --retain P3Y clients
0 create -o staff.sealed --rule cn-labour-contract --class sensitive clients
0 create -o books.sealed --rule cn-accounting-annual --class public clients
2 create -o none.sealed clients
1 inspect missing.sealed
0 inspect firm.sealed
0 inspect firm.sealed --record 2
0 inspect staff.sealed
1 inspect firm.sealed --record 1 --keyring missing
0 verify firm.sealed
0 verify firm.sealed --deep --against clients
3 verify firm.sealed --against other
0 verify firm.sealed --note
10 verify people.txt
text firm.vkeys keyring info --vkeys
0 verify firm.sealed --trust firm.vkeys
0 restore firm.sealed --match *Smith* -o out
0 evidence verify out --trust firm.vkeys
3 evidence verify out
text out/stray.txt keyring info --vkeys
3 evidence verify out --trust firm.vkeys
text out/Smith/data/letter.txt keyring info --vkeys
10 evidence verify out --trust firm.vkeys
0 keyring info
0 keyring check firm.sealed
0 keyring set --cool-off-days 0
0 keyring export firm.sealed --record 2 -o sheet.txt
0 keyring info --vkeys
0 journal witness-key -o outside.key
0 clock trust --witness {text.text.0}
0 rules
0 rules cn-pi-minimum
2 rules nothing
0 status
0 due
0 due --within P90Y
0 hold place firm.sealed --record 1 --matter case --authority court
0 hold place --everything --secrecy --matter case --authority court
0 hold list
0 status
3 report compliance
0 report inventory staff.sealed books.sealed
0 hold release {hold.hold}
0 event record contract-end staff.sealed --record 1 --date 2026-01-01
0 event list
0 extend firm.sealed --record 1-2 --until 2100-12-31
0 event list
0 clock show
0 clock statement
0 survey clients -o policy.toml
3 policy check policy.toml clients
0 roster check people.txt
0 roster check people.txt --disclosure may-ask.toml
0 roster disclosure may-ask.toml
0 roster set people.txt
0 roster show
0 keyring set --cool-off-days 3 --statement
0 journal show
0 journal show --from 1000000
0 journal show --checkpoint
0 journal verify
0 journal export -o journal
0 journal verify journal --trust firm.vkeys
text witness.vkeys journal witness-key -o witness.key
0 journal cosign journal --witness-key witness.key --state witness.state --trust firm.vkeys -o cosigned
text clock.txt clock statement
sign lin keepuntil-clock clock.txt
0 clock confirm --statement clock.txt --signature clock.txt.sig
0 purge --dry-run
0 purge --dry-run --archive consent.sealed --record 1 --early consent-withdrawn
0 purge --plan plan.json --archive consent.sealed --record 2 --early consent-withdrawn
0 report destruction --plan plan.json consent.sealed
sign lin keepuntil-plan plan.json
0 purge --execute plan.json --approval plan.json.sig
0 certificate verify {destroyed.certificate} --journal firm.vkeys
0 certificate show {destroyed.certificate} --journal firm.vkeys
0 certificate show {destroyed.certificate} -o certificate.html
3 certificate verify {destroyed.certificate}
0 report destruction --certificate {destroyed.certificate} --journal firm.vkeys
0 purge --reclaim consent.sealed
3 verify --deep consent.sealed
3 restore consent.sealed --all -o rest
0 keyring set --cool-off-days 7
0 purge --plan later.json --archive consent.sealed --record 3 --early consent-withdrawn
sign lin keepuntil-plan later.json
0 purge --execute later.json --approval later.json.sig
0 report destruction --plan later.json
0 report inventory
0 status
0 purge cancel {scheduled.purge}
0 request new firm.sealed --record 1-2 --purpose audit --explain audit --as auditor@cpa.example --sign-with auditor -o request.json
0 request show request.json
0 request check request.json firm.sealed
0 request find --match *Smith* firm.sealed
0 request propose request.json --no-copies --destroy-by 2099-12-31 -o proposal.json
15 request check request.json --proposal proposal.json
0 approve proposal.json --sign-with lin --yes
0 grant firm.sealed proposal.json --request request.json -o grant.json --extract extract.tar
0 restore extract.tar --grant grant.json -i request.json.identity --sign-with auditor --trust firm.vkeys -o audit
0 evidence verify audit --trust firm.vkeys
0 receipt import audit/keepuntil-receipt.json
0 receipt new grant.json --what returned --record 1 --sign-with auditor -o returned.json
0 request new firm.sealed --record 2 --purpose audit --explain more --as auditor@cpa.example --sign-with auditor -o second.json
0 request check second.json
0 disclosures
0 refuse second.json --reason out-of-scope --explain no -o refusal.json --letter refusal.txt
0 evidence verify refusal.json --trust firm.vkeys
0 disclosures
0 notice merge letter.txt --contacts contacts.csv --archive firm.sealed -o letters
0 notice sent letters/mailing.json --by post --on {report_inventory.date}
0 notice show {notice.notice} --mailing letters/mailing.json --address a@example.org
0 notice reply --archive firm.sealed --record 2 --kind question --received 2026-01-05
3 notice due
0 notice answer {reply.reply} --on 2026-01-06 --outcome answered
0 notice list
0 report inventory firm.sealed
0 report inventory firm.sealed -o inventory.csv
0 create -o notify.sealed --policy notify.toml other
0 report calendar firm.sealed --by month --stack rule
0 report handover --to successor --records
0 report disclosures
3 report assessment firm.sealed
0 report risks firm.sealed
0 report cost firm.sealed --price 980.50
0 report cost books.sealed staff.sealed
0 schedule write -o .
0 man
0 man -o pages
";

/// Types of objects that no run writes: `schedule watch` runs for ever.
const UNSEEN: &str = "run unnotified";

/// Types that end what has more than one object, or none.
const ENDS: [&str; 19] = [
    "archive",
    "compared",
    "disclosure_policy",
    "disclosure_policy_checked",
    "end",
    "error",
    "evidence",
    "found",
    "noted",
    "opened_grant",
    "plan",
    "policy_check",
    "report_calendar_summary",
    "report_summary",
    "roster",
    "salvage",
    "survey",
    "text",
    "verified",
];

/// Parts of objects that other documents of `spec/` describe: formats of their own.
const DOCUMENTS: [&str; 5] = ["conditions", "label", "retention", "rule_definition", "scope"];

/// Every type of object that the source names.
fn written() -> BTreeSet<String> {
    let mut types = BTreeSet::new();
    for path in files_below(&tools::project("src/cli")) {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
        for before in ["\"message_type\":\"", "[\"message_type\"]=\"", "deliver(\""] {
            for after in source.split(before).skip(1) {
                types.insert(after.split('"').next().unwrap().to_owned());
            }
        }
    }
    assert!(types.len() > 80, "{types:?}");
    types
}

#[test]
fn schema_and_table_know_every_type_and_no_other() {
    let written = written();
    let schema = schema();
    let listed = schema["properties"]["message_type"]["enum"].as_array().unwrap();
    let listed: BTreeSet<String> = listed.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, written);
    let definitions = schema["$defs"].as_object().unwrap().keys();
    let defined: BTreeSet<String> =
        definitions.filter_map(|name| name.strip_prefix("message_")).map(Into::into).collect();
    assert_eq!(defined, written);
    let chosen: BTreeSet<String> = schema["allOf"].as_array().unwrap().iter().map(chosen).collect();
    assert_eq!(chosen, written);
    let table = fs::read_to_string(tools::project("spec/json.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|line| line.split('`').next());
    assert_eq!(rows.map(str::to_owned).collect::<BTreeSet<_>>(), written);
}

/// The type for which a branch of the schema chooses a definition.
fn chosen(branch: &serde_json::Value) -> String {
    let name = branch["if"]["properties"]["message_type"]["const"].as_str().unwrap();
    assert_eq!(branch["then"]["$ref"], format!("#/$defs/message_{name}"));
    name.to_owned()
}

/// A small firm, a folder that differs from it, and people who may ask and approve.
fn home() -> Home {
    let home = Home::new();
    home.small_firm();
    home.write("other/note.txt", "other");
    home.people(&[("lin", "lin@lantern.example"), ("auditor", "auditor@cpa.example")]);
    let may_ask = "[approvals]\nconfidential = 1\n\n[[requester]]\nprincipal = \"auditor@cpa.example\"\n";
    home.write("may-ask.toml", may_ask);
    home.write(
        "letter.txt",
        "keepuntil-notice/v1 closing en\nNotice\n\n{letter}, {today}\n\nDear {name},\n\nwe close.\n",
    );
    home.write(
        "notify.toml",
        "[[compartment]]\nname = \"clients\"\nclass = \"sensitive\"\n[[rule]]\nid = \"own\"\ntitle = \"Files\"\n\
         period = \"P10Y\"\nbase = \"creation\"\nnotify = \"P30D\"\n[[records]]\npath = \"**\"\nrecord = \"all\"\n\
         rule = \"own\"\ncompartment = \"clients\"\n",
    );
    home.write("contacts.csv", "name,address,record\nSmith,a@example.org,1\n");
    home
}

/// A word of a run; `{type.field}` stands for a field of the last object of that type.
fn word(part: &str, objects: &[serde_json::Value]) -> String {
    let Some((kind, field)) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')?.split_once('.')) else {
        return part.to_owned();
    };
    let object = objects.iter().rev().find(|object| object["message_type"] == kind);
    let value = &object.unwrap_or_else(|| panic!("no {part}"))[field.trim_end_matches(".0")];
    let text = value.as_str().unwrap();
    if field.ends_with(".0") { text.lines().next().unwrap() } else { text }.to_owned()
}

/// That whoever reads what a run wrote knows that nothing of it is missing.
fn ends(run: &str, objects: &[serde_json::Value]) {
    let last = objects.last().and_then(|object| object["message_type"].as_str());
    assert!(objects.len() == 1 || last.is_some_and(|last| ENDS.contains(&last)), "{run}: {last:?}");
    for (place, object) in objects.iter().enumerate().filter(|(_, object)| object["message_type"] == "end") {
        let is_head = |object: &&serde_json::Value| {
            ["report_certificate", "report_plan"].contains(&object["message_type"].as_str().unwrap())
        };
        let heads = objects.iter().filter(is_head).count();
        assert_eq!(object["count"], place - heads, "{run}");
    }
}

/// That instants outside documents and texts are spelled in one way.
fn instants(run: &str, field: &str, value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            let instant = regex::Regex::new(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}.?[0-9]{2}:[0-9]{2}").unwrap();
            let spelled = regex::Regex::new(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$").unwrap();
            assert!(!instant.is_match(text) || spelled.is_match(text), "{run}: {field}: {text}");
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| instants(run, field, value)),
        serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| instants(run, name, value)),
        _ => {}
    }
}

fn schema() -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(tools::project("spec/schema/output.json")).unwrap()).unwrap()
}

/// What a field holds: a type of JSON, for text also how it is spelled. Null beside it says that it may not apply.
fn kind(schema: &serde_json::Value, value: &serde_json::Value) -> String {
    let is_code = |value: &serde_json::Value| {
        value.as_str().is_some_and(|text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
    };
    let one = |kinds: BTreeSet<String>| {
        let kinds: Vec<String> = kinds.into_iter().filter(|kind| kind != "null").collect();
        assert_eq!(kinds.len(), 1, "{value}");
        kinds[0].clone()
    };
    let kind = |value: &serde_json::Value| kind(schema, value);
    if let Some(name) = value["$ref"].as_str() {
        return kind(&schema["$defs"][name.strip_prefix("#/$defs/").unwrap()]);
    }
    if let Some(choices) = value["anyOf"].as_array() {
        // No record at all is an empty text.
        return one(choices.iter().filter(|choice| choice["const"] != "").map(kind).collect());
    }
    if let Some(values) = value["enum"].as_array() {
        assert!(values.iter().all(|value| value.is_null() || value.is_number() || is_code(value)), "{value}");
        return if values.iter().any(serde_json::Value::is_number) { "integer".into() } else { "code".into() };
    }
    if is_code(&value["const"]) {
        return "code".into();
    }
    match &value["type"] {
        serde_json::Value::Array(types) => one(types.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect()),
        serde_json::Value::String(name) => match (name.as_str(), &value["items"], &value["additionalProperties"]) {
            ("array", items, _) => format!("array of {}", kind(items)),
            ("object", _, serde_json::Value::Object(values)) => {
                format!("map of {}", kind(&serde_json::Value::Object(values.clone())))
            }
            ("string", ..) if value["pattern"] == schema["$defs"]["code"]["pattern"] => "code".into(),
            ("string", ..) if value["pattern"].is_string() => format!("text {}", value["pattern"]),
            (name, ..) => name.to_owned(),
        },
        other => panic!("{value}: {other}"),
    }
}

/// Every object in the schema that has named fields, with where it is.
fn objects_of<'s>(place: String, value: &'s serde_json::Value, found: &mut Vec<(String, &'s serde_json::Value)>) {
    if value["properties"].is_object() {
        found.push((place.clone(), value));
    }
    match value {
        serde_json::Value::Array(values) => values.iter().for_each(|value| objects_of(place.clone(), value, found)),
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| objects_of(format!("{place}.{name}"), value, found));
        }
        _ => {}
    }
}

#[test]
fn every_object_has_all_fields_of_its_type() {
    let schema = schema();
    let mut objects = Vec::new();
    objects_of(String::new(), &schema["$defs"], &mut objects);
    for (place, object) in objects {
        if DOCUMENTS.contains(&place.split('.').nth(1).unwrap()) || place == ".message_entry.properties.leaf" {
            continue;
        }
        let required: BTreeSet<&str> =
            object["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let fields: BTreeSet<&str> = object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(required, fields, "{place}");
        assert_eq!(object["additionalProperties"], false, "{place}");
    }
}

#[test]
fn a_name_means_one_thing() {
    let schema = schema();
    let mut objects = Vec::new();
    objects_of(String::new(), &schema["$defs"], &mut objects);
    let mut meanings: BTreeMap<&str, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for (place, object) in &objects {
        for (name, value) in object["properties"].as_object().unwrap() {
            meanings.entry(name).or_default().entry(kind(&schema, value)).or_default().push(place);
        }
    }
    assert!(meanings.len() > 200, "{}", meanings.len());
    for (name, kinds) in meanings {
        assert!(kinds.len() == 1 || name == "message_type", "{name}: {kinds:#?}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
    }
}

#[test]
fn what_the_commands_write_fits_the_schema() {
    let home = home();
    let mut objects: Vec<serde_json::Value> = Vec::new();
    let mut runs: Vec<&str> = Vec::new();
    for run in RUNS.lines().skip(1) {
        let words: Vec<String> = run.split(' ').map(|part| word(part, &objects)).collect();
        match &words[..] {
            [verb, key, namespace, file] if verb == "sign" => {
                home.sign(key, namespace, file, format!("{file}.sig"));
            }
            [verb, file, arguments @ ..] if verb == "text" => {
                let text = home.run(arguments).ends(0).out;
                home.write(file, text);
            }
            [code, arguments @ ..] => {
                let arguments: Vec<&str> = ["--json"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
                let code: i32 = code.parse().unwrap();
                let ran = home.run(&arguments);
                assert_eq!(ran.code, Some(code), "{run}: {ran:#?}");
                let before = objects.len();
                for line in ran.out.lines() {
                    objects.push(serde_json::from_str(line).unwrap_or_else(|e| panic!("{run}: {e}: {line}")));
                    runs.push(run);
                }
                ends(run, &objects[before..]);
                objects[before..].iter().for_each(|object| instants(run, "", object));
            }
            [] => unreachable!("splitting yields one part at least"),
        }
    }
    assert!(home.path("certificate.html").exists() && home.path("inventory.csv").exists());
    let seen: BTreeSet<&str> = objects.iter().filter_map(|object| object["message_type"].as_str()).collect();
    let unseen: Vec<String> = written().into_iter().filter(|name| !seen.contains(name.as_str())).collect();
    assert_eq!(unseen.join(" "), UNSEEN);

    let Some(python) = tools::tool(tools::PYTHON) else { return };
    let write =
        |(number, object): (usize, &serde_json::Value)| home.write(&format!("objects/{number}"), object.to_string());
    let files: Vec<PathBuf> = objects.iter().enumerate().map(write).collect();
    let said = tools::schema(&python, "output", &files);
    assert_eq!(said.lines().count(), runs.len());
    let wrong = said.lines().zip(runs).filter(|(line, _)| !line.ends_with("\tok"));
    let wrong: Vec<String> = wrong.map(|(line, run)| format!("{run}: {line}")).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_schema_refuses_what_is_none_of_it() {
    let Some(python) = tools::tool(tools::PYTHON) else { return };
    let home = Home::new();
    for bad in [
        "{}",
        r#"{"message_type":"nothing"}"#,
        r#"{"message_type":"cancelled"}"#,
        r#"{"message_type":"cancelled","purge":"0123"}"#,
        r#"{"message_type":"cancelled","purge":"00112233445566778899aabbccddeeff","more":1}"#,
        r#"{"message_type":"roster_checked","people_count":1,"key_count":[]}"#,
        r#"{"message_type":"error","exit_code":0,"message":"","list":[],"hint":null}"#,
        r#"{"message_type":"error","exit_code":1,"message":"","list":[]}"#,
    ] {
        let said = tools::schema(&python, "output", &[home.write("object", bad)]);
        assert!(!said.trim_end().ends_with("\tok"), "{bad}: {said}");
    }
    let good = r#"{"message_type":"cancelled","purge":"00112233445566778899aabbccddeeff"}"#;
    assert!(tools::schema(&python, "output", &[home.write("object", good)]).trim_end().ends_with("\tok"));
}

/// A key that nobody saw is lost: whoever cannot be told has to be told that.
#[test]
fn objects_that_cannot_be_written_are_an_error() {
    let home = Home::new();
    home.small_firm();
    home.create("firm.sealed");
    for arguments in [&["keygen", "--json"][..], &["inspect", "firm.sealed", "--json"], &["status", "--json"]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = home.command().args(arguments).stdout(full).output().unwrap();
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
}
