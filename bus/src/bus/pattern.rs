//! Subjects and the patterns that match them, by the rules of NATS.

/// What a subscriber listens to: tokens joined by dots, where `*` stands for any one token and a last `>` for one or
/// more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

/// The text is no subject, or no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has an empty token, a space or a control character, or is too long.
    #[error("a subject is 1 to {} bytes: tokens joined by dots, without spaces", Pattern::LENGTH_MAX)]
    Malformed,
    /// A wildcard where a message is to be sent to.
    #[error("a message is sent to one subject, without wildcards")]
    Wildcard,
    /// A wildcard in a wrong place.
    #[error("a wildcard is a token of its own, and > is the last one")]
    Misplaced,
}

impl Pattern {
    /// The longest subject or pattern, in bytes.
    pub const LENGTH_MAX: usize = 512;

    /// Whether it matches this subject.
    pub fn matches(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for wanted in self.0.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                (_, Some(_) | None) => return false,
            }
        }
        tokens.next().is_none()
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;
    fn from_str(text: &str) -> Result<Self, PatternError> {
        well_formed(text)?;
        let tokens = text.split('.').count();
        let misplaced = |(nth, token): (usize, &str)| {
            token.contains(['*', '>']) && token != "*" && !(token == ">" && nth + 1 == tokens)
        };
        if text.split('.').enumerate().any(misplaced) {
            return Err(PatternError::Misplaced);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Refuses what no message can be sent to.
pub(super) fn check_subject(text: &str) -> Result<(), PatternError> {
    well_formed(text)?;
    if text.split('.').any(|token| matches!(token, "*" | ">")) { Err(PatternError::Wildcard) } else { Ok(()) }
}

fn well_formed(text: &str) -> Result<(), PatternError> {
    let token = |token: &str| !token.is_empty() && !token.contains(|c: char| c.is_whitespace() || c.is_control());
    if text.len() <= Pattern::LENGTH_MAX && text.split('.').all(token) {
        return Ok(());
    }
    Err(PatternError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn wildcards_match_as_in_nats() {
        for (wanted, subject, fits) in [
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.b.c", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.*.c", "a.b.c", true),
            ("a.>", "a.b", true),
            ("a.>", "a.b.c.d", true),
            ("a.>", "a", false),
            (">", "a", true),
            (">", "a.b", true),
            ("*.>", "a", false),
            ("*.>", "a.b", true),
            ("a.b", "a.*", false),
        ] {
            assert_eq!(pattern(wanted).matches(subject), fits, "{wanted} against {subject}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\r\nb"] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError::Malformed), "{text:?}");
        }
        for text in ["a.>.b", "a*", "a.b>", "**"] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError::Misplaced), "{text:?}");
        }
        assert_eq!("x".repeat(Pattern::LENGTH_MAX + 1).parse::<Pattern>(), Err(PatternError::Malformed));
    }

    #[test]
    fn messages_go_to_one_subject() {
        assert_eq!(check_subject("a.b"), Ok(()));
        assert_eq!(check_subject("a.*"), Err(PatternError::Wildcard));
        assert_eq!(check_subject("a.>"), Err(PatternError::Wildcard));
        assert_eq!(check_subject("a..b"), Err(PatternError::Malformed));
    }
}
