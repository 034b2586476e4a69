//! Time and chance, the two things that the engine takes from outside: the one place that asks the system for them.
use domain::{CommandId, Timestamp};
use uuid::{Builder, Uuid};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, as the machine has it: may stand still or jump back.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all else takes")]
    fn now(&self) -> Timestamp {
        // A machine whose clock is before 1970 records its first events in 1970, and none out of order.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Gives bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("Linux gives random bytes once it has booted");
    }
}

/// A fresh command id: a `UUIDv7` (RFC 9562 §5.7) of this moment, its last 16 bits kept free for what it brings about.
pub fn command_id(now: Timestamp, entropy: &dyn Entropy) -> CommandId {
    CommandId::from_uuid(time_ordered_id(now, entropy))
}

/// A fresh `UUIDv7` of this moment.
pub fn time_ordered_id(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.micros() / 1000).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
