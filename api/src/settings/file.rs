//! The settings file: TOML, each setting by its name, no tables.
use super::{Key, SettingsError, Source, key::Shape, layers::Layer};
use serde::Deserialize;
use std::{collections::BTreeMap, io::Read, path::Path};
use toml::{Spanned, Value};
use zeroize::Zeroizing;

/// The largest settings file, in bytes.
const SIZE_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
struct Document(BTreeMap<Spanned<String>, Value>);

/// What the file says.
pub(super) fn read(path: &Path) -> Result<Layer, SettingsError> {
    let text = read_text("the settings file", path, SIZE_MAX)?;
    let document: Document = toml::from_str(&text).map_err(|error| SettingsError::NotToml {
        path: path.to_owned(),
        detail: error.to_string().trim_end().to_owned(),
    })?;
    let mut layer = Layer::default();
    for (name, value) in document.0 {
        let line = text[..name.span().start].matches('\n').count() + 1;
        let Some(key) = Key::of_name(name.get_ref()) else {
            let known = Key::ALL.iter().map(|key| key.name().to_owned());
            let hint = super::error::nearest(name.get_ref(), known);
            return Err(SettingsError::UnknownKey { path: path.to_owned(), line, name: name.into_inner(), hint });
        };
        let wrong = |expected| SettingsError::WrongKind { path: path.to_owned(), line, name: key.name(), expected };
        let value = match (key.description().shape, value) {
            (Shape::Text, Value::String(text)) => text,
            (Shape::Switch, Value::Boolean(on)) => on.to_string(),
            (Shape::Number, Value::Integer(number)) => number.to_string(),
            (Shape::Text, _) => return Err(wrong("a text, in quotes")),
            (Shape::Switch, _) => return Err(wrong("true or false, without quotes")),
            (Shape::Number, _) => return Err(wrong("a whole number, without quotes")),
            (Shape::Secret, _) => {
                return Err(SettingsError::SecretInFile { path: path.to_owned(), line, name: key.name() });
            }
        };
        layer.set(key, value, Source::File { path: path.to_owned(), line });
    }
    Ok(layer)
}

/// The whole text of a file that is at most so large. It may be a password.
pub(super) fn read_text(what: &'static str, path: &Path, limit: u64) -> Result<Zeroizing<String>, SettingsError> {
    let failed = |source| SettingsError::Read { what, path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    // With room for all of it: what it grew out of would not be wiped.
    let length = file.metadata().map_err(failed)?.len().min(limit);
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(length).unwrap_or_default() + 64));
    file.take(limit + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > limit {
        return Err(SettingsError::TooLarge { what, path: path.to_owned(), limit });
    }
    Ok(text)
}
