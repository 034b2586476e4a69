//! The form of a policy as a file.
use super::{Flapping, Line, Policy, PolicyError, Remedied, Suspect, Test, Until, Values};
use crate::health::{
    damper::{Begin, Damping, Latch},
    detail::{Detail, REGISTERS, Registers, Says},
};
use domain::device::{Condition, ConditionKind, Remedy, Severity};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    hung_s: u32,
    missing_s: u32,
    missing_grace_s: u32,
    flapping: FlappingFile,
    remedied: RemediedFile,
    suspect: SuspectFile,
    unknown_xid: UnknownFile,
    #[serde(default)]
    xid: Vec<XidFile>,
    #[serde(default)]
    condition: Vec<ConditionFile>,
    #[serde(default)]
    names: BTreeMap<String, Arc<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlappingFile {
    severity: Severity,
    remedy: Remedy,
    times: u8,
    within_s: u32,
    keep_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemediedFile {
    severity: Severity,
    remedy: Remedy,
    times: u8,
    burst_s: u32,
    within_s: u32,
    keep_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuspectFile {
    severity: Severity,
    remedy: Remedy,
    bursts: u8,
    burst_s: u32,
    processes: u8,
    within_s: u32,
    codes: BTreeSet<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnknownFile {
    severity: Severity,
    remedy: Remedy,
    keep_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct XidFile {
    kind: ConditionKind,
    codes: BTreeSet<u32>,
    #[serde(default)]
    with: BTreeSet<u32>,
    detail: Option<Arc<str>>,
    #[serde(default)]
    models: BTreeSet<Arc<str>>,
    bits: Option<BTreeMap<String, BTreeSet<u32>>>,
    beyond: Option<BTreeMap<String, BTreeSet<u32>>>,
    severity: Severity,
    remedy: Remedy,
    keep_s: Option<u32>,
    until: Option<UntilFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionFile {
    kind: ConditionKind,
    signal: String,
    at_least: Option<i64>,
    is: Option<BTreeSet<i64>>,
    is_not: Option<BTreeSet<i64>>,
    clear_below: Option<i64>,
    severity: Severity,
    remedy: Remedy,
    reason: Arc<str>,
    for_s: Option<u32>,
    minutes: Option<(u8, u8)>,
    keep_s: Option<u32>,
    #[serde(default)]
    grace_s: u32,
    until: Option<UntilFile>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum UntilFile {
    Reset,
    Boot,
}

/// The bursts that are remembered of one code: a policy can't ask for more.
pub(crate) const BURSTS_MAX: u8 = 32;

pub(super) fn read(text: &str) -> Result<Policy, PolicyError> {
    let file: File = toml::from_str(text)?;
    let mut kinds: BTreeMap<ConditionKind, Vec<Line>> = BTreeMap::new();
    for xid in file.xid {
        let place = || format!("[[xid]] {}", xid.kind);
        kinds.entry(xid.kind.clone()).or_default().push(xid_line(&xid).map_err(|wrong| at(place(), wrong))?);
    }
    for condition in file.condition {
        let place = || format!("[[condition]] {} of {}", condition.kind, condition.signal);
        let line = level(&condition).map_err(|wrong| at(place(), wrong))?;
        kinds.entry(condition.kind.clone()).or_default().push(line);
    }
    let (suspect, unknown, flapping, remedied) = (file.suspect, file.unknown_xid, file.flapping, file.remedied);
    if ![suspect.bursts, flapping.times, remedied.times].iter().all(|times| (1..=BURSTS_MAX).contains(times)) {
        let place = "[suspect], [flapping] and [remedied]";
        return Err(at(place.to_owned(), format!("count from 1 to {BURSTS_MAX}")));
    }
    let own = [
        ("xid.suspect_hw", suspect.severity, suspect.remedy, Test::Suspect),
        ("xid.unknown", unknown.severity, unknown.remedy, Test::UnknownXid(seconds(unknown.keep_s))),
        ("gpu.flapping", flapping.severity, flapping.remedy, Test::Flapping),
        ("gpu.flapping", remedied.severity, remedied.remedy, Test::Remedied),
    ];
    for (kind, severity, remedy, test) in own {
        let line = Line { severity, remedy, test, damping: Damping::NONE, grace: Duration::ZERO };
        kinds.entry(kind.parse().expect("it is a kind")).or_default().push(line);
    }
    if kinds.len() > Policy::KINDS_MAX {
        return Err(at("in all".to_owned(), format!("there are at most {} kinds", Policy::KINDS_MAX)));
    }
    let names = file.names.into_iter().map(|(code, name)| {
        let code = code.parse().map_err(|_| at("[names]".to_owned(), format!("{code:?} is no code")))?;
        if name.len() > NAME_MAX { Err(at("[names]".to_owned(), TOO_LONG.to_owned())) } else { Ok((code, name)) }
    });
    Ok(Policy {
        version: file.version,
        fingerprint: blake3::hash(text.as_bytes()).to_hex()[..8].into(),
        names: names.collect::<Result<_, _>>()?,
        kinds,
        suspect: Suspect {
            bursts: suspect.bursts.into(),
            burst: seconds(suspect.burst_s),
            processes: suspect.processes.into(),
            within: seconds(suspect.within_s),
            codes: suspect.codes,
        },
        flapping: Flapping {
            times: flapping.times.into(),
            within: seconds(flapping.within_s),
            keep: seconds(flapping.keep_s),
        },
        remedied: Remedied {
            times: remedied.times.into(),
            burst: seconds(remedied.burst_s),
            within: seconds(remedied.within_s),
            keep: seconds(remedied.keep_s),
        },
        hung: seconds(file.hung_s),
        missing: seconds(file.missing_s),
        missing_grace: seconds(file.missing_grace_s),
    })
}

/// Leaves room for what is said before it, and for figures behind it.
const NAME_MAX: usize = Condition::REASON_MAX - 64;
const TOO_LONG: &str = "a text has at most 192 bytes";

fn at(place: String, wrong: String) -> PolicyError {
    PolicyError::Line { place, wrong }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

fn xid_line(file: &XidFile) -> Result<Line, String> {
    let until = match (file.keep_s, file.until) {
        (Some(keep), None) => Until::Quiet(seconds(keep)),
        (None, Some(UntilFile::Reset)) => Until::Reset,
        (None, Some(UntilFile::Boot)) => Until::Boot,
        (None, None) | (Some(_), Some(_)) => return Err("says either keep_s or until".to_owned()),
    };
    let (codes, with, detail) = (file.codes.clone(), file.with.clone(), detail(file)?);
    let test = Test::Xid { codes, with, detail, until };
    let (severity, remedy) = (file.severity, file.remedy);
    Ok(Line { severity, remedy, test, damping: Damping::NONE, grace: Duration::ZERO })
}

fn detail(file: &XidFile) -> Result<Option<Detail>, String> {
    let says = match (&file.detail, &file.bits, &file.beyond) {
        (None, None, None) => None,
        (Some(word), None, None) => Some((word.clone(), Says::Word(word.clone()))),
        (None, Some(bits), None) => Some((key("bits:", file, bits), Says::Bits(registers(file, bits)?))),
        (None, None, Some(bits)) => Some((key(Detail::BEYOND, file, bits), Says::Beyond(registers(file, bits)?))),
        _ => return Err("says one of detail, bits and beyond".to_owned()),
    };
    if file.models.is_empty() == matches!(says, Some((_, Says::Bits(_) | Says::Beyond(_)))) {
        return Err("models go together with bits or beyond".to_owned());
    }
    Ok(says.map(|(key, says)| Detail { key, says }))
}

/// The same for the same rule, and no word.
fn key(what: &str, file: &XidFile, bits: &BTreeMap<String, BTreeSet<u32>>) -> Arc<str> {
    let hash = blake3::hash(format!("{bits:?} {:?}", file.models).as_bytes()).to_hex();
    format!("{what}{}", &hash[..16]).into()
}

fn registers(file: &XidFile, bits: &BTreeMap<String, BTreeSet<u32>>) -> Result<Registers, String> {
    let read = bits.iter().map(|(register, bits)| {
        let number = register.parse().ok().filter(|number| (1..=REGISTERS).contains(number));
        let number = number.ok_or_else(|| format!("registers are 1 to {REGISTERS}"))?;
        if bits.iter().all(|bit| *bit < u32::BITS) {
            Ok((number, bits.clone()))
        } else {
            Err("bits are 0 to 31".to_owned())
        }
    });
    Ok(Registers { models: file.models.clone(), bits: read.collect::<Result<_, String>>()? })
}

fn level(file: &ConditionFile) -> Result<Line, String> {
    let signal = file.signal.parse().map_err(|error: crate::health::signal::NoSuchSignal| error.to_string())?;
    let holds = match (file.at_least, &file.is, &file.is_not) {
        (least, None, None) => Values::From(least.unwrap_or(1)),
        (None, Some(values), None) => Values::Among(values.clone()),
        (None, None, Some(values)) => Values::NotAmong(values.clone()),
        _ => return Err("says one of at_least, is and is_not".to_owned()),
    };
    if file.clear_below.is_some_and(|below| !matches!(holds, Values::From(least) if below <= least)) {
        return Err("clear_below is at most at_least".to_owned());
    }
    let begin = match (file.for_s, file.minutes) {
        (time, None) => Begin::After(seconds(time.unwrap_or_default())),
        (None, Some((held, of))) if (1..=of).contains(&held) && of <= 60 => Begin::Minutes { held, of },
        (None, Some(_)) => {
            return Err("minutes is [held, of], as [2, 5]: at most 60, and no more held than of".to_owned());
        }
        (Some(_), Some(_)) => return Err("says either for_s or minutes".to_owned()),
    };
    if file.reason.len() > NAME_MAX {
        return Err(TOO_LONG.to_owned());
    }
    let latch = file.until.map(|until| match until {
        UntilFile::Reset => Latch::Reset,
        UntilFile::Boot => Latch::Boot,
    });
    let damping = Damping { begin, keep: seconds(file.keep_s.unwrap_or_default()), latch };
    let test = Test::Level { signal, holds, clear_below: file.clear_below, reason: file.reason.clone() };
    Ok(Line { severity: file.severity, remedy: file.remedy, test, damping, grace: seconds(file.grace_s) })
}
