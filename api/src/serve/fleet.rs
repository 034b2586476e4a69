//! The simulated fleet of a demonstration: its agents report over the bus, as real ones do.
use super::opened::Opened;
use crate::settings::Settings;
use agents::{
    Simulation,
    agent::{Pace, Surroundings},
    health::Policy,
    source::simulated::{Faults, Fleet, Size},
};
use bus::{
    bus::Bus,
    clock::{SystemClock, SystemEntropy},
};
use domain::Timestamp;
use std::{sync::Arc, time::Duration};

/// The most nodes of a fleet that looks at itself every second.
const SMALL: u32 = 64;

/// The fleet, if the settings ask for one.
pub(super) fn of(settings: &Settings, opened: &Opened) -> Option<Fleet> {
    let size = settings.simulate?;
    let size = Size { nodes: size.nodes, gpus_per_node: u16::try_from(size.gpus).unwrap_or(Size::GPUS_MAX) };
    Some(Fleet { size, seed: settings.simulate_seed, began: founded_at(opened), faults: Faults::Calm })
}

/// Starts the fleet, if the settings ask for one.
pub(crate) fn start(settings: &Settings, opened: &Opened, bus: Bus) -> Option<Simulation> {
    let fleet = of(settings, opened)?;
    let around = Surroundings { bus, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    // A person is watching a small fleet: it shows itself at once.
    let look_every = if fleet.size.nodes <= SMALL { Duration::from_secs(1) } else { Pace::default().look_every };
    // Heard several times within a lease.
    let frame_every = Pace::default().frame_every.min(settings.node_lease / 4);
    let pace = Pace { look_every, frame_every, ..Pace::default() };
    Some(Simulation::start(&fleet, &Policy::built_in(), &around, pace))
}

/// When the cluster was founded: the moment in its id, which is a `UUIDv7`.
fn founded_at(opened: &Opened) -> Timestamp {
    let millis = opened.cluster.0.get_timestamp().map_or(0, |at| {
        let (seconds, nanos) = at.to_unix();
        seconds * 1000 + u64::from(nanos) / 1_000_000
    });
    Timestamp::from_micros(i64::try_from(millis * 1000).unwrap_or_default())
}
