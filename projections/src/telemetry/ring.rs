//! Roll-ups of one device: minimum, mean and maximum of what people look at, in buckets of one width.
use domain::telemetry::Field;
use std::collections::VecDeque;

/// The fields whose past is kept.
pub(super) const KEPT: [Field; 4] = [Field::GpuUtilization, Field::MemoryUsed, Field::Temperature, Field::Power];

/// The samples of one field within one bucket.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Roll {
    min: f32,
    max: f32,
    sum: f32,
    count: u16,
}

/// One stretch of time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket {
    /// Its number: seconds since the epoch, by the ring's width.
    pub(super) number: i64,
    pub(super) rolls: [Roll; KEPT.len()],
}

/// Buckets of one width, the oldest first; a stretch in which nothing was measured has none.
#[derive(Debug)]
pub(super) struct Ring {
    width: i64,
    buckets: VecDeque<Bucket>,
}

impl Roll {
    fn add(&mut self, value: f32) {
        if self.count == 0 {
            *self = Self { min: value, max: value, sum: value, count: 1 };
        } else if self.count < u16::MAX {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.sum += value;
            self.count += 1;
        }
    }
}

/// Many rolls together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pooled {
    min: f64,
    max: f64,
    sum: f64,
    count: u32,
}

impl Pooled {
    /// One more.
    pub(super) fn add(&mut self, roll: &Roll) {
        if roll.count == 0 {
            return;
        }
        let (min, max) = (f64::from(roll.min), f64::from(roll.max));
        let fresh = self.count == 0;
        self.min = if fresh { min } else { self.min.min(min) };
        self.max = if fresh { max } else { self.max.max(max) };
        self.sum += f64::from(roll.sum);
        self.count += u32::from(roll.count);
    }

    /// Minimum, mean and maximum; none, if nothing was measured.
    pub(super) fn told(&self) -> Option<[f64; 3]> {
        (self.count > 0).then(|| [self.min, self.sum / f64::from(self.count), self.max])
    }
}

impl Ring {
    /// Of buckets that are so many seconds wide.
    pub(super) const fn new(width: i64) -> Self {
        Self { width, buckets: VecDeque::new() }
    }

    /// Takes in a value of that second, and keeps at most so many buckets. What is older than all that is kept is left out.
    pub(super) fn add(&mut self, second: i64, field: usize, value: f32, keep: usize) {
        let number = second.div_euclid(self.width);
        match self.buckets.back().map(|last| last.number) {
            Some(last) if last >= number => {
                let found = self.buckets.binary_search_by_key(&number, |bucket| bucket.number);
                // A bucket that was skipped stays a gap: a clock that went back makes no new one.
                if let Ok(at) = found {
                    self.buckets[at].rolls[field].add(value);
                }
            }
            _ => {
                let mut bucket = Bucket { number, ..Bucket::default() };
                bucket.rolls[field].add(value);
                self.buckets.push_back(bucket);
            }
        }
        while self.buckets.len() > keep.max(1) {
            self.buckets.pop_front();
        }
    }

    pub(super) const fn width(&self) -> i64 {
        self.width
    }

    /// The first second that is kept.
    pub(super) fn begins(&self) -> Option<i64> {
        self.buckets.front().map(|bucket| bucket.number * self.width)
    }

    /// The buckets that begin in this stretch of seconds, each with its second.
    pub(super) fn within(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, &Bucket)> {
        let all = self.buckets.iter().map(|bucket| (bucket.number * self.width, bucket));
        all.skip_while(move |(second, _)| *second < from).take_while(move |(second, _)| *second < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ring: &Ring) -> Vec<(i64, [f64; 3])> {
        let sum = |bucket: &Bucket| {
            let mut sum = Pooled::default();
            sum.add(&bucket.rolls[0]);
            sum.told()
        };
        ring.within(0, i64::MAX).filter_map(|(second, bucket)| Some((second, sum(bucket)?))).collect()
    }

    #[test]
    fn a_mean_over_a_week_is_a_mean() {
        let mut ring = Ring::new(600);
        let mut sum = Pooled::default();
        for second in 0..200_000 {
            ring.add(second, 0, 50.0, 1000);
        }
        ring.within(0, i64::MAX).for_each(|(_, bucket)| sum.add(&bucket.rolls[0]));
        assert_eq!(sum.told(), Some([50.0; 3]));
    }

    #[test]
    fn a_bucket_knows_minimum_mean_and_maximum() {
        let mut ring = Ring::new(10);
        for (second, value) in [(0, 1.0), (9, 5.0), (4, 3.0), (10, 7.0)] {
            ring.add(second, 0, value, 100);
        }
        assert_eq!(told(&ring), [(0, [1.0, 3.0, 5.0]), (10, [7.0; 3])]);
    }

    #[test]
    fn a_gap_is_a_gap_and_what_is_old_goes() {
        let mut ring = Ring::new(10);
        for second in [0, 10, 40, 50] {
            ring.add(second, 0, 1.0, 3);
        }
        assert_eq!(told(&ring).iter().map(|(second, _)| *second).collect::<Vec<_>>(), [10, 40, 50]);
        ring.add(20, 0, 9.0, 3);
        assert_eq!(told(&ring).len(), 3, "what comes too late is left out");
    }
}
