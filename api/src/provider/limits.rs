//! When a provider that was asked too often may be asked again.
use crate::egress::Answer;
use domain::Timestamp;
use reqwest::{StatusCode, header::RETRY_AFTER};

/// How long to wait where it says nothing, in seconds: as GitHub asks for.
const WAIT: i64 = 60;

/// The longest time that is believed, in seconds.
const WAIT_MAX: i64 = 24 * 3600;

/// Until when nothing more is to be asked, if this answer says so. GitHub says it with 403 as well as with 429.
pub(super) fn until(answer: &Answer, now: Timestamp) -> Option<Timestamp> {
    let number = |name: &str| answer.headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    if !matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let after = |seconds: i64| now.plus_seconds(seconds.clamp(1, WAIT_MAX));
    let exhausted = number("x-ratelimit-remaining") == Some(0);
    let reset = || number("x-ratelimit-reset").map(|at| at.saturating_sub(now.micros().div_euclid(1_000_000)));
    match (number(RETRY_AFTER.as_str()), exhausted) {
        (Some(seconds), _) => Some(after(seconds)),
        (None, true) => Some(after(reset().unwrap_or(WAIT))),
        (None, false) => (answer.status == StatusCode::TOO_MANY_REQUESTS).then(|| after(WAIT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret_bytes::SecretBytes;
    use reqwest::header::{HeaderMap, HeaderName};

    fn waiting(status: StatusCode, headers: &[(&str, &str)]) -> Option<i64> {
        let header = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        let headers: HeaderMap = headers.iter().map(header).collect();
        let url = "https://api.example".parse().unwrap();
        let now = Timestamp::from_micros(0).plus_seconds(1000);
        let until = until(&Answer { status, headers, url, body: SecretBytes::default() }, now)?;
        Some((until.micros() - now.micros()) / 1_000_000)
    }

    #[test]
    fn what_is_said_is_honoured_within_bounds() {
        let (busy, forbidden) = (StatusCode::TOO_MANY_REQUESTS, StatusCode::FORBIDDEN);
        let spent = ("x-ratelimit-remaining", "0");
        assert_eq!(waiting(busy, &[]), Some(60));
        assert_eq!(waiting(busy, &[("retry-after", "7")]), Some(7));
        assert_eq!(waiting(forbidden, &[("retry-after", "7")]), Some(7));
        assert_eq!(waiting(forbidden, &[spent, ("x-ratelimit-reset", "1090")]), Some(90));
        assert_eq!(waiting(forbidden, &[spent, ("x-ratelimit-reset", "900")]), Some(1));
        assert_eq!(waiting(forbidden, &[spent, ("x-ratelimit-reset", "9999999999999")]), Some(WAIT_MAX));
        assert_eq!(waiting(forbidden, &[spent]), Some(60));
        assert_eq!(waiting(forbidden, &[("x-ratelimit-remaining", "59")]), None);
        assert_eq!(waiting(StatusCode::OK, &[spent]), None);
    }
}
