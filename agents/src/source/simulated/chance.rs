//! Chance that is the same for ever: what a seed gives may not change with a library's next version, since the devices
//! that it named stand in a log.

/// A number drawn for this purpose.
pub(super) fn number(seed: u64, purpose: &str, of: &[u64]) -> u64 {
    u64::from_le_bytes(bytes(seed, purpose, of))
}

/// A number from 0 up to below `end`.
pub(super) fn below(end: u64, seed: u64, purpose: &str, of: &[u64]) -> u64 {
    number(seed, purpose, of) % end.max(1)
}

/// A random-looking UUID (version 4) drawn for this purpose.
pub(super) fn uuid(seed: u64, purpose: &str, of: &[u64]) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(bytes(seed, purpose, of)).into_uuid()
}

fn bytes<const N: usize>(seed: u64, purpose: &str, of: &[u64]) -> [u8; N] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes());
    for part in of {
        hasher.update(&part.to_le_bytes());
    }
    let mut drawn = [0; N];
    hasher.finalize_xof().fill(&mut drawn);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_names_the_same_device_for_ever() {
        assert_eq!(uuid(7, "device", &[0, 0, 0]).to_string(), "884912ba-1cd7-48fb-84f2-890784339e3d");
        assert_ne!(uuid(7, "device", &[0, 0, 0]), uuid(8, "device", &[0, 0, 0]));
        assert_ne!(uuid(7, "device", &[0, 0, 0]), uuid(7, "device", &[0, 0, 1]));
    }
}
