//! The stored form, byte for byte: `tests/golden/events.txt` at the root of the repository holds one line for each type
//! and version that was ever written, `<type>.<version> <EventName> <hex of the stored event>`. Lines are only ever added.
//!
//! To add the line of a new type or version: give it a sample in `samples.rs`, and run
//! `UPDATE_GOLDEN=1 cargo test -p domain --test golden`. That appends what is missing and changes no line.
mod damage;
mod published;
mod samples;
mod versions;

use domain::stored::{TYPES, decode, decode_envelope, encode, testing::TestVault};
use samples::{Sample, samples};
use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

const HOW: &str = "give it a sample in domain/tests/golden/samples.rs and run `UPDATE_GOLDEN=1 cargo test -p domain \
                   --test golden`, which appends its line; never edit or remove a line";

fn file() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "tests", "golden", "events.txt"].iter().collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("golden lines are hexadecimal");
    (0..text.len()).step_by(2).map(digits).collect()
}

fn key(sample: &Sample) -> String {
    format!("{}.{}", sample.number, sample.version)
}

/// The lines of the file: key, name, bytes.
fn lines() -> BTreeMap<String, (String, Vec<u8>)> {
    let text = fs::read_to_string(file()).unwrap_or_default();
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let mut parts = line.split(' ');
        let mut part = || parts.next().expect("a golden line has three parts").to_owned();
        let (key, name, bytes) = (part(), part(), unhex(&part()));
        assert!(lines.insert(key, (name, bytes)).is_none(), "a golden line stands twice: {line}");
    }
    lines
}

fn append_missing() {
    let known = lines();
    let mut text = fs::read_to_string(file()).unwrap_or_default();
    for sample in samples().iter().filter(|sample| sample.is_newest() && !known.contains_key(&key(sample))) {
        let bytes = encode(&sample.recorded, &TestVault::new()).expect("a sample can be written");
        let _ = writeln!(text, "{} {} {}", key(sample), sample.recorded.event.name(), hex(&bytes));
    }
    fs::write(file(), text).expect("the golden file can be written");
}

#[test]
fn what_was_ever_written_is_read_and_written_the_same() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        append_missing();
    }
    let mut lines = lines();
    for sample in samples() {
        let key = key(&sample);
        let (name, bytes) = lines.remove(&key).unwrap_or_else(|| panic!("{key} has no golden line: {HOW}"));
        let vault = TestVault::new();
        let written = encode(&sample.recorded, &vault).expect("a sample can be written");
        assert_eq!(name, sample.recorded.event.name(), "{key}: the name of an event is a contract");
        if sample.is_newest() {
            assert_eq!(hex(&bytes), hex(&written), "{key} {name} is written differently now: add a version instead");
        }
        assert_eq!(decode(&bytes, &vault), Ok(sample.recorded.clone()), "{key} {name} is read differently now");
        let (envelope, _) = decode_envelope(&bytes).expect("a golden event has an envelope");
        assert_eq!((envelope.event_type, envelope.version), (sample.number, sample.version));
        assert_eq!(envelope.subjects, sample.recorded.subjects);
    }
    assert!(lines.is_empty(), "golden lines without a sample: {:?}: {HOW}", lines.keys());
}

#[test]
fn every_type_and_version_has_a_sample() {
    let known: Vec<_> = samples().iter().map(|sample| (sample.number, sample.version)).collect();
    for stored in TYPES {
        let count = known.iter().filter(|known| **known == (stored.number, stored.version)).count();
        assert_eq!(count, 1, "{}.{} {}: {HOW}", stored.number, stored.version, stored.name);
    }
}

#[test]
fn the_table_of_types_names_events_as_they_name_themselves() {
    for sample in samples() {
        let stored = TYPES.iter().find(|stored| (stored.number, stored.version) == (sample.number, sample.version));
        assert_eq!(stored.map(|stored| stored.name), Some(sample.recorded.event.name()));
    }
}
