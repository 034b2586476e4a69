//! The log on both storages, without crashes; those are in `crash_tests`.

use uuid::Uuid;

use super::*;
use crate::block::{Record, kind};
use crate::merkle::{CompactRange, leaf_hash, node_hash};
use crate::storage::simulated::{SimulatedDisk, SplitMix64};
use crate::storage::sled::SledStorage;

const CLUSTER_ID: Uuid = Uuid::from_u128(0xabc);
const NO_EVENTS: &[&[u8]] = &[];

fn options() -> OpenOptions {
    OpenOptions::new(Some(CLUSTER_ID))
}

fn open(disk: &SimulatedDisk) -> (LogWriter, LogReader, Recovered) {
    try_open(disk, &options()).unwrap()
}

fn try_open(disk: &SimulatedDisk, options: &OpenOptions) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    Log::open(Box::new(disk.open().unwrap()), options)
}

fn refusal(disk: &SimulatedDisk, options: &OpenOptions) -> String {
    try_open(disk, options).unwrap_err().to_string()
}

fn mark(n: u64) -> Record {
    Record::new(kind::MARK, n.to_le_bytes().to_vec())
}

/// Commits of changing sizes, some of records only; answers all events in order.
fn fill(writer: &mut LogWriter, seed: u64, commits: u64) -> Vec<Vec<u8>> {
    let mut random = SplitMix64::new(seed);
    let mut all = Vec::new();
    for n in 0..commits {
        let count = match random.below(10) {
            0 => 0,
            1 => random.below(900),
            _ => random.below(5) + 1,
        };
        let event = |_| random.next_u64().to_le_bytes().repeat(random.index(12) + 1);
        let events: Vec<Vec<u8>> = (0..count).map(event).collect();
        let records = if count == 0 || random.coin() { vec![mark(n)] } else { vec![] };
        let committed = writer.commit(&events, &records).unwrap();
        assert_eq!((committed.first_position, committed.count), (all.len() as u64 + 1, count));
        all.extend(events);
        assert_eq!(committed.tip.size, all.len() as u64);
    }
    all
}

fn read_all(reader: &LogReader) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let collected = reader.replay(0, u64::MAX, |position, bytes| {
        events.push(bytes.to_vec());
        assert_eq!(position, events.len() as u64);
        Ok::<(), LogError>(())
    });
    collected.unwrap();
    events
}

fn tree_of(events: &[Vec<u8>]) -> CompactRange {
    let mut tree = CompactRange::new();
    for event in events {
        tree.append(leaf_hash(event), &mut Vec::new());
    }
    tree
}

#[test]
fn what_is_committed_is_read_again() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, reader, recovered) = open(&disk);
    assert!(recovered.founded);
    let mut all = fill(&mut writer, 1, 300);
    assert_eq!(read_all(&reader), all);
    writer.close().unwrap();
    for round in 2..5 {
        let (mut writer, reader, recovered) = open(&disk);
        assert!(!recovered.founded);
        assert_eq!(
            recovered.tip,
            Tip { commit: reader.tip().commit, size: all.len() as u64, root: tree_of(&all).root() }
        );
        assert_eq!(read_all(&reader), all);
        let tail = all.len();
        assert_eq!(one_more(&mut writer, round, &mut all).first_position, tail as u64 + 1);
        verify(&reader, |_, _| ()).unwrap();
        assert_eq!(read_all(&reader), all);
        // Not closed: a log must not need it.
    }
}

/// One more commit, noted in `all`.
fn one_more(writer: &mut LogWriter, seed: u64, all: &mut Vec<Vec<u8>>) -> Committed {
    let events: Vec<Vec<u8>> = (0..seed * 100).map(|n| (n + seed).to_le_bytes().to_vec()).collect();
    let committed = writer.commit(&events, &[]).unwrap();
    all.extend(events);
    committed
}

#[test]
fn every_position_is_found_from_memory_and_from_the_disk() {
    let disk = SimulatedDisk::new(2);
    let (mut writer, reader, _) = open(&disk);
    let all = fill(&mut writer, 7, 400);
    let check = |reader: &LogReader| {
        let mut random = SplitMix64::new(3);
        let mut starts: Vec<u64> = (0..300).map(|_| random.below(all.len() as u64 + 3)).collect();
        starts.extend([0, all.len() as u64 - 1, all.len() as u64, u64::MAX]);
        for after in starts {
            let up_to = if random.coin() { u64::MAX } else { after.saturating_add(random.below(50)) };
            let found = reader.read(after, up_to, 40, 2000).unwrap();
            let from = usize::try_from(after).unwrap_or(usize::MAX).min(all.len());
            let to = usize::try_from(up_to).unwrap_or(usize::MAX).min(all.len()).max(from);
            assert!(found.iter().zip(&all[from..to]).all(|(found, event)| found.bytes == event));
            assert!(found.iter().zip(after.saturating_add(1)..).all(|(found, position)| found.position == position));
            let bytes: usize = found.iter().map(|event| event.bytes.len()).sum();
            assert!(bytes <= 2000 && found.len() <= 40);
            let next_fits = all[from..to].get(found.len()).is_some_and(|event| bytes + event.len() <= 2000);
            assert!(found.len() == 40 || !next_fits, "{after} {up_to} {}", found.len());
        }
    };
    check(&reader);
    drop((writer, reader));
    let (_writer, reader, _) = open(&disk);
    check(&reader);
    let one = reader.read(3, u64::MAX, 10, 0).unwrap();
    assert_eq!(one.len(), 1, "one event is handed out however big it is");
    for position in 1..=all.len() as u64 {
        let commit = reader.commit_of(position).unwrap().unwrap();
        assert!(reader.block_holding(position).unwrap().header().key.commit == commit);
    }
    assert_eq!(reader.commit_of(all.len() as u64 + 1).unwrap(), None);
}

#[test]
fn records_are_found_with_their_commits() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, reader, _) = open(&disk);
    for n in 1..=20_u64 {
        let records: Vec<Record> = (0..n % 3).map(|k| mark(n * 10 + k)).collect();
        writer.commit(&[n.to_le_bytes()], &records).unwrap();
    }
    let _not_synced = writer.append(NO_EVENTS, &[mark(0)]).unwrap();
    let found: Vec<(u64, Record)> = reader.records(5).collect::<Result<_, _>>().unwrap();
    let expected: Vec<(u64, Record)> = (5..=20).flat_map(|n| (0..n % 3).map(move |k| (n, mark(n * 10 + k)))).collect();
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_seen_before_it_is_synced() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, reader, _) = open(&disk);
    let appended = writer.append(&[b"event"], &[]).unwrap();
    assert_eq!(appended.committed().tip.size, 1);
    assert_eq!(reader.tip().size, 0);
    assert!(reader.read(0, u64::MAX, 10, 1000).unwrap().is_empty());
    assert_eq!(writer.sync().unwrap(), Some(*appended.committed()));
    assert_eq!(writer.sync().unwrap(), None);
    assert_eq!(reader.read(0, u64::MAX, 10, 1000).unwrap().len(), 1);
}

#[test]
fn subtree_roots_are_kept_at_every_level() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, reader, _) = open(&disk);
    let all = fill(&mut writer, 11, 200);
    drop((writer, reader));
    let (_writer, reader, _) = open(&disk);
    let size = all.len() as u64;
    assert!(size > 4096);
    for level in 8..13 {
        for index in 0..size >> level {
            let from = usize::try_from(index << level).unwrap();
            let to = usize::try_from((index + 1) << level).unwrap();
            assert_eq!(reader.subtree_root(level, index).unwrap(), Some(tree_of(&all[from..to]).root()));
        }
        assert_eq!(reader.subtree_root(level, size >> level).unwrap(), None);
    }
    let [left, right] = [0, 1].map(|index| reader.subtree_root(8, index).unwrap().unwrap());
    assert_eq!(reader.subtree_root(9, 0).unwrap(), Some(node_hash(&left, &right)));
    assert_eq!(reader.subtree_root(7, 0).unwrap(), None);
    assert_eq!(reader.subtree_root(64, 0).unwrap(), None);
}

#[test]
fn commits_are_synced_together_and_never_with_one_left_out() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, reader, _) = open(&disk);
    let _appended = writer.append(&[b"1"], &[]).unwrap();
    let _appended = writer.append(&[b"2"], &[]).unwrap();
    assert_eq!(writer.sync().unwrap().unwrap().tip.commit, 2);
    assert_eq!(read_all(&reader), [b"1", b"2"]);
    let _left_out = writer.framer.frame(&[b"3"], &[]).unwrap();
    assert!(matches!(writer.append(&[b"4"], &[]), Err(LogError::Invalid(_))));
    assert!(matches!(writer.sync(), Err(LogError::Poisoned { .. })));
}

#[test]
fn a_commit_that_is_invalid_poisons_nothing() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, _, _) = open(&disk);
    assert!(matches!(writer.commit(NO_EVENTS, &[]), Err(LogError::Invalid(_))));
    assert_eq!(writer.commit(&[b"1"], &[]).unwrap().tip.commit, 1);
}

#[test]
fn a_failure_poisons_the_writer_and_not_the_readers() {
    for sync in [false, true] {
        let disk = SimulatedDisk::new(1);
        let (mut writer, reader, _) = open(&disk);
        writer.commit(&[b"1"], &[]).unwrap();
        if sync {
            disk.fail_sync();
        } else {
            disk.fail_append();
        }
        writer.commit(&[b"2"], &[]).unwrap_err();
        let error = writer.commit(&[b"3"], &[]).unwrap_err();
        assert!(error.to_string().contains("simulated failure"), "{error}");
        assert_eq!(read_all(&reader), [b"1"]);
        drop((writer, reader));
        assert_eq!(open(&disk).2.tip.commit, 1);
    }
    let disk = SimulatedDisk::new(1);
    disk.set_capacity(2000);
    let (mut writer, _, _) = open(&disk);
    let error = (0..20).find_map(|_| writer.commit(&[[7; 50]], &[]).err()).unwrap();
    assert!(error.is_full());
}

#[test]
fn a_demonstration_and_a_real_log_are_not_mixed() {
    let demonstration = OpenOptions { demonstration: true, ..options() };
    for (found, other) in [(options(), demonstration.clone()), (demonstration, options())] {
        let disk = SimulatedDisk::new(1);
        drop(try_open(&disk, &found).unwrap());
        assert!(refusal(&disk, &other).contains("simulate"));
        drop(try_open(&disk, &found).unwrap());
    }
}

#[test]
fn an_older_epoch_is_fenced() {
    let disk = SimulatedDisk::new(1);
    let newer = OpenOptions { epoch: 5, ..options() };
    try_open(&disk, &newer).unwrap().0.commit(&[b"1"], &[]).unwrap();
    assert!(refusal(&disk, &options()).contains("epoch 1 is over"));
    assert_eq!(try_open(&disk, &newer).unwrap().2.last_epoch, 5);
}

#[test]
fn a_log_is_never_founded_over_what_was_there() {
    let disk = SimulatedDisk::new(1);
    assert!(refusal(&disk, &OpenOptions::new(None)).contains("there is no log here"));
    drop(open(&disk));
    // Interrupted before anything was committed: the same cluster goes on.
    let other = OpenOptions::new(Some(Uuid::from_u128(99)));
    let (mut writer, _, recovered) = try_open(&disk, &other).unwrap();
    assert_eq!((recovered.marker.cluster, recovered.founded), (CLUSTER_ID, true));
    fill(&mut writer, 1, 20);
    writer.close().unwrap();

    let (marker, head, keys) = (disk.file(CLUSTER), disk.file(HEAD), disk.keys());
    disk.replace_file(CLUSTER, None);
    assert!(refusal(&disk, &options()).contains("CLUSTER is missing, and the log holds 20 commits"));
    let last: Vec<_> = keys.iter().filter(|key| key.commit == 20).map(|key| (*key, read(&disk, *key))).collect();
    disk.replace_file(CLUSTER, marker);
    for (key, _) in &last {
        disk.replace_block(*key, None);
    }
    assert!(refusal(&disk, &options()).contains("log ends at commit 19"));
    for key in &keys {
        disk.replace_block(*key, None);
    }
    assert!(refusal(&disk, &options()).contains("log is empty, and HEAD says"));
    disk.replace_file(CLUSTER, None);
    assert!(refusal(&disk, &options()).contains("CLUSTER and the log are missing"));
    assert_eq!(disk.file(HEAD), head);
    assert_eq!(disk.file(CLUSTER), None);
}

/// Without closing, and long before `HEAD` is due: one answered commit is enough to never found again.
#[test]
fn the_first_answer_is_guarded_by_a_head() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, _, _) = open(&disk);
    assert_eq!(disk.file(HEAD), None);
    writer.commit(&[b"first"], &[]).unwrap();
    disk.crash();
    drop(writer);
    assert!(disk.replace_block(BlockKey::first_of(1), None));
    assert!(refusal(&disk, &options()).contains("log is empty, and HEAD says"));
}

fn read(disk: &SimulatedDisk, key: BlockKey) -> Vec<u8> {
    disk.open().unwrap().reader().get(key).unwrap().unwrap().to_vec()
}

#[test]
fn another_log_under_the_same_marker_is_refused() {
    let (here, there) = (SimulatedDisk::new(1), SimulatedDisk::new(2));
    for (disk, id, event) in [(&here, 1, b"a"), (&there, 2, b"b")] {
        let mut writer = try_open(disk, &OpenOptions::new(Some(Uuid::from_u128(id)))).unwrap().0;
        writer.commit(&[event], &[]).unwrap();
    }
    here.replace_file(HEAD, there.file(HEAD));
    assert!(refusal(&here, &options()).contains("HEAD is of cluster"));
    here.replace_file(CLUSTER, there.file(CLUSTER));
    assert!(refusal(&here, &options()).contains("block belongs to log"));
    // The same cluster, and yet another history, as after a restored backup that went on.
    let other = SimulatedDisk::new(3);
    let mut writer = try_open(&other, &OpenOptions::new(Some(Uuid::from_u128(1)))).unwrap().0;
    writer.commit(&[b"c"], &[]).unwrap();
    drop(writer);
    other.replace_file(HEAD, {
        let again = SimulatedDisk::new(4);
        try_open(&again, &OpenOptions::new(Some(Uuid::from_u128(1)))).unwrap().0.commit(&[b"a"], &[]).unwrap();
        again.file(HEAD)
    });
    assert!(refusal(&other, &options()).contains("log is not the one that HEAD knows"));
}

/// A log of 30 commits, one of them of several parts, closed.
fn sound() -> SimulatedDisk {
    let disk = SimulatedDisk::new(5);
    let (mut writer, _, _) = open(&disk);
    fill(&mut writer, 5, 29);
    writer.commit(&vec![[7; 1000]; 150], &[]).unwrap();
    writer.close().unwrap();
    disk
}

#[test]
fn verifying_tells_the_truth_and_its_progress() {
    let disk = sound();
    let (_writer, reader, _) = open(&disk);
    let mut seen = Vec::new();
    let report = verify(&reader, |done, all| seen.push((done, all))).unwrap();
    assert_eq!(seen.last(), Some(&(30, 30)));
    assert_eq!((report.tip, report.blocks), (reader.tip(), disk.keys().len() as u64));
    assert_eq!(
        report.stored_bytes,
        disk.keys().iter().map(|key| { reader.scan(*key).next().unwrap().unwrap().1.len() as u64 }).sum::<u64>()
    );
}

#[test]
fn verifying_finds_any_bit_that_flipped() {
    let mut random = SplitMix64::new(17);
    for _ in 0..300 {
        let disk = sound();
        let (_writer, reader, _) = open(&disk);
        let keys = disk.keys();
        let key = keys[random.index(keys.len())];
        let bits = reader.scan(key).next().unwrap().unwrap().1.len() * 8;
        assert!(disk.flip_bit(key, random.index(bits)));
        let error = verify(&reader, |_, _| ()).unwrap_err();
        assert!(matches!(&error, LogError::Fault(fault) if fault.place == key.to_string()), "{error}");
    }
}

#[test]
fn verifying_finds_what_is_missing_or_exchanged() {
    let length = sound().keys().len();
    for n in 0..length {
        let disk = sound();
        let (_writer, reader, _) = open(&disk);
        disk.replace_block(disk.keys()[n], None);
        verify(&reader, |_, _| ()).unwrap_err();
    }
    let disk = sound();
    let (first, second) = (disk.keys()[3], disk.keys()[4]);
    let block = read(&disk, second);
    let (_writer, reader, _) = open(&disk);
    disk.replace_block(first, Some(block));
    let error = verify(&reader, |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("stands in the place of"), "{error}");
    let disk = sound();
    let (_writer, reader, _) = open(&disk);
    disk.replace_file(CLUSTER, None);
    assert!(verify(&reader, |_, _| ()).unwrap_err().to_string().contains("CLUSTER"));
}

#[test]
fn a_skipped_checksum_lets_a_flipped_bit_through_which_the_tree_finds() {
    let disk = SimulatedDisk::new(1);
    let (mut writer, _, _) = open(&disk);
    writer.commit(&[b"incompressible"], &[]).unwrap();
    writer.commit(&[b"last"], &[]).unwrap();
    writer.close().unwrap();
    assert!(disk.flip_bit(BlockKey::first_of(1), (crate::block::HEADER_BYTES + 5) * 8));
    assert!(try_open(&disk, &options()).is_err());
    let planted = OpenOptions { sabotage: Some(Sabotage::SkipChecksum), ..options() };
    // Opening recomputes the root over the last leaves, and refuses even so.
    assert!(refusal(&disk, &planted).contains("don't give the root"));
}

#[test]
fn a_damaged_end_is_explained() {
    let keys = sound().keys();
    let last = *keys.last().unwrap();
    assert!(last.part > 0);
    let disk = sound();
    assert!(disk.flip_bit(last, 950));
    let error = refusal(&disk, &options());
    assert!(
        error.contains("log is damaged at commit 30") && error.contains("checksum") && error.contains("restore"),
        "{error}"
    );
    let disk = sound();
    disk.replace_block(last, None);
    assert!(refusal(&disk, &options()).contains("of its"));
    let disk = sound();
    disk.replace_block(BlockKey::first_of(30), None);
    assert!(refusal(&disk, &options()).contains("commit 30 part 0: block is missing"));
}

#[test]
fn the_same_on_sled() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Log::open(Box::new(SledStorage::open(dir.path()).unwrap()), &options()).unwrap();
    let (mut writer, reader, _) = open();
    let all = fill(&mut writer, 3, 200);
    assert_eq!(read_all(&reader), all);
    let tip = writer.tip();
    writer.files().write("keyring", b"sealed").unwrap();
    writer.close().unwrap();
    drop(reader);
    let (_writer, reader, recovered) = open();
    assert_eq!(recovered.tip, tip);
    assert_eq!(read_all(&reader), all);
    let report = verify(&reader, |_, _| ()).unwrap();
    let stats = reader.stats().unwrap();
    assert!(stats.bytes > report.stored_bytes && stats.free_bytes > 0);
    assert_eq!((stats.commits, stats.events), (200, all.len() as u64));
    let middle = all.len() as u64 / 2;
    assert_eq!(reader.read(middle, middle + 1, 1, 1).unwrap()[0].bytes, all[all.len() / 2]);
}
