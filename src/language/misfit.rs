//! What was probably meant where TOML does not fit, so that a hint can say how it is written.
//!
//! Invariant: it is told from the library's own English words, and what they do not say is not guessed.

use regex::Regex;
use std::sync::LazyLock;

/// A mistake that people make again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A word that is none of these codes.
    NoneOf(Vec<String>),
    /// `[name]` stands where `[[name]]` is meant, since there may be more than one.
    SingleBrackets(String),
}

impl Misfit {
    /// What an error says of the text in which it is.
    pub fn of(error: &toml::de::Error, text: &str) -> Option<Self> {
        static VARIANT: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(?s)^unknown variant `.*`, expected (.*)$").expect("a fixed pattern"));
        static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("`([a-z-]+)`").expect("a fixed pattern"));
        static TABLE: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^\s*\[\s*([A-Za-z_-]+)\s*\]\s*(?:#.*)?$").expect("a fixed pattern"));
        let message = error.message().trim();
        if let Some(found) = VARIANT.captures(message) {
            return Some(Self::NoneOf(CODE.captures_iter(&found[1]).map(|code| code[1].to_owned()).collect()));
        }
        if message != "invalid type: map, expected a sequence" {
            return None;
        }
        let at = error.span()?.start.min(text.len());
        let begins = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
        let found = TABLE.captures(text.get(begins..)?.lines().next()?)?;
        Some(Self::SingleBrackets(found[1].to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Colour {
        DarkRed,
        Green,
        Blue,
    }

    #[derive(Deserialize)]
    struct Painted {
        #[serde(default)]
        #[allow(dead_code)]
        stroke: Vec<toml::Table>,
        #[allow(dead_code)]
        colour: Option<Colour>,
        #[allow(dead_code)]
        colours: Option<Vec<Colour>>,
    }

    #[test]
    fn codes_and_brackets_are_told_and_nothing_else() {
        let misfit = |text: &str| toml::from_str::<Painted>(text).err().and_then(|error| Misfit::of(&error, text));
        let codes = Misfit::NoneOf(["dark-red", "green", "blue"].map(str::to_owned).to_vec());
        assert_eq!(misfit("colour = \"红\""), Some(codes.clone()));
        assert_eq!(misfit("colours = [\"green\", \"red`, expected `x\"]"), Some(codes));
        let single = Some(Misfit::SingleBrackets("stroke".into()));
        assert_eq!(misfit("colour = \"green\"\n\n  [stroke] # one\nwidth = 1\n"), single);
        for other in ["stroke = {}", "stroke = 3", "colour = 1", "[[stroke]]\nwidth =", "[colour]"] {
            assert_eq!(misfit(other), None, "{other}");
        }
    }
}
