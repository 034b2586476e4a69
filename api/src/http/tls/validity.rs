//! For how long a certificate holds.
use domain::Timestamp;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, error::X509Error, prelude::FromDer, time::ASN1Time};

/// The time in which a certificate holds, both ends included, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

/// So long before its end, a certificate should be renewed.
const RENEWED_BEFORE_S: i64 = 14 * 24 * 3600;

/// How far a certificate is through its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It does not hold yet.
    Early,
    /// It holds.
    Holds,
    /// It holds, and should have been renewed.
    Due,
    /// It has ended.
    Ended,
}

impl Validity {
    /// That of this certificate.
    ///
    /// # Errors
    /// It is no certificate.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, X509Error> {
        let (_, certificate) = X509Certificate::from_der(certificate)?;
        let at = |time: ASN1Time| Timestamp::from_micros(time.timestamp().saturating_mul(1_000_000));
        let validity = certificate.validity();
        Ok(Self { from: at(validity.not_before), until: at(validity.not_after) })
    }

    /// Whether it holds at this time.
    pub(crate) fn contains(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until.plus_seconds(1)
    }

    /// From when on it should have been renewed: 14 days before its end, or for the last third of one that is short-lived.
    pub(crate) fn renew_from(self) -> Timestamp {
        let lasts_s = self.until.micros().saturating_sub(self.from.micros()) / 1_000_000;
        self.until.plus_seconds(-RENEWED_BEFORE_S.min(lasts_s / 3))
    }

    /// How far through its time it is.
    pub(super) fn stage(self, now: Timestamp) -> Stage {
        if now < self.from {
            Stage::Early
        } else if !self.contains(now) {
            Stage::Ended
        } else if now < self.renew_from() {
            Stage::Holds
        } else {
            Stage::Due
        }
    }

    /// Why it does not hold at this time; none, if it does.
    pub(crate) fn fault(self, now: Timestamp) -> Option<String> {
        if self.contains(now) {
            return None;
        }
        let Self { from, until } = self;
        Some(if now < from { format!("it does not hold before {from}") } else { format!("it has ended at {until}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[test]
    fn it_holds_from_its_first_second_to_its_last() {
        let validity = Validity { from: at(100), until: at(200) };
        for (second, holds) in [(99, false), (100, true), (200, true), (201, false)] {
            assert_eq!(validity.contains(at(second)), holds, "{second}");
            assert_eq!(validity.fault(at(second)).is_none(), holds, "{second}");
        }
        assert_eq!(validity.fault(at(99)), Some(format!("it does not hold before {}", at(100))));
        assert_eq!(validity.fault(at(201)), Some(format!("it has ended at {}", at(200))));
    }

    #[test]
    fn it_is_to_be_renewed_two_weeks_before_its_end_or_in_its_last_third() {
        let days = |days: i64| days * 24 * 3600;
        let year = Validity { from: at(0), until: at(days(365)) };
        assert_eq!(year.renew_from(), at(days(351)));
        let week = Validity { from: at(0), until: at(days(6)) };
        assert_eq!(week.renew_from(), at(days(4)));
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        assert!(Validity::of(&CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01, 0x01])).is_err());
    }
}
