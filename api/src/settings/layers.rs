//! What was set, where: the later layer wins.
use super::{Environment, Key, SettingsError, key::Shape};
use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};
use zeroize::Zeroizing;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A line of the settings file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Values as they were written, each with its source. One of them is a password.
#[derive(Clone, Default)]
pub(crate) struct Layer(BTreeMap<Key, (Zeroizing<String>, Source)>);

impl Layer {
    pub(crate) fn set(&mut self, key: Key, value: String, source: Source) {
        self.0.insert(key, (value.into(), source));
    }

    pub(super) fn defaults() -> Self {
        let default = |key: Key| Some((key, (key.description().default?.to_owned().into(), Source::Default)));
        Self(Key::ALL.into_iter().filter_map(default).collect())
    }

    pub(super) fn variables(environment: &Environment) -> Result<Self, SettingsError> {
        environment.check()?;
        let set = |key: Key| {
            let name = key.variable();
            Some((key, (environment.get(&name)?.to_owned().into(), Source::Variable(name))))
        };
        Ok(Self(Key::ALL.into_iter().filter_map(set).collect()))
    }

    /// Lays another over this one.
    pub(super) fn over(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn get(&self, key: Key) -> Option<&str> {
        self.0.get(&key).map(|(value, _)| value.as_str())
    }

    pub(super) fn source(&self, key: Key) -> Source {
        self.0.get(&key).map_or(Source::Default, |(_, source)| source.clone())
    }

    /// The value of a setting that has been set.
    pub(super) fn optional<T: FromStr<Err: fmt::Display>>(&self, key: Key) -> Result<Option<T>, SettingsError> {
        let parse = |text: &str| text.parse().map_err(|error: T::Err| self.wrong(key, error.to_string()));
        self.get(key).map(parse).transpose()
    }

    /// The value of a setting that has a default.
    pub(super) fn required<T: FromStr<Err: fmt::Display>>(&self, key: Key) -> Result<T, SettingsError> {
        self.optional(key)?.ok_or_else(|| self.wrong(key, "it has to be set".to_owned()))
    }

    fn wrong(&self, key: Key, rule: String) -> SettingsError {
        let value = match key.description().shape {
            Shape::Secret => String::new(),
            Shape::Text | Shape::Switch | Shape::Number => self.get(key).unwrap_or_default().to_owned(),
        };
        SettingsError::WrongValue { name: key.name(), source_name: self.source(key), value, rule }
    }

    pub(super) fn unfit(&self, key: Key, rule: impl Into<String>) -> SettingsError {
        SettingsError::Unfit { name: key.name(), source_name: self.source(key), rule: rule.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Planted;

    #[test]
    fn a_password_among_the_settings_is_wiped_with_them() {
        let planted = Planted::new();
        {
            let environment = Environment::of([("DKUBE_OPERATOR_PASSWORD", &planted.text())]);
            let mut layers = Layer::defaults();
            layers.over(Layer::variables(&environment).unwrap());
            assert_eq!(layers.get(Key::OperatorPassword), Some(planted.text().as_str()));
        }
        planted.is_gone();
    }
}
