//! GPUs that fall off the bus: they can't say any more what they are.
use crate::looker::Looker;
use agents::source::{State, Unreadable};
use domain::node::Seen;
use std::time::Duration;
use tests::harness::nvml_state as state;

#[tokio::test]
async fn a_lost_gpu_keeps_its_identity_until_it_is_back() {
    let mut looker = Looker::new(state::State::with_gpus(8));
    let before = looker.all_read().await;
    looker.fake.change(|state| state.gpus[3].lost = true).unwrap();
    let devices = looker.device_in(3, &State::Lost).await;
    assert_eq!(devices.len(), 8);
    assert_eq!(Seen::from(&devices[3]), Seen::from(&before[3]));
    assert_eq!((devices[3].index, devices[3].minor), (Some(3), Some(3)));
    assert!(devices.iter().enumerate().all(|(index, device)| index == 3 || device.readings().is_some()));

    // Another session knows it still.
    looker.fake.change(|state| (state.driver.call, state.driver.init) = (1, 9)).unwrap();
    looker.unreadable(&Unreadable::NotLoaded).await;
    looker.fake.change(|state| (state.driver.call, state.driver.init) = (0, 0)).unwrap();
    let devices = looker.device_in(3, &State::Lost).await;
    assert_eq!(Seen::from(&devices[3]), Seen::from(&before[3]));

    looker.fake.change(|state| state.gpus[3].lost = false).unwrap();
    assert_eq!(Seen::from(&looker.all_read().await[3]), Seen::from(&before[3]));
}

#[tokio::test]
async fn an_agent_that_was_restarted_is_told_which_gpu_is_lost() {
    let mut looker = Looker::new(state::State::with_gpus(3));
    let before = looker.all_read().await;
    looker.fake.change(|state| state.gpus[1].lost = true).unwrap();

    // Without being told, it can't know.
    looker.restart();
    assert_eq!(looker.all_read().await.len(), 2);

    looker.settings.known = before.iter().map(Seen::from).collect();
    looker.restart();
    let lost = looker
        .until("a lost GPU", |seen| {
            seen.devices.as_ref().ok()?.iter().find(|device| device.state == State::Lost).cloned()
        })
        .await;
    assert_eq!(Seen::from(&lost), Seen::from(&before[1]));
}

#[tokio::test]
async fn a_gpu_that_is_not_enumerated_is_left_out() {
    let mut looker = Looker::new(state::State::with_gpus(3));
    let before = looker.all_read().await;
    looker.fake.change(|state| state.gpus.remove(1)).unwrap();
    let left =
        looker.until("two GPUs", |seen| seen.devices.as_ref().ok().filter(|devices| devices.len() == 2).cloned()).await;
    assert_eq!([left[0].device, left[1].device], [before[0].device, before[2].device]);
    assert_eq!((left[1].index, left[1].minor), (Some(1), Some(2)));
}

#[tokio::test]
async fn a_gpu_that_may_not_be_asked_any_more_is_there_still() {
    const NO_PERMISSION: u32 = 4;
    let mut looker = Looker::new(state::State::with_gpus(2));
    let before = looker.all_read().await;
    let forbidden = |state: &mut state::State| {
        state.gpus[0].errors.insert("nvmlDeviceGetHandleByIndex_v2".to_owned(), NO_PERMISSION)
    };
    looker.fake.change(forbidden).unwrap();
    let devices = looker.look_after(Duration::from_mins(1)).await.devices.unwrap();
    assert_eq!((devices[0].device, &devices[0].state), (before[0].device, &State::Unreadable));
    assert!(devices[1].readings().is_some());
}
