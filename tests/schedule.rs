//! `keepuntil schedule`: what it writes is accepted by systemd and cron, and what others wrote stays.

mod support;

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::Home;

/// Names that schedulers have meanings for, and one in Chinese.
const NASTY: &str = "50% of 'the' \"ring\" $HOME \\ 沐阳; #x";

fn with_keyring(name: &str) -> (Home, PathBuf) {
    let home = Home::new();
    let keyring = home.path(name);
    home.run(&["keyring", "init", "--firm", "lantern.example", keyring.to_str().unwrap()]).ends(0);
    (home, keyring)
}

/// The program under a nasty path, and without systemd and cron on the search path but what `tools` has.
fn schedule(home: &Home, keyring: &Path, tools: Option<&Path>, arguments: &[&str]) -> support::Ran {
    let mut command = home.command();
    if let Some(tools) = tools {
        command.env("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    }
    command.args(["schedule"]).args(arguments).arg("--keyring").arg(keyring);
    support::Ran::from(command.output().unwrap())
}

fn script(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.write(&format!("tools/{name}"), format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.path("tools")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn units_pass_systemd_analyze() {
    let known = Command::new("systemd-analyze").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !known {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "systemd-analyze must be installed in CI");
        return eprintln!("NOT TESTED: systemd-analyze is not installed");
    }
    for (name, system) in [("plain", false), ("plain", true), (NASTY, false), (NASTY, true)] {
        let (home, keyring) = with_keyring(name);
        let mode = if system { "--system" } else { "--user" };
        schedule(&home, &keyring, None, &["write", "-o", "units", mode, "--at", "23:59"]).ends(0);
        let units = files(&home.path("units"));
        assert_eq!(units.len(), 2);
        let mut verify = Command::new("systemd-analyze");
        if !system {
            verify.arg("--user").env("XDG_RUNTIME_DIR", home.path(""));
        }
        // The manual page is not installed where the tests run.
        let ran = verify.args(["verify", "--man=no"]).args(&units).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success() && !said.contains("keepuntil"), "{name} {mode}: {said}");
        let calendar = text(&units[1]).lines().find_map(|line| line.strip_prefix("OnCalendar=").map(str::to_owned));
        let ran = Command::new("systemd-analyze").arg("calendar").arg(calendar.unwrap()).output().unwrap();
        assert!(ran.status.success());
    }
}

#[test]
fn units_run_purge_and_then_status_for_this_keyring() {
    let (home, keyring) = with_keyring("ring");
    schedule(&home, &keyring, None, &["write", "-o", "units", "--system"]).ends(0);
    let [service, timer] = &files(&home.path("units"))[..] else { panic!() };
    let (service, timer) = (text(service), text(timer));
    let program = env!("CARGO_BIN_EXE_keepuntil");
    for line in [
        format!("ExecStart={program} --quiet purge --unattended --keyring {}", keyring.display()),
        format!("ExecStopPost={program} --quiet status --keyring {}", keyring.display()),
        "Type=oneshot".into(),
        "NoNewPrivileges=yes".into(),
        "PrivateNetwork=yes".into(),
        "ProtectSystem=strict".into(),
    ] {
        assert!(service.lines().any(|found| found == line), "{line}\n{service}");
    }
    let write = service.lines().find_map(|line| line.strip_prefix("ReadWritePaths=")).unwrap();
    let root = home.open_root(&keyring);
    assert_eq!(write, format!("{} {}", keyring.display(), root.display()));
    for line in ["OnCalendar=*-*-* 03:30:00", "Persistent=true", "RandomizedDelaySec=30min"] {
        assert!(timer.lines().any(|found| found == line), "{line}\n{timer}");
    }
}

#[test]
fn units_and_lines_speak_the_language_that_was_asked_for() {
    let (home, keyring) = with_keyring("ring");
    schedule(&home, &keyring, None, &["write", "-o", "zh", "--lang", "zh"]).ends(0);
    schedule(&home, &keyring, None, &["write", "-o", "zh", "--cron", "--lang", "zh"]).ends(0);
    schedule(&home, &keyring, None, &["write", "-o", "plain"]).ends(0);
    let all = |dir: &str| files(&home.path(dir)).iter().map(|file| text(file)).collect::<String>();
    let lines: Vec<String> = all("zh").lines().filter(|line| line.contains("--keyring")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in lines {
        assert_eq!(line.matches("--lang").count(), if line.starts_with("Exec") { 1 } else { 2 }, "{line}");
        assert!(line.contains("zh"), "{line}");
    }
    assert!(!all("plain").contains("--lang"));
    for (dir, parts) in [
        ("zh", ["Description=每天运行 keepuntil", "# 关机期间错过的运行", "退出码 $?"]),
        ("plain", ["Description=Daily run of keepuntil", "# A run that was missed", "# Runs whatever became"]),
    ] {
        assert!(parts.iter().all(|part| all(dir).contains(part)), "{dir}: {}", all(dir));
    }
    let mut here = home.command();
    here.env("LC_ALL", "zh_CN.UTF-8").args(["schedule", "write", "-o", "here", "--keyring"]).arg(&keyring);
    assert!(here.output().unwrap().status.success());
    assert_eq!(all("here").matches("--lang zh").count(), 2, "as whoever wrote them speaks");
    // What the line of cron runs takes it.
    let cron =
        files(&home.path("zh")).into_iter().find(|file| file.extension().is_some_and(|end| end == "cron")).unwrap();
    let line = text(&cron).lines().find(|line| line.contains("--keyring")).unwrap().to_owned();
    let command = line.splitn(6, ' ').nth(5).unwrap().to_owned();
    std::fs::remove_dir_all(&keyring).unwrap();
    let mut shell = home.command();
    let mut run = Command::new("sh");
    run.env_clear().envs(shell.env("LC_ALL", "C").get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = run.arg("-c").arg(command).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(said.contains("错误") && !said.contains("error:"), "{said}");
}

trait Root {
    fn open_root(&self, keyring: &Path) -> PathBuf;
}

impl Root for Home {
    fn open_root(&self, keyring: &Path) -> PathBuf {
        let config: serde_json::Value = serde_json::from_str(&text(&keyring.join("keyring.json"))).unwrap();
        config["root"].as_str().unwrap().into()
    }
}

#[test]
fn install_and_remove_tell_systemd_and_undo_each_other() {
    let (home, keyring) = with_keyring(NASTY);
    let tools = script(&home, "systemctl", &format!("echo \"$*\" >> '{}'", home.path("told").display()));
    let run = |arguments: &[&str]| schedule(&home, &keyring, Some(&tools), arguments);
    let units = home.path("home/.config/systemd/user");
    home.write("home/.config/systemd/user/theirs.service", "theirs");
    let first = run(&["install"]).ends(0);
    assert!(first.out.contains("Wrote") && first.out.contains("enable-linger"), "{first:#?}");
    let before: Vec<String> = files(&units).iter().map(|path| text(path)).collect();
    assert!(run(&["install"]).ends(0).out.contains("Unchanged"));
    assert_eq!(before, files(&units).iter().map(|path| text(path)).collect::<Vec<_>>());
    run(&["show"]).ends(0);
    // At another time and in another language: it is shown as it is, without naming either again.
    run(&["install", "--at", "02:15", "--lang", "zh"]).ends(0);
    let shown = run(&["show"]).ends(0);
    assert!(shown.out.contains("Installed: every day at 02:15"), "{shown:#?}");
    assert!(run(&["show", "--at", "03:30"]).ends(3).out.contains("differs"));
    run(&["remove"]).ends(0);
    let shown = run(&["show"]).ends(3);
    assert!(shown.out.replace("\n ", "").contains("would have it run every day at 03:30"), "{shown:#?}");
    assert_eq!(files(&units), [units.join("theirs.service")]);
    assert!(run(&["remove", "--user"]).ends(0).out.contains("There were no units"));
    run(&["show"]).ends(3);
    let told = text(&home.path("told"));
    for line in [
        "--user --no-ask-password daemon-reload",
        "--user --no-ask-password enable --now keepuntil-",
        "disable --now keepuntil-",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn files_of_others_are_never_overwritten() {
    let (home, keyring) = with_keyring("ring");
    let tools = script(&home, "systemctl", &format!("echo \"$*\" >> '{}'", home.path("told").display()));
    schedule(&home, &keyring, Some(&tools), &["install"]).ends(0);
    let timer = files(&home.path("home/.config/systemd/user")).pop().unwrap();
    std::fs::write(&timer, "[Timer]\nOnCalendar=never\n").unwrap();
    std::fs::remove_file(home.path("told")).unwrap();
    for verb in ["install", "remove"] {
        let ran = schedule(&home, &keyring, Some(&tools), &[verb]);
        assert!(ran.code != Some(0) && ran.err.contains("was not written by keepuntil"), "{ran:#?}");
    }
    assert_eq!(text(&timer), "[Timer]\nOnCalendar=never\n");
    assert!(!home.path("told").exists(), "nothing was switched on or off");
}

#[test]
fn without_systemd_it_says_what_to_do() {
    let (home, keyring) = with_keyring("ring");
    let tools = script(&home, "systemctl", "echo 'Failed to connect to bus' >&2; exit 1");
    let ran = schedule(&home, &keyring, Some(&tools), &["install"]).ends(3);
    let flat = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("`keepuntil schedule install --cron`"), "{ran:#?}");
    assert!(ran.err.contains("Failed to connect to bus") && ran.err.contains("hint: `systemctl --user"), "{ran:#?}");
    assert_eq!(files(&home.path("home/.config/systemd/user")).len(), 2);
}

/// What cron gives the shell: everything behind five fields, each `\%` a `%`; a bare one would end it.
fn as_cron_reads(line: &str) -> String {
    let command = line.splitn(6, ' ').nth(5).unwrap();
    assert!(!command.replace("\\%", "").contains('%'), "{command}");
    command.replace("\\%", "%")
}

#[test]
fn a_line_of_cron_runs_the_verbs_and_prints_only_what_went_wrong() {
    let (home, keyring) = with_keyring(NASTY);
    // A copy of the program under a name as bad as the keyring's.
    let folder = home.path("bin 100% 'a' $x");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("keepuntil");
    // Not by this process, whose other threads would start programs with the copy still open: it could not be run then.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_keepuntil")).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(&program);
    command
        .env("HOME", home.path("home"))
        .args(["schedule", "write", "--cron", "-o", "."])
        .arg("--keyring")
        .arg(&keyring);
    assert!(command.current_dir(home.path("")).output().unwrap().status.success());
    let written = files(&home.path("")).into_iter().find(|path| path.extension().is_some_and(|e| e == "cron")).unwrap();
    let line = text(&written).lines().nth(2).unwrap().to_owned();
    assert!(line.starts_with("30 3 * * * "), "{line}");
    // In the place of the program a script that says how it was called.
    let told = home.path("told");
    let fake =
        format!("#!/bin/sh\nfor a in \"$@\"; do echo \"$a\" >> '{}'; done\necho said\nexit $CODE\n", told.display());
    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, fake).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (code, read) in
        [("0", as_cron_reads(&line)), ("3", as_cron_reads(&line)), ("0", line.splitn(6, ' ').nth(5).unwrap().into())]
    {
        let _ = std::fs::remove_file(&told);
        let ran = Command::new("/bin/sh").arg("-c").arg(read).env("CODE", code).output().unwrap();
        let keyring = keyring.to_str().unwrap();
        let expected =
            format!("--quiet\npurge\n--unattended\n--keyring\n{keyring}\n--quiet\nstatus\n--keyring\n{keyring}\n");
        assert_eq!(text(&told), expected);
        let said = String::from_utf8(ran.stdout).unwrap();
        let wanted = "keepuntil purge --unattended: exit 3 said\nkeepuntil status: exit 3 said\n";
        assert_eq!(said, if code == "0" { "" } else { wanted });
    }
}

#[test]
fn a_crontab_keeps_what_others_wrote() {
    let (home, keyring) = with_keyring(NASTY);
    let table = home.path("table");
    let tools = script(
        &home,
        "crontab",
        &format!(
            "case $1 in -l) cat '{0}' 2>/dev/null || {{ echo 'no crontab for you' >&2; exit 1; }};; -) cat > '{0}';; esac",
            table.display()
        ),
    );
    let run = |arguments: &[&str]| schedule(&home, &keyring, Some(&tools), arguments);
    run(&["show", "--cron"]).ends(3);
    run(&["install", "--cron"]).ends(0);
    run(&["remove", "--cron"]).ends(0);
    assert_eq!(text(&table), "");
    let theirs = "MAILTO=me\n5 4 * * * theirs 50\\%\n";
    std::fs::write(&table, theirs).unwrap();
    run(&["install", "--cron", "--at", "01:02"]).ends(0);
    let once = text(&table);
    assert!(once.starts_with(theirs) && once.contains("\n2 1 * * * "), "{once}");
    run(&["install", "--cron", "--at", "01:02"]).ends(0);
    assert_eq!(text(&table), once);
    run(&["show", "--cron"]).ends(0);
    run(&["install", "--cron", "--at", "04:05"]).ends(0);
    assert_eq!(text(&table), once.replace("\n2 1 * * *", "\n5 4 * * *"));
    run(&["remove", "--cron"]).ends(0);
    assert_eq!(text(&table), theirs);
    // A crontab that cannot be read is not an empty one.
    std::fs::write(home.path("tools/crontab"), "#!/bin/sh\necho 'you are not allowed' >&2; exit 1\n").unwrap();
    let ran = run(&["install", "--cron"]);
    assert!(ran.code == Some(1) && ran.err.contains("you are not allowed"), "{ran:#?}");
}

#[test]
fn what_is_installed_is_removed_whichever_kind_it_is() {
    let (home, keyring) = with_keyring("ring");
    let table = home.path("table");
    script(&home, "systemctl", "exit 0");
    let tools = script(
        &home,
        "crontab",
        &format!(
            "case $1 in -l) cat '{0}' 2>/dev/null || {{ echo 'no crontab for you' >&2; exit 1; }};; -) cat > '{0}';; esac",
            table.display()
        ),
    );
    let run = |arguments: &[&str]| schedule(&home, &keyring, Some(&tools), arguments);
    let units = home.path("home/.config/systemd/user");
    let nothing = run(&["remove", "--json"]).ends(0).json("schedule").remove(0);
    assert_eq!((&nothing["changed"], &nothing["crontab"]), (&false.into(), &serde_json::Value::Null));
    assert!(run(&["remove"]).ends(0).out.contains("Nothing was installed"));
    run(&["install", "--cron", "--at", "01:02"]).ends(0);
    let shown = run(&["show"]).ends(0);
    assert!(shown.out.starts_with("2 1 * * * "), "{shown:#?}");
    assert!(run(&["remove", "--user"]).ends(0).out.contains("There were no units"));
    assert!(text(&table).contains("keepuntil"), "--user names another kind");
    let removed = run(&["remove"]).ends(0);
    assert!(removed.out.contains("Removed from your crontab") && !removed.out.contains("units"), "{removed:#?}");
    assert_eq!(text(&table), "");
    // Both.
    run(&["install"]).ends(0);
    run(&["install", "--cron"]).ends(0);
    let shown = run(&["show"]).ends(0);
    assert!(shown.out.contains("The timer is") && shown.out.contains("in your crontab as well"), "{shown:#?}");
    let removed = run(&["remove", "--json"]).ends(0).json("schedule").remove(0);
    assert_eq!((&removed["changed"], removed["paths"].as_array().unwrap().len()), (&true.into(), 2));
    assert!(removed["crontab"].as_str().unwrap().starts_with("30 3 * * * "));
    assert!(files(&units).is_empty() && text(&table).is_empty());
    // A crontab that cannot be read stops it before anything is taken away.
    run(&["install"]).ends(0);
    std::fs::write(home.path("tools/crontab"), "#!/bin/sh\necho 'you are not allowed' >&2; exit 1\n").unwrap();
    let ran = run(&["remove"]);
    assert!(ran.code == Some(1) && ran.err.contains("you are not allowed"), "{ran:#?}");
    assert_eq!(files(&units).len(), 2);
    assert_eq!(run(&["remove", "--user"]).ends(0).out.matches("Removed").count(), 2);
}

#[test]
fn the_table_is_one_that_cron_takes() {
    // crontab(1) changes the table of whoever runs the test: only where the machine is thrown away afterwards.
    if std::env::var("CI").as_deref() != Ok("true") {
        return eprintln!("NOT TESTED: crontab(1) is run in CI only");
    }
    let (home, keyring) = with_keyring(NASTY);
    schedule(&home, &keyring, None, &["install", "--cron"]).ends(0);
    schedule(&home, &keyring, None, &["show", "--cron"]).ends(0);
    schedule(&home, &keyring, None, &["remove", "--cron"]).ends(0);
    schedule(&home, &keyring, None, &["show", "--cron"]).ends(3);
}

#[test]
fn wrong_options_are_usage_errors() {
    let (home, keyring) = with_keyring("ring");
    for bad in ["25:00", "3:30", "noon"] {
        schedule(&home, &keyring, None, &["write", "-o", "x", "--at", bad]).fails(2, bad);
    }
    for bad in ["0s", "P1M", "32d", "often"] {
        schedule(&home, &keyring, None, &["watch", "--every", bad]).fails(2, bad);
    }
    schedule(&home, &home.path("none"), None, &["write", "-o", "x"]).fails(1, "none");
    assert!(!home.path("x").exists());
}

#[test]
fn watch_runs_prints_a_line_a_run_and_ends_on_a_signal() {
    for signal in ["TERM", "INT"] {
        let (home, keyring) = with_keyring("ring");
        let mut command = home.command();
        command.args(["schedule", "watch", "--every", "1s", "--keyring"]).arg(&keyring);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(4));
        assert!(Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().unwrap().success());
        let asked = Instant::now();
        let status = child.wait().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "{signal}: {:?}", asked.elapsed());
        assert_eq!(status.code(), Some(0));
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(out.lines().count() >= 2, "{out}");
        for line in out.lines() {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(time.parse::<chrono::DateTime<chrono::Utc>>().is_ok(), "{line}");
            assert!(rest.starts_with("purge exit ") && rest.contains(", status exit "), "{line}");
        }
    }
}
