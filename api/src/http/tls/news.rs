//! What time alone does to the certificate that is shown: it begins to hold, is due, and ends.
use super::validity::{Stage, Validity};
use domain::Timestamp;

/// What is to be said of it, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// It does not hold, for this reason.
    Faulty(String),
    /// It holds now, until then.
    Holds(Timestamp),
    /// It ends soon, at that time.
    Due(Timestamp),
}

/// What was last seen of the certificate.
#[derive(Debug, Default)]
pub(super) struct Watch(Option<(Validity, Stage)>);

impl Watch {
    /// What is new about the one that is shown at this time. Whether another holds that has just taken its place was said when
    /// it did.
    pub(super) fn look(&mut self, shown: Validity, now: Timestamp) -> Option<News> {
        let stage = shown.stage(now);
        let before = self.0.replace((shown, stage));
        let same = before.filter(|(validity, _)| *validity == shown).map(|(_, stage)| stage);
        if same == Some(stage) {
            return None;
        }
        match stage {
            Stage::Early | Stage::Ended if same.is_none() && before.is_some() => None,
            Stage::Early | Stage::Ended => shown.fault(now).map(News::Faulty),
            Stage::Holds => same.map(|_| News::Holds(shown.until)),
            Stage::Due => Some(News::Due(shown.until)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    const NINE: Validity = Validity { from: at(100), until: at(109) };

    fn news(watch: &mut Watch, shown: Validity, seconds: impl IntoIterator<Item = i64>) -> Vec<(i64, News)> {
        seconds.into_iter().filter_map(|second| Some((second, watch.look(shown, at(second))?))).collect()
    }

    #[test]
    fn each_stage_is_told_of_once_as_time_goes_by() {
        let faulty = |text: String| News::Faulty(text);
        assert_eq!(
            news(&mut Watch::default(), NINE, 97..120),
            [
                (97, faulty(format!("it does not hold before {}", at(100)))),
                (100, News::Holds(at(109))),
                (106, News::Due(at(109))),
                (110, faulty(format!("it has ended at {}", at(109)))),
            ]
        );
    }

    #[test]
    fn of_one_that_holds_at_the_start_nothing_is_told_before_it_is_due() {
        assert_eq!(news(&mut Watch::default(), NINE, [101, 105, 107, 108]), [(107, News::Due(at(109)))]);
    }

    #[test]
    fn whether_a_renewed_one_holds_was_said_when_it_was_taken() {
        let mut watch = Watch::default();
        assert_eq!(news(&mut watch, NINE, [101]), []);
        let later = Validity { from: at(104), until: at(204) };
        assert_eq!(news(&mut watch, later, [102, 103, 104]), [(104, News::Holds(at(204)))]);
        let ending = Validity { from: at(0), until: at(106) };
        assert_eq!(news(&mut watch, ending, [105]), [(105, News::Due(at(106)))]);
        let ended = Validity { from: at(0), until: at(50) };
        assert_eq!(news(&mut watch, ended, [106, 107]), []);
    }
}
