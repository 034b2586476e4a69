use super::*;

fn batch(commit: u64, parts: u16) -> Vec<(BlockKey, Vec<u8>)> {
    (0..parts).map(|part| (BlockKey { commit, part }, vec![7; 100])).collect()
}

fn written(survival: Survival, seed: u64) -> (SimulatedDisk, Vec<BlockKey>) {
    let disk = SimulatedDisk::new(seed);
    disk.set_survival(survival);
    let mut storage = disk.open().unwrap();
    storage.append(batch(1, 2)).unwrap();
    storage.sync().unwrap();
    storage.append(batch(2, 2)).unwrap();
    storage.append(batch(3, 2)).unwrap();
    assert_eq!(storage.reader().at_or_before(BlockKey::MAX).unwrap().unwrap().0.commit, 3);
    disk.crash();
    let keys = disk.keys();
    (disk, keys)
}

#[test]
fn a_cut_keeps_what_was_synced_and_whole_batches_in_order() {
    let kept = |survival, seed| written(survival, seed).1.len();
    assert_eq!(kept(Survival::Lost, 1), 2);
    assert_eq!(kept(Survival::Kept, 1), 6);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        seen.insert(kept(Survival::Prefix, seed));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [2, 4, 6]);
}

#[test]
fn a_tear_damages_one_block() {
    let torn = (0..50).filter(|seed| {
        let (disk, keys) = written(Survival::Torn, *seed);
        let storage = disk.open().unwrap();
        let damaged = |key: &&BlockKey| storage.reader().get(**key).unwrap().unwrap() != vec![7; 100];
        keys.iter().filter(damaged).count() == 1
    });
    assert!(torn.count() > 20);
}

#[test]
fn handles_die_with_the_power() {
    let disk = SimulatedDisk::new(1);
    let mut storage = disk.open().unwrap();
    let reader = storage.reader();
    assert!(disk.open().is_err());
    disk.crash();
    assert!(storage.append(batch(1, 1)).is_err());
    assert!(reader.get(BlockKey::MIN).is_err());
    assert!(disk.open().is_ok());
}

#[test]
fn what_a_failed_sync_lost_stays_lost() {
    let disk = SimulatedDisk::new(1);
    let mut storage = disk.open().unwrap();
    storage.append(batch(1, 1)).unwrap();
    disk.fail_sync();
    storage.sync().unwrap_err();
    assert!(matches!(storage.sync(), Err(StorageError::Poisoned { .. })));
    assert!(matches!(storage.files().write("HEAD", b""), Err(StorageError::Poisoned { .. })));
    assert!(storage.reader().get(BlockKey::first_of(1)).unwrap().is_some());
    drop(storage);
    let storage = disk.open().unwrap();
    assert!(storage.reader().get(BlockKey::first_of(1)).unwrap().is_none());
}

#[test]
fn a_full_disk_says_so() {
    let disk = SimulatedDisk::new(1);
    disk.set_capacity(250);
    let mut storage = disk.open().unwrap();
    storage.append(batch(1, 2)).unwrap();
    assert_eq!(storage.reader().space().unwrap(), Space { used: 200, free: 50 });
    assert!(matches!(storage.append(batch(2, 1)), Err(StorageError::Full { .. })));
}

#[test]
fn a_file_is_the_old_or_the_new_one_at_every_cut() {
    for survival in [Survival::Lost, Survival::Kept, Survival::Prefix, Survival::Torn] {
        for operation in 1..=5 {
            let disk = SimulatedDisk::new(operation);
            disk.set_survival(survival);
            let storage = disk.open().unwrap();
            storage.files().write("HEAD", b"old").unwrap();
            disk.crash_at(operation);
            let answered = storage.files().write("HEAD", b"new");
            assert_eq!(answered.is_ok(), operation == 5);
            drop(storage);
            disk.crash();
            let storage = disk.open().unwrap();
            let found = storage.files().read("HEAD").unwrap().unwrap();
            assert!(found == b"new" || (answered.is_err() && found == b"old"));
            assert_eq!(storage.files().names().unwrap(), ["HEAD"]);
        }
    }
}
