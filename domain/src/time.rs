//! A moment, as the log keeps it.
use serde::{Deserialize, Serialize};
use std::fmt;

/// Microseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted. Shown as RFC 3339 with six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 time that the log can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time is RFC 3339 with an offset, like 2026-03-01T12:00:00Z")]
pub struct TimestampError;

impl Timestamp {
    /// The earliest and the latest moment that RFC 3339 can write: years 0001 to 9999.
    const MICROS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_207_200_000_000;

    /// The moment that many microseconds after the epoch, held inside the years 0001 to 9999.
    pub const fn from_micros(micros: i64) -> Self {
        let (low, high) = (*Self::MICROS.start(), *Self::MICROS.end());
        Self(if micros < low {
            low
        } else if micros > high {
            high
        } else {
            micros
        })
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment and so many seconds more.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_micros(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The moment one microsecond later: the smallest step that keeps the log's time rising.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::from_micros(self.0.saturating_add(1))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let at: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let micros = at.as_microsecond();
        Self::MICROS.contains(&micros).then_some(Self(micros)).ok_or(TimestampError)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;
    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_with_six_decimals_and_read_back() {
        let at = Timestamp::from_micros(1_772_366_400_000_001);
        assert_eq!(at.to_string(), "2026-03-01T12:00:00.000001Z");
        assert_eq!("2026-03-01T13:00:00.000001+01:00".parse(), Ok(at));
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn the_ends_can_be_shown() {
        for end in [Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX)] {
            assert_eq!(end.to_string().parse(), Ok(end));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "12"] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }
}
