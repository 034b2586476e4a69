//! A device's past as curves.
use super::ring::{KEPT, Pooled, Ring};
use domain::{Timestamp, telemetry::Field};
use serde::Serialize;
use utoipa::ToSchema;

/// The most points of a curve.
const POINTS_MAX: i64 = 2000;

/// A device's past: for each step, what was measured in it. A step without a measurement is a gap: null.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Series {
    /// From one point to the next, in seconds.
    pub step_seconds: i64,
    /// When each step begins.
    #[schema(value_type = Vec<String>)]
    pub time: Vec<Timestamp>,
    /// Per cent of the time in which a kernel ran.
    pub utilization: Curve,
    /// Memory in use, in bytes.
    pub memory_used: Curve,
    /// Degrees Celsius.
    pub temperature: Curve,
    /// Watts drawn.
    pub power: Curve,
}

/// One quantity over time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct Curve {
    /// The least of each step.
    pub min: Vec<Option<f64>>,
    /// The mean of each step.
    pub mean: Vec<Option<f64>>,
    /// The most of each step.
    pub max: Vec<Option<f64>>,
}

/// A series is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// It would end before it begins.
    #[error("from lies behind to, which is now unless it is given")]
    Backwards,
    /// It would have more than [`POINTS_MAX`] points.
    #[error("this would be more than {POINTS_MAX} points: ask for a larger step, or a shorter time")]
    TooLong,
}

/// The curves between two seconds, from the finest ring that reaches back far enough and is no finer than the step.
pub(super) fn series(rings: &[Ring], from: i64, to: i64, step: i64) -> Result<Series, SeriesError> {
    if from > to {
        return Err(SeriesError::Backwards);
    }
    let reaches = |ring: &&Ring| ring.begins().is_some_and(|begins| begins <= from);
    let mut fit = rings.iter().filter(|ring| ring.width() <= step);
    let ring = fit.clone().find(reaches).or_else(|| fit.next_back()).or_else(|| rings.first());
    let width = ring.map_or(step, Ring::width);
    let step = (step.max(width) + width - 1) / width * width;
    let from = from.div_euclid(step) * step;
    let count = (to - from + step - 1) / step;
    if count > POINTS_MAX {
        return Err(SeriesError::TooLong);
    }
    let mut steps = vec![[Pooled::default(); KEPT.len()]; usize::try_from(count).unwrap_or_default()];
    for (second, bucket) in ring.into_iter().flat_map(|ring| ring.within(from, to)) {
        let at = usize::try_from((second - from) / step).unwrap_or_default();
        if let Some(into) = steps.get_mut(at) {
            into.iter_mut().zip(&bucket.rolls).for_each(|(into, roll)| into.add(roll));
        }
    }
    let curve = |field: Field| {
        let at = KEPT.iter().position(|kept| *kept == field).unwrap_or_default();
        Curve::of(steps.iter().map(|sums| &sums[at]), scale(field))
    };
    Ok(Series {
        step_seconds: step,
        time: (0..count).map(|nth| Timestamp::default().plus_seconds(from + nth * step)).collect(),
        utilization: curve(Field::GpuUtilization),
        memory_used: curve(Field::MemoryUsed),
        temperature: curve(Field::Temperature),
        power: curve(Field::Power),
    })
}

/// What a kept value has to be multiplied with to be what is shown.
fn scale(field: Field) -> f64 {
    match field {
        Field::Power => 0.001,
        _ => 1.0,
    }
}

impl Curve {
    fn of<'a>(sums: impl Iterator<Item = &'a Pooled>, scale: f64) -> Self {
        let mut curve = Self::default();
        for told in sums.map(Pooled::told) {
            let value = |nth: usize| told.map(|values| values[nth] * scale);
            curve.min.push(value(0));
            curve.mean.push(value(1));
            curve.max.push(value(2));
        }
        curve
    }
}
