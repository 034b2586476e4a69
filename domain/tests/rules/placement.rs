//! A claim is laid on as few nodes as it can be: held against trying all ways.
use crate::{
    harness::World,
    words::{A100, H100, cordon, report, seen, start_of},
};
use domain::{Availability, Event, job, node::Seen};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// For each node, for each of its devices: whether it is an A100, and whether it is cordoned.
type Fleet = Vec<Vec<(bool, bool)>>;

fn fleet() -> impl Strategy<Value = Fleet> {
    let device = (prop::bool::weighted(0.3), prop::bool::weighted(0.25));
    prop::collection::vec(prop::collection::vec(device, 0..6), 1..6)
}

fn world(fleet: &Fleet) -> World {
    let mut world = World::founded();
    let mut next = 1;
    for (node, devices) in fleet.iter().enumerate() {
        let numbers = next..next + u8::try_from(devices.len()).expect("a small fleet");
        next = numbers.end;
        let seen: Vec<Seen> = devices
            .iter()
            .zip(numbers.clone())
            .map(|((is_a100, _), n)| seen(n, n, if *is_a100 { A100 } else { H100 }))
            .collect();
        world.given(report(&format!("node-{node}"), seen));
        for ((_, cordoned), n) in devices.iter().zip(numbers) {
            if *cordoned {
                world.given(cordon(n, true));
            }
        }
    }
    world
}

/// The fewest nodes that hold so many free devices of one model, by trying every set of nodes.
fn fewest(world: &World, model: Option<&str>, count: usize) -> Option<u32> {
    let mut free: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for device in world.cluster.devices().values() {
        if world.cluster.availability(device) == Availability::Free {
            *free.entry(device.model.as_str()).or_default().entry(device.node.as_str()).or_default() += 1;
        }
    }
    let of_model = |nodes: &BTreeMap<&str, usize>| {
        let nodes: Vec<usize> = nodes.values().copied().collect();
        let sets = 0_u32..1 << nodes.len();
        let enough = |set: &u32| {
            let held: usize = nodes.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, n)| n).sum();
            held >= count
        };
        sets.filter(enough).map(u32::count_ones).min()
    };
    free.iter().filter(|(name, _)| model.is_none_or(|model| model == **name)).filter_map(|(_, n)| of_model(n)).min()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn as_few_nodes_as_any_way_needs(
        fleet in fleet(),
        claims in prop::collection::vec((1_u32..12, prop::option::of(any::<bool>())), 1..5),
    ) {
        let mut world = world(&fleet);
        for (count, model) in claims {
            let model = model.map(|is_a100| if is_a100 { A100 } else { H100 });
            let fewest = fewest(&world, model, count as usize);
            let before = world.cluster.clone();
            let outcome = world.when(start_of("operator", count, model));
            let Ok(events) = outcome.result else {
                prop_assert_eq!(fewest, None, "{:?}", outcome);
                continue;
            };
            let [Event::Job(job::Event::Started { devices, .. })] = &events[..] else {
                return Err(TestCaseError::fail(format!("one event starts a small job: {events:?}")));
            };
            let devices: Vec<_> = devices.iter().map(|id| before.device(*id).expect("a claimed device is known")).collect();
            let distinct = |words: Vec<&str>| words.into_iter().collect::<BTreeSet<_>>().len();
            let ids: BTreeSet<_> = devices.iter().map(|device| device.id).collect();
            prop_assert_eq!(ids.len(), count as usize);
            prop_assert!(devices.iter().all(|device| before.availability(device) == Availability::Free));
            prop_assert_eq!(distinct(devices.iter().map(|device| device.model.as_str()).collect()), 1);
            prop_assert!(devices.iter().all(|device| model.is_none_or(|model| device.model.as_str() == model)));
            let nodes = distinct(devices.iter().map(|device| device.node.as_str()).collect());
            prop_assert_eq!(u32::try_from(nodes).ok(), fewest);
        }
    }
}

#[test]
fn the_rest_goes_where_it_fits_best() {
    // Four, three and one are free: five take the four and the one.
    let mut world = world(&vec![vec![(false, false); 4], vec![(false, false); 3], vec![(false, false)]]);
    world.given(start_of("operator", 5, None));
    let nodes: BTreeSet<_> = world
        .cluster
        .jobs()
        .values()
        .flat_map(|job| &job.devices)
        .filter_map(|id| world.cluster.device(*id))
        .map(|device| device.node.as_str().to_owned())
        .collect();
    assert_eq!(nodes, BTreeSet::from(["node-0".to_owned(), "node-2".to_owned()]));
    world.ended(world.last_job());
    world.given(start_of("operator", 3, None));
    assert!(
        world
            .cluster
            .devices()
            .values()
            .filter(|device| device.job.is_some())
            .all(|device| device.node.as_str() == "node-1")
    );
}
