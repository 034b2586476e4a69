use crate::egress::EgressError;
use domain::Timestamp;

/// A provider did not say who somebody is, or who its people are. Tells what to do, and never a body, a code, a token or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It may not be asked, or can't be reached.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// It has troubles of its own.
    #[error("the provider has troubles of its own (status {status}): try again in a while")]
    Unavailable {
        /// The status that it answered with.
        status: u16,
    },
    /// It says no.
    #[error("the provider refuses: {0}")]
    Refused(&'static str),
    /// It answers something else than it should.
    #[error("{0}: check that the address leads to a provider of this kind")]
    Malformed(&'static str),
    /// They are none of those who may come in.
    #[error(
        "they are not an active member of {organization}: an owner of it has to invite them, and they have to accept"
    )]
    NotMember {
        /// The organization.
        organization: String,
    },
    /// It was asked too often.
    #[error("the provider takes no more questions before {until}: try again then")]
    RateLimited {
        /// Until when.
        until: Timestamp,
    },
    /// It does not say what they are called.
    #[error("the provider does not say `{claim}` of them{}: have it say so, ask for the scope that holds it, or name another claim", if claim == "email" { ", or did not verify it" } else { "" })]
    NoLogin {
        /// The claim that should hold it.
        claim: String,
    },
    /// What came back does not belong to what was begun, or is not to be trusted.
    #[error("{0}: sign in again, and if that does not help, check the provider's settings here and there")]
    Answer(&'static str),
}

impl ProviderError {
    /// Until when nothing more is to be asked, where it said so.
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimited { until } => Some(*until),
            _ => None,
        }
    }

    /// In how many seconds it may be asked again, where it said so: at least one, and never too early.
    pub fn retry_after(&self, now: Timestamp) -> Option<u64> {
        let until = self.until()?;
        let micros = u64::try_from(until.micros().saturating_sub(now.micros())).unwrap_or_default();
        Some(micros.div_ceil(1_000_000).max(1))
    }

    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Egress(error) => match error {
                EgressError::Blocked { .. } | EgressError::Scheme | EgressError::Credentials | EgressError::NoHost => {
                    error.code()
                }
                EgressError::TooLarge { .. } | EgressError::Redirects => "provider.malformed",
                EgressError::Unresolved { .. }
                | EgressError::Untrusted { .. }
                | EgressError::Unreachable { .. }
                | EgressError::Slow { .. }
                | EgressError::NoTls => "provider.unreachable",
            },
            Self::Unavailable { .. } => "provider.unreachable",
            Self::Refused(_) => "provider.refused",
            Self::Malformed(_) => "provider.malformed",
            Self::NotMember { .. } => "provider.not_member",
            Self::RateLimited { .. } => "provider.rate_limited",
            Self::NoLogin { .. } => "provider.no_login",
            Self::Answer(_) => "provider.answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_to_wait_is_whole_seconds_and_never_too_few() {
        let at = |micros| Timestamp::from_micros(micros);
        let limited = ProviderError::RateLimited { until: at(9_000_001) };
        assert_eq!(limited.retry_after(at(7_000_001)), Some(2));
        assert_eq!(limited.retry_after(at(7_000_000)), Some(3));
        assert_eq!(limited.retry_after(at(20_000_000)), Some(1), "it is over");
        assert_eq!(ProviderError::Unavailable { status: 503 }.retry_after(at(0)), None);
    }
}
