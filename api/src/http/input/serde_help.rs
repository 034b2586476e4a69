//! How serde's refusals are told, and what serde lacks.
use serde::{Deserialize, Deserializer};

/// A field of a change. Use with `#[serde(default)]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// It is left out: what is so stays so.
    #[default]
    Stay,
    /// It is null: there shall be none.
    Clear,
    /// It shall be this.
    Set(T),
}

impl<T> Change<T> {
    /// As the domain's commands say it.
    #[expect(clippy::option_option, reason = "the domain's commands have it so")]
    pub(crate) fn wanted(self) -> Option<Option<T>> {
        match self {
            Self::Stay => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Clear, Self::Set))
    }
}

/// A refusal of serde's without the value that was refused: people type passwords into the wrong field.
pub(crate) fn refusal(error: &str) -> String {
    let error = match error.rfind(" at line ") {
        Some(place) => &error[..place],
        None => error,
    };
    for (sort, told) in [("invalid type:", "it is of the wrong type"), ("invalid value:", "it has a wrong value")] {
        if error.starts_with(sort) {
            return match error.rfind(", expected ") {
                Some(at) => format!("{told}: {} is expected", &error[at + ", expected ".len()..]),
                None => told.to_owned(),
            };
        }
    }
    if error.starts_with("unknown variant") {
        let known = error.rfind(", expected ").map_or("another word", |at| &error[at + ", expected ".len()..]);
        return format!("it has a wrong value: {known} is expected");
    }
    error.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        Green,
    }

    #[test]
    fn the_refused_value_is_never_repeated() {
        let told = |json: &str| refusal(&serde_json::from_str::<Vec<Colour>>(json).unwrap_err().to_string());
        for json in ["[\"hunter2\"]", "\"hunter2\"", "{\"hunter2\":1}"] {
            assert!(!told(json).contains("hunter2"), "{}", told(json));
        }
        assert!(told("[\"blue\"]").contains("`red` or `green`"));
        assert!(told("\"x\"").contains("a sequence is expected"));
    }
}
