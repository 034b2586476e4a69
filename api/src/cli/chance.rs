//! The two things that the command line takes from the machine: keys that nobody else has, and the time.

/// A fresh idempotency key: 128 random bits.
pub(super) fn key() -> String {
    format!("cli-{:032x}", u128::from_be_bytes(random()))
}

/// A number below `bound`, for spreading retries.
pub(super) fn below(bound: u64) -> u64 {
    u64::from_be_bytes(random()) % bound.max(1)
}

/// Now, to the second.
pub(super) fn now() -> String {
    use bus::clock::Clock as _;
    let now = jiff::Timestamp::from_microsecond(bus::clock::SystemClock.now().micros()).unwrap_or_default();
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn random<const N: usize>() -> [u8; N] {
    use bus::clock::Entropy as _;
    let mut bytes = [0; N];
    bus::clock::SystemEntropy.fill(&mut bytes);
    bytes
}
