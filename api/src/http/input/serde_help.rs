//! How serde's refusals are told, and what serde lacks.
use serde::{Deserialize, Deserializer};

/// For `Option<Option<T>>`: a field that is there is `Some`, and `null` is `Some(None)`. Use with `#[serde(default)]`.
///
/// # Errors
/// The value is neither `null` nor a `T`.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
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
