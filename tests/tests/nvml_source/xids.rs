//! XIDs, by the kernel's log and by NVML.
use crate::looker::Looker;
use agents::source::XidEvent;
use bus::clock::{Clock, SystemClock};
use tests::harness::nvml_state as state;

/// Looks until so many XIDs are told, and once more.
async fn xids(looker: &mut Looker, count: usize) -> Vec<XidEvent> {
    let mut found: Vec<XidEvent> = vec![];
    while found.len() < count {
        let news = looker.until("an XID", |seen| (!seen.xids.is_empty()).then(|| seen.xids.clone())).await;
        found.extend(news.into_iter().filter(|xid| xid.code != MARK));
    }
    found.extend(looker.look().await.xids.into_iter().filter(|xid| xid.code != MARK));
    found
}

#[tokio::test]
async fn what_the_kernel_logged_before_is_told_at_the_first_look_and_once() {
    let mut looker = Looker::new(state::State::with_gpus(2));
    // The log is there before the agent.
    looker.log(100, "usb 1-1: new device");
    looker.log(101, "NVRM: Xid (PCI:0000:11:00): 31, pid=77, name=python, Ch 00000008");
    looker.log(102, "NVRM: Xid (PCI:0000:10:00 GPU-I:05): 94, pid='<unknown>', name=<unknown>, Contained");
    looker.restart();
    let first = looker.look().await.xids;
    let [one, two] = &first[..] else { panic!("two XIDs: {first:?}") };
    assert_eq!((one.slot.to_string().as_str(), one.code, one.pid), ("00000000:11:00.0", 31, Some(77)));
    assert_eq!(&*one.detail, "Ch 00000008");
    assert_eq!((two.code, two.gpu_instance, two.pid), (94, Some(5), None));
    let apart = (SystemClock.now().micros() - two.at.micros()).abs();
    assert!(apart < 60_000_000, "it was logged {apart} µs from now");
    assert_eq!(looker.source.kernel_log_sequence(), Some(102));

    // The next life goes on behind it.
    looker.settings.kernel_log_from = looker.source.kernel_log_sequence();
    looker.restart();
    assert_eq!(looker.look().await.xids, []);
    looker.log(103, "NVRM: Xid (PCI:0000:11:00): 79, GPU has fallen off the bus.");
    let news = xids(&mut looker, 1).await;
    assert_eq!(news.iter().map(|xid| xid.code).collect::<Vec<_>>(), [79]);
    assert_eq!(looker.source.kernel_log_sequence(), Some(103));
}

#[tokio::test]
async fn an_xid_that_both_tell_is_told_once() {
    let mut looker = Looker::new(state::State::with_gpus(2));
    looker.all_read().await;
    heard(&mut looker).await;
    looker.log(7, "NVRM: Xid (PCI:0000:11:00): 79, pid=5, name=x, GPU has fallen off the bus.");
    looker.fake.xid(1, 79).unwrap();
    // The other GPU's comes by NVML alone, later than the one that both tell.
    looker.fake.xid(0, 48).unwrap();
    let news = xids(&mut looker, 2).await;
    let told: Vec<_> = news.iter().map(|xid| (xid.slot.bus, xid.code, xid.pid)).collect();
    assert_eq!(told, [(0x11, 79, Some(5)), (0x10, 48, None)]);
}

#[tokio::test]
async fn a_log_that_comes_piece_by_piece_is_followed() {
    use std::{fs, io::Write};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let pipe = |settings: &mut agents::source::nvml::NvmlSettings| settings.kernel_log = Some(path.clone());
    let mut looker = Looker::with(state::State::with_gpus(1), &[], pipe);
    // It is open once the other side reads.
    let mut log = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    for piece in ["4,1,2,-;NVRM: Xid (PCI:0000:", "10:00): 31, a\n4,2,3,-;NVRM: Xid (PCI:0000:10:00): 32"] {
        assert_eq!(looker.look().await.xids, []);
        log.write_all(piece.as_bytes()).unwrap();
    }
    let first = looker.until("an XID", |seen| seen.xids.first().cloned()).await;
    assert_eq!((first.code, &*first.detail), (31, "a"));
    log.write_all(b"\n").unwrap();
    assert_eq!(looker.until("an XID", |seen| seen.xids.first().cloned()).await.code, 32);
}

#[tokio::test]
async fn without_the_kernels_log_nvml_tells() {
    let nowhere =
        |settings: &mut agents::source::nvml::NvmlSettings| settings.kernel_log = Some("/nowhere/kmsg".into());
    let mut looker = Looker::with(state::State::with_gpus(2), &[], nowhere);
    looker.all_read().await;
    heard(&mut looker).await;
    let event = |state: &mut state::State| {
        let id = state.events.len() as u64 + 1000;
        state.events.push(state::Event { id, gpu: 0, xid: 94, gpu_instance: Some(3), compute_instance: Some(0) });
    };
    looker.fake.change(event).unwrap();
    let news = xids(&mut looker, 1).await;
    assert_eq!(news.iter().map(|xid| (xid.code, xid.gpu_instance)).collect::<Vec<_>>(), [(94, Some(3))]);
}

/// The XID of which [`heard`] has some come.
const MARK: u32 = 13;

/// Waits until NVML's events are heard: those of before are not delivered.
async fn heard(looker: &mut Looker) {
    loop {
        looker.fake.xid(0, MARK.into()).expect("an event");
        for _ in 0..50 {
            if looker.look().await.xids.iter().any(|xid| xid.code == MARK) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}
