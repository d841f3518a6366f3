//! E-mail addresses.

use regex::Regex;
use std::sync::LazyLock;

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@((?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,8}([A-Za-z]{2,24}))")
        .expect("a fixed pattern")
});

/// What follows a dot in the names of files and units, not in those of hosts.
const NO_DOMAINS: [&str; 22] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "rs", "py", "so", "md", "html", "json", "xml",
    "service", "socket", "timer", "target", "local", "internal",
];

/// How many a text holds.
pub fn count(text: &str) -> usize {
    let is_address = |captures: &regex::Captures<'_>| {
        let last = captures[2].to_ascii_lowercase();
        let whole = captures.get(0)?;
        // Addresses of repositories and of logins: git@host, scheme://user@host.
        let login = captures[0].starts_with("git@") || text[..whole.start()].ends_with("://");
        let ends = !text[whole.end()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@');
        (!login && ends && !NO_DOMAINS.contains(&last.as_str())).then_some(())
    };
    ADDRESS.captures_iter(text).filter_map(|captures| is_address(&captures)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_and_what_looks_like_them_does_not() {
        assert_eq!(count("致 lin@example.com、<Gu.Qinghe+a@mail.example.cn>。"), 2);
        for text in [
            "logo@2x.png",
            "git@github.com:a/b",
            "ssh://me@example.com/x",
            "getty@tty1.service",
            "a@b",
            "@name.com",
            "foo@",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }
}
