//! Figures, as a table for people and as JSON for programs.
use crate::disk::Machine;
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// One round of one measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Round {
    /// From the latencies of everything that was done in `elapsed`.
    pub(crate) fn of(mut latencies: Vec<Duration>, elapsed: Duration, each: usize) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let index = latencies.len().saturating_sub(1) * percent / 100;
            latencies.get(index).copied().unwrap_or_default()
        };
        Self { per_second: (latencies.len() * each) as f64 / elapsed.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

/// One line: what was measured, under which load, in every round.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) load: String,
    pub(crate) rounds: Vec<Round>,
    pub(crate) notes: Vec<(&'static str, String)>,
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// All lines, and the ratios that are asked for.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) lines: Vec<Line>,
    /// (of, over, load, factor per round)
    pub(crate) ratios: Vec<(String, String, String, Vec<f64>)>,
}

impl Report {
    /// Adds the ratio of two measurements under one load, round by round.
    pub(crate) fn ratio(&mut self, of: &str, over: &str, load: &str) {
        let rounds = |what: &str| -> Option<&[Round]> {
            self.lines.iter().find(|line| line.what == what && line.load == load).map(|line| line.rounds.as_slice())
        };
        if let (Some(a), Some(b)) = (rounds(of), rounds(over)) {
            let factors = a.iter().zip(b).map(|(a, b)| a.per_second / b.per_second).collect();
            self.ratios.push((of.to_owned(), over.to_owned(), load.to_owned(), factors));
        }
    }

    pub(crate) fn to_json(&self, machine: &Machine) -> Value {
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                let rounds: Vec<Value> = line
                    .rounds
                    .iter()
                    .map(|round| {
                        json!({"per_second": round.per_second, "p50_us": micros(round.p50), "p99_us": micros(round.p99)})
                    })
                    .collect();
                let notes: serde_json::Map<String, Value> =
                    line.notes.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
                json!({"what": line.what, "load": line.load, "rounds": rounds, "notes": notes})
            })
            .collect();
        let ratios: Vec<Value> = self
            .ratios
            .iter()
            .map(|(of, over, load, factors)| json!({"of": of, "over": over, "load": load, "factors": factors}))
            .collect();
        json!({
            "machine": {
                "processors": machine.processors,
                "model": machine.model,
                "kernel": machine.kernel,
                "append_and_fdatasync_us": micros(machine.sync),
            },
            "lines": lines,
            "ratios": ratios,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34} {:>14} {:>12} {:>10} {:>10}  notes", "what", "load", "per second", "p50 µs", "p99 µs")?;
        for line in &self.lines {
            let middle = |value: fn(&Round) -> f64| median(line.rounds.iter().map(value));
            let notes: Vec<String> = line.notes.iter().map(|(name, value)| format!("{name} {value}")).collect();
            writeln!(
                f,
                "{:<34} {:>14} {:>12.0} {:>10.0} {:>10.0}  {}",
                line.what,
                line.load,
                middle(|round| round.per_second),
                middle(|round| round.p50.as_secs_f64() * 1e6),
                middle(|round| round.p99.as_secs_f64() * 1e6),
                notes.join(", ")
            )?;
        }
        for (of, over, load, factors) in &self.ratios {
            let (low, high) =
                factors.iter().fold((f64::MAX, f64::MIN), |(low, high), factor| (low.min(*factor), high.max(*factor)));
            let middle = median(factors.iter().copied());
            writeln!(f, "{of} / {over}, {load}: {middle:.2} (median; {low:.2} to {high:.2})")?;
        }
        Ok(())
    }
}
