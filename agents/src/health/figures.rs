//! A signal's value as a person is told it: in figures, with what it is compared with.
use super::policy::Values;
use crate::source::{Fabric, Readings};

/// The longest text, in bytes.
pub(super) const FIGURES_MAX: usize = 60;

/// What is told of a value.
#[derive(Debug)]
pub(super) enum Figures {
    /// Nothing: that the line holds says it all.
    None,
    /// The number, with the bound from which on it is too much.
    Count,
    /// What the readings say.
    Text(fn(&Readings, i64) -> Option<String>),
}

impl Figures {
    pub(super) fn of(&self, readings: &Readings, value: i64, holds: &Values) -> Option<String> {
        let text = match (self, holds) {
            (Self::Text(text), _) => text(readings, value)?,
            (Self::Count, Values::From(least)) if *least > 1 => format!("{value}, the limit is {least}"),
            (Self::Count, Values::From(_) | Values::NotAmong(_)) => value.to_string(),
            // The line says which it is.
            (Self::Count, Values::Among(_)) | (Self::None, _) => return None,
        };
        (text.len() <= FIGURES_MAX).then_some(text)
    }
}

pub(super) fn slowdown(readings: &Readings, _: i64) -> Option<String> {
    let heat = &readings.temperatures;
    Some(format!("{} °C, the GPU slows itself down at {} °C", heat.gpu?, heat.slowdown?))
}

pub(super) fn shutdown(readings: &Readings, _: i64) -> Option<String> {
    let heat = &readings.temperatures;
    Some(format!("{} °C, the GPU switches itself off at {} °C", heat.gpu?, heat.shutdown?))
}

pub(super) fn memory(readings: &Readings, _: i64) -> Option<String> {
    let heat = &readings.temperatures;
    Some(format!("{} °C, the limit is {} °C", heat.memory?, heat.memory_max?))
}

pub(super) fn margin(readings: &Readings, _: i64) -> Option<String> {
    let heat = &readings.temperatures;
    Some(format!("margin {} °C, the GPU slows itself down at {} °C", heat.margin?, heat.slowdown_margin?))
}

pub(super) fn lanes(readings: &Readings, _: i64) -> Option<String> {
    Some(format!("x{} of x{}", readings.pcie.width?, readings.pcie.width_max?))
}

pub(super) fn generations(readings: &Readings, _: i64) -> Option<String> {
    Some(format!("generation {} of {}", readings.pcie.generation?, readings.pcie.generation_max?))
}

pub(super) fn replays(readings: &Readings, beyond: i64) -> Option<String> {
    let link = &readings.pcie;
    Some(format!("{beyond} more in a minute, x{} of generation {}", link.width?, link.generation_max?))
}

pub(super) fn pages(readings: &Readings, new: i64) -> Option<String> {
    Some(format!("{new} in a week, {} in all", readings.retired.double_bit?))
}

pub(super) fn links(readings: &Readings, down: i64) -> Option<String> {
    Some(format!("{down} of {}", down + i64::from(readings.nvlinks?.active)))
}

pub(super) fn bit_errors(readings: &Readings, _: i64) -> Option<String> {
    let worst = readings.nvlinks?.worst_ber?;
    Some(format!("link {}: {}e-{}", worst.link, worst.mantissa, worst.exponent))
}

pub(super) fn fabric(readings: &Readings, _: i64) -> Option<String> {
    Some(match readings.fabric?.state {
        Fabric::NOT_STARTED => "not begun".to_owned(),
        Fabric::IN_PROGRESS => "under way".to_owned(),
        other => format!("state {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_told_with_its_bound() {
        let of = |holds: &Values| Figures::Count.of(&Readings::default(), 513, holds);
        assert_eq!(of(&Values::From(512)).as_deref(), Some("513, the limit is 512"));
        assert_eq!(of(&Values::From(1)).as_deref(), Some("513"), "there should be none");
        assert_eq!(of(&Values::NotAmong([0].into())).as_deref(), Some("513"));
        assert_eq!(of(&Values::Among([513].into())), None);
        let longest = Figures::Count.of(&Readings::default(), i64::MAX, &Values::From(i64::MAX));
        assert!(longest.is_some_and(|text| text.len() <= FIGURES_MAX));
    }

    #[test]
    fn what_could_not_be_read_is_not_told() {
        let mut readings = Readings::default();
        readings.temperatures.gpu = Some(92);
        assert_eq!(slowdown(&readings, 2), None);
        readings.temperatures.slowdown = Some(90);
        assert_eq!(slowdown(&readings, 2).as_deref(), Some("92 °C, the GPU slows itself down at 90 °C"));
    }
}
