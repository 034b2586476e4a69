//! Which log lines are written, as people say it: the server's setting and the agent's.
use std::str::FromStr;
use tracing_subscriber::EnvFilter;

/// A level, or directives by module, in the words of `tracing`'s filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

/// The text is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a level is error, warn, info, debug or trace, and a filter is such levels by module, as info,bus=debug")]
pub struct NoLogLevel;

impl LogLevel {
    /// The directives.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogLevel {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogLevel {
    type Err = NoLogLevel;
    fn from_str(text: &str) -> Result<Self, NoLogLevel> {
        // A word that is no level is taken for a module by the filter, and would switch everything else off.
        let known = |part: &str| part.contains('=') || part.parse::<tracing::Level>().is_ok() || part == "off";
        let sound = text.split(',').all(known) && EnvFilter::try_new(text).is_ok();
        if sound { Ok(Self(text.to_owned())) } else { Err(NoLogLevel) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for good in ["info", "INFO", "info,bus=debug", "off", "warn,api::http=trace"] {
            assert!(good.parse::<LogLevel>().is_ok(), "{good}");
        }
        for bad in ["", "loud", "info,loud", "bus=loud"] {
            assert!(bad.parse::<LogLevel>().is_err(), "{bad}");
        }
        assert_eq!("info".parse(), Ok(LogLevel::default()));
    }
}
