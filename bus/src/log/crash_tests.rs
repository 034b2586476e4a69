//! The log on a disk that fails: whatever happens, what was answered is there, and nothing is there in part.

use uuid::Uuid;

use super::*;
use crate::block::Record;
use crate::storage::simulated::{SimulatedDisk, SplitMix64, Survival};

const SURVIVALS: [Survival; 4] = [Survival::Lost, Survival::Kept, Survival::Prefix, Survival::Torn];

/// What a commit was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Batch {
    events: Vec<Vec<u8>>,
    records: Vec<Record>,
}

/// What the outside was told, and the one commit whose outcome it was not told.
#[derive(Default)]
struct Told {
    cluster: Option<Uuid>,
    answered: Vec<Batch>,
    unknown: Option<Batch>,
    /// Commits that `HEAD` must not be ahead of.
    last_tip: Option<Tip>,
}

impl Told {
    fn commit(&mut self, writer: &mut LogWriter, batch: Batch) -> bool {
        match writer.commit(&batch.events, &batch.records) {
            Ok(committed) => {
                assert_eq!(committed.tip.commit, self.answered.len() as u64 + 1);
                self.last_tip = Some(committed.tip);
                self.answered.push(batch);
                true
            }
            Err(error) => {
                assert!(!matches!(error, LogError::Invalid(_)), "{error}");
                self.unknown = Some(batch);
                assert!(matches!(writer.commit(&[b"next"], &[]), Err(LogError::Poisoned { .. })));
                false
            }
        }
    }

    /// Compares the log as it was opened again with what was told. The unknown commit counts as answered from then
    /// on, if it is there.
    fn check(&mut self, reader: &LogReader, recovered: &Recovered) {
        let known = *self.cluster.get_or_insert(recovered.marker.cluster);
        assert_eq!(known, recovered.marker.cluster, "a second cluster was founded");
        let found = batches(reader);
        if let Some(unknown) = self.unknown.take()
            && found.len() > self.answered.len()
        {
            self.answered.push(unknown);
        }
        assert_eq!(found, self.answered);
        assert_eq!(recovered.tip.commit, found.len() as u64);
        assert_eq!(recovered.founded, found.is_empty());
        let report = verify(reader, |_, _| ()).unwrap();
        assert_eq!(report.tip, recovered.tip);
    }
}

/// The commits as they are stored; positions are checked on the way.
fn batches(reader: &LogReader) -> Vec<Batch> {
    let tip = reader.tip();
    let mut found = vec![Batch::default(); usize::try_from(tip.commit).unwrap()];
    let index = |commit: u64| usize::try_from(commit - 1).unwrap();
    let mut next = 1;
    for block in reader.blocks(0, u64::MAX) {
        let block = block.unwrap();
        for (position, bytes) in block.events() {
            assert_eq!(position, next);
            next += 1;
            found[index(block.header().key.commit)].events.push(bytes.to_vec());
        }
    }
    assert_eq!(next, tip.size + 1);
    for read in reader.records(1) {
        let (commit, record) = read.unwrap();
        found[index(commit)].records.push(record);
    }
    found
}

fn some_batch(random: &mut SplitMix64) -> Batch {
    let count = match random.below(24) {
        0 => 0,
        1 => random.below(300),
        2 => 6,
        _ => 1 + random.below(4),
    };
    // Nothing that compresses: six of the long ones need two blocks.
    let words = if count == 6 { 1900 } else { 1 + random.below(8) };
    let events = (0..count).map(|_| (0..words).flat_map(|_| random.next_u64().to_le_bytes()).collect()).collect();
    let records = (0..random.below(3) + u64::from(count == 0))
        .map(|_| Record::new(random.next_u64().to_le_bytes()[0] & 0x7f, random.next_u64().to_le_bytes().to_vec()))
        .collect();
    Batch { events, records }
}

fn options(random: &mut SplitMix64) -> OpenOptions {
    // Another id each time: only the first that was written may ever be used.
    let id = Uuid::from_u128(u128::from(random.next_u64()) + 1);
    OpenOptions { head_every: 1 + random.below(5), recent_bytes: random.index(4000), ..OpenOptions::new(Some(id)) }
}

/// What a start after a fault came to.
enum Start {
    Running(LogWriter, LogReader),
    Down,
    /// The end of the log was torn, which was seen; the log can't go on.
    Refused,
}

fn start(disk: &SimulatedDisk, told: &mut Told, random: &mut SplitMix64) -> Start {
    let storage = disk.open().unwrap();
    match Log::open(Box::new(storage), &options(random)) {
        Ok((writer, reader, recovered)) => {
            // The walk below reads as well; no cut happens in reading.
            told.check(&reader, &recovered);
            Start::Running(writer, reader)
        }
        Err(error @ LogError::Fault(_)) => {
            assert!(error.to_string().contains("restore from a backup"), "{error}");
            Start::Refused
        }
        Err(error) => {
            assert!(matches!(error, LogError::Storage { .. }), "{error}");
            Start::Down
        }
    }
}

fn life(seed: u64) -> usize {
    let mut random = SplitMix64::new(seed);
    let disk = SimulatedDisk::new(seed ^ 0xdead);
    let survival = SURVIVALS[random.index(4)];
    disk.set_survival(survival);
    let mut told = Told::default();
    for _ in 0..5 {
        if random.below(3) > 0 {
            disk.crash_at(1 + random.below(60));
        }
        match start(&disk, &mut told, &mut random) {
            Start::Refused => {
                // Only a torn tail may look like damage, and nothing is ever answered again.
                assert_eq!(survival, Survival::Torn);
                assert!(told.unknown.is_some());
                return told.answered.len();
            }
            Start::Down => {}
            Start::Running(mut writer, reader) => {
                for _ in 0..random.below(25) {
                    match random.below(60) {
                        0 => disk.fail_sync(),
                        1 => disk.fail_append(),
                        2 => disk.fail_file(),
                        3 => disk.set_capacity(disk.used() + random.below(3000)),
                        _ => {}
                    }
                    if !told.commit(&mut writer, some_batch(&mut random)) {
                        break;
                    }
                    assert_eq!(Some(reader.tip()), told.last_tip);
                }
                if random.coin() {
                    // A cut or a fault may be waiting for this one too.
                    let _ = writer.close();
                }
            }
        }
        disk.set_capacity(1 << 40);
        if random.coin() {
            disk.crash();
        }
        disk.crash_never();
    }
    if let Start::Running(..) = start(&disk, &mut told, &mut random) {
        return told.answered.len();
    }
    assert_eq!(survival, Survival::Torn);
    told.answered.len()
}

#[test]
fn thousands_of_lives() {
    let answered: usize = (0..3000).map(life).sum();
    assert!(answered > 30_000, "{answered} commits are too few to mean much");
}

/// One script, cut at every operation there is, in every way.
#[test]
fn a_cut_at_every_operation() {
    let script = |disk: &SimulatedDisk, told: &mut Told| {
        let mut random = SplitMix64::new(4);
        for _ in 0..3 {
            let Start::Running(mut writer, _) = start(disk, told, &mut random) else { return false };
            for _ in 0..8 {
                let batch = some_batch(&mut random);
                if !told.commit(&mut writer, batch) {
                    return false;
                }
            }
            if writer.close().is_err() {
                return false;
            }
        }
        true
    };
    for survival in SURVIVALS {
        let disk = SimulatedDisk::new(9);
        assert!(script(&disk, &mut Told::default()));
        let operations = disk.operations();
        assert!(operations > 70);
        for cut in 1..=operations {
            let disk = SimulatedDisk::new(9);
            disk.set_survival(survival);
            disk.crash_at(cut);
            let mut told = Told::default();
            assert!(!script(&disk, &mut told), "cut {cut} did not happen");
            match start(&disk, &mut told, &mut SplitMix64::new(cut)) {
                Start::Running(mut writer, _) => {
                    assert!(told.commit(&mut writer, some_batch(&mut SplitMix64::new(cut))));
                }
                Start::Refused => assert_eq!(survival, Survival::Torn),
                Start::Down => panic!("cut {cut}: the disk is sound and the log does not start"),
            }
        }
    }
}

/// The tests above find a log that answers before it has synced.
#[test]
fn an_early_answer_is_caught() {
    let caught = (0..20).filter(|seed| {
        let disk = SimulatedDisk::new(*seed);
        disk.set_survival(Survival::Lost);
        let mut random = SplitMix64::new(*seed);
        let (mut writer, _, _) = Log::open(Box::new(disk.open().unwrap()), &options(&mut random)).unwrap();
        writer.commit(&[b"first"], &[]).unwrap();
        let early = writer.append(&[b"answered"], &[]).unwrap();
        disk.crash();
        let (_, reader, _) = Log::open(Box::new(disk.open().unwrap()), &options(&mut random)).unwrap();
        reader.tip().size < early.committed().tip.size
    });
    assert_eq!(caught.count(), 20);
}
