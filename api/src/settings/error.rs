//! What can be wrong with settings.
use super::Source;
use std::path::PathBuf;

/// The settings can't be used. Names the setting and where it was set; never a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file could not be read.
    #[error("cannot read {what} {}", path.display())]
    Read {
        /// What the file is.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is larger than such a file ever is.
    #[error("{what} {} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// What the file is.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// How large it may be.
        limit: u64,
    },
    /// The file is not TOML.
    #[error("{} is not a TOML file:\n{detail}", path.display())]
    NotToml {
        /// Its path.
        path: PathBuf,
        /// Where and why.
        detail: String,
    },
    /// The file sets something that is no setting.
    #[error("there is no setting {name} ({} line {line}){hint}", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line of it.
        line: usize,
        /// The key.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// The file gives a value of another kind.
    #[error("{name} is {expected} ({} line {line})", path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// The line of it.
        line: usize,
        /// The key.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The file holds a secret.
    #[error("{name} is not taken from a file ({} line {line}): set DKUBE_OPERATOR_PASSWORD, or name a file of its own in operator_password_file", path.display())]
    SecretInFile {
        /// The file.
        path: PathBuf,
        /// The line of it.
        line: usize,
        /// The key.
        name: &'static str,
    },
    /// A variable begins like ours and is no setting.
    #[error("there is no setting {name} (an environment variable){hint}")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A variable of ours is not UTF-8.
    #[error("the environment variable {name} is not UTF-8")]
    NotText {
        /// The variable.
        name: String,
    },
    /// A value can't be understood.
    #[error("wrong value {value:?} for {name} (from {source_name}): {rule}")]
    WrongValue {
        /// The setting.
        name: &'static str,
        /// Where it was set.
        source_name: Source,
        /// The value.
        value: String,
        /// What it has to look like.
        rule: String,
    },
    /// A secret can't be used.
    #[error("wrong value for {name} (from {source_name}): {rule}")]
    WrongSecret {
        /// The setting.
        name: &'static str,
        /// Where it was set.
        source_name: Source,
        /// What it has to look like.
        rule: &'static str,
    },
    /// Settings that do not go together, or are not safe together.
    #[error("{name} (from {source_name}): {rule}")]
    Unfit {
        /// The setting.
        name: &'static str,
        /// Where it was set.
        source_name: Source,
        /// Why it does not go.
        rule: String,
    },
}

/// `: did you mean …?`, where something is near.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> String {
    let likeness = known.map(|known| (strsim::jaro_winkler(name, &known), known));
    let best = likeness.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(likeness, _)| *likeness > 0.85);
    best.map(|(_, known)| format!(": did you mean {known}?")).unwrap_or_default()
}
