//! How an old version is read once there is a newer one, shown on structs of the test's own.
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct PoolPaintedV1<'a> {
    name: &'a str,
    red: bool,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct PoolPaintedV2<'a> {
    name: &'a str,
    colour: u8,
    gloss: Option<u8>,
}

/// Pure: says what the old event meant, and adds nothing that was not known then.
impl<'a> From<PoolPaintedV1<'a>> for PoolPaintedV2<'a> {
    fn from(old: PoolPaintedV1<'a>) -> Self {
        Self { name: old.name, colour: if old.red { 1 } else { 2 }, gloss: None }
    }
}

fn read(version: u8, payload: &[u8]) -> Option<PoolPaintedV2<'_>> {
    match version {
        1 => postcard::take_from_bytes::<PoolPaintedV1<'_>>(payload).ok().map(|(old, _)| old.into()),
        2 => postcard::take_from_bytes(payload).ok().map(|(new, _)| new),
        _ => None,
    }
}

#[test]
fn an_old_version_is_lifted_to_the_newest() {
    let old = postcard::to_allocvec(&PoolPaintedV1 { name: "vision", red: true }).expect("postcard writes it");
    let new =
        postcard::to_allocvec(&PoolPaintedV2 { name: "vision", colour: 1, gloss: None }).expect("postcard writes it");
    assert_eq!(read(1, &old), read(2, &new));
    assert_eq!(read(3, &new), None);
}
