//! Words that people choose, parsed once at the door: a value of one of these types is well formed.
use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt, sync::Arc};

/// The text is not such a word. Says the rule, never the text: people type passwords into the wrong field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {rule}")]
pub struct WordError {
    /// The word that was expected, as in "a pool name".
    pub what: &'static str,
    /// What it has to look like, beginning with a verb.
    pub rule: &'static str,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $parse:path;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            pub(crate) const RULE: &str = $rule;

            /// The word.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = WordError;
            fn from_str(text: &str) -> Result<Self, WordError> {
                $parse(text).map(Self).ok_or(WordError { what: $what, rule: Self::RULE })
            }
        }

        impl TryFrom<String> for $name {
            type Error = WordError;
            fn try_from(text: String) -> Result<Self, WordError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }
    )+};
}

words! {
    /// A pool's name: a DNS-1123 label (RFC 1123 §2.1), so that it can name a Kubernetes object.
    PoolName, "a pool name", "is 1 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit", label;
    /// A group's name: a DNS-1123 label.
    GroupName, "a group name", "is 1 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit", label;
    /// A Kubernetes cluster's name, as its agent is told it: a DNS-1123 label.
    ClusterName, "a cluster's name", "is 1 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit", label;
    /// A node's name: a DNS-1123 subdomain, as Kubernetes names its nodes.
    NodeName, "a node name", "is 1 to 253 lower-case letters, digits, hyphens and dots, each part a DNS-1123 label", subdomain;
    /// A job's name: what its owner calls it; not unique.
    JobName, "a job name", "is 1 to 128 characters on one line, with no space at either end", line128;
    /// A token's name: what its owner calls it.
    TokenName, "a token name", "is 1 to 64 characters on one line, with no space at either end", line64;
    /// To whom a license is granted.
    Licensee, "a licensee", "is 1 to 128 characters on one line, with no space at either end", line128;
    /// A GPU's model, as NVML's `nvmlDeviceGetName` gives it: `NVIDIA H100 80GB HBM3`.
    Model, "a GPU model", "is 1 to 96 characters on one line, with no space at either end", line96;
    /// The name that a person signs in with, folded to lower case (GitHub logins and mail addresses do not tell case apart).
    Login, "a login", "is 1 to 128 letters, digits and . _ @ + -, begins with a letter or digit, and is not an erased one", login;
    /// The address of a sign-in provider: GitHub's, or an issuer.
    ProviderUrl, "a provider's address", "is https://HOST or https://HOST/PATH, at most 512 characters of ASCII", provider_url;
    /// A word that a sign-in provider gives: a client's id, an organization, a scope, a claim.
    ProviderWord, "a provider's word", "is 1 to 256 visible characters of ASCII", provider_word;
    /// Why somebody does something: free text for the audit trail.
    Reason, "a reason", "is 1 to 1024 bytes of text without control characters", reason;
}

impl PoolName {
    /// The pool that holds every device that no other pool holds.
    pub const DEFAULT: &'static str = "default";

    /// The default pool's name.
    pub fn default_pool() -> Self {
        Self(Self::DEFAULT.into())
    }

    /// Whether this is the default pool.
    pub fn is_default(&self) -> bool {
        &*self.0 == Self::DEFAULT
    }
}

impl GroupName {
    /// The group that new users join unless another is named.
    pub const DEFAULT: &'static str = "default";

    /// The default group's name.
    pub fn default_group() -> Self {
        Self(Self::DEFAULT.into())
    }

    /// Whether this is the default group.
    pub fn is_default(&self) -> bool {
        &*self.0 == Self::DEFAULT
    }
}

impl Login {
    const ERASED: &'static str = "erased-";
    const UNREADABLE: &'static str = "unreadable-";

    /// What is shown for a user whose personal data was destroyed.
    pub fn erased(user: crate::UserId) -> Self {
        Self(format!("{}{user}", Self::ERASED).into())
    }

    /// What is shown for a user whose login is sealed under a key that was lost, until they have another login. It can be written
    /// wherever a user is named; nobody can choose it.
    pub fn unreadable(user: crate::UserId) -> Self {
        Self(format!("{}{user}", Self::UNREADABLE).into())
    }

    /// Whether it only stands for one that can't be read.
    pub fn is_unreadable(&self) -> bool {
        self.0.strip_prefix(Self::UNREADABLE).is_some_and(|id| id.parse::<crate::UserId>().is_ok())
    }

    /// The word, unless it only stands for one that was destroyed or can't be read.
    pub fn readable(&self) -> Option<&str> {
        (!self.0.starts_with(Self::ERASED) && !self.is_unreadable()).then_some(&*self.0)
    }
}

fn label(text: &str) -> Option<Arc<str>> {
    is_label(text).then(|| text.into())
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn subdomain(text: &str) -> Option<Arc<str>> {
    (text.len() <= 253 && text.split('.').all(is_label)).then(|| text.into())
}

fn line(text: &str, max: usize) -> Option<Arc<str>> {
    let fits = (1..=max).contains(&text.chars().count()) && text.trim() == text;
    (fits && !text.chars().any(char::is_control)).then(|| text.into())
}

fn line64(text: &str) -> Option<Arc<str>> {
    line(text, 64)
}

fn line96(text: &str) -> Option<Arc<str>> {
    line(text, 96)
}

fn line128(text: &str) -> Option<Arc<str>> {
    line(text, 128)
}

fn login(text: &str) -> Option<Arc<str>> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
    let folded = text.to_ascii_lowercase();
    let well_formed = (1..=128).contains(&text.len())
        && text.bytes().all(allowed)
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && !folded.starts_with(Login::ERASED);
    well_formed.then(|| folded.into())
}

fn visible(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Which scheme, host and path are good is for whoever connects to it.
fn provider_url(text: &str) -> Option<Arc<str>> {
    (visible(text, 512) && text.contains("://")).then(|| text.into())
}

fn provider_word(text: &str) -> Option<Arc<str>> {
    visible(text, 256).then(|| text.into())
}

fn reason(text: &str) -> Option<Arc<str>> {
    let fits = (1..=1024).contains(&text.len()) && !text.trim().is_empty();
    (fits && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_dns_1123() {
        for good in ["a", "vision", "a-1", "0", &"x".repeat(63)] {
            assert!(good.parse::<PoolName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a b", &"x".repeat(64)] {
            assert!(bad.parse::<PoolName>().is_err(), "{bad}");
            assert!(bad.parse::<GroupName>().is_err(), "{bad}");
        }
        assert!("gpu-01.rack3.example".parse::<NodeName>().is_ok());
        assert!("gpu-01..example".parse::<NodeName>().is_err());
    }

    #[test]
    fn logins_fold_case_and_cannot_pose_as_erased() {
        assert_eq!("Ada@Example.org".parse::<Login>().unwrap().as_str(), "ada@example.org");
        for bad in ["", ".ada", "a da", "erased-1", "ERASED-x", "a/b", "a\n"] {
            assert!(bad.parse::<Login>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unreadable_login_can_be_named_and_is_told_from_others() {
        let user = crate::UserId(uuid::Uuid::from_u128(7));
        let login = Login::unreadable(user);
        assert_eq!(login.as_str().parse::<Login>().as_ref(), Ok(&login));
        assert!(login.is_unreadable() && login.readable().is_none() && Login::erased(user).readable().is_none());
        let word: Login = "unreadable-ada".parse().unwrap();
        assert_eq!((word.is_unreadable(), word.readable()), (false, Some("unreadable-ada")));
    }

    #[test]
    fn an_error_never_repeats_the_text() {
        let error = "hunter2 is my password".parse::<Login>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn lines_have_no_control_characters() {
        assert!("NVIDIA H100 80GB HBM3".parse::<Model>().is_ok());
        for bad in ["", " x", "x ", "a\tb", "a\u{0}"] {
            assert!(bad.parse::<Model>().is_err(), "{bad:?}");
        }
        assert!("two\nlines".parse::<Reason>().is_ok());
        assert!("   ".parse::<Reason>().is_err());
    }
}
