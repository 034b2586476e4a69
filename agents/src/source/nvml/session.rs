//! NVML, from its start to its end.
use super::{
    calls::Refusal,
    card::{Answering, Card},
    events::Watch,
    identity::{Identities, Identity},
    inventory::{Entry, entry},
};
use crate::source::{Sighting, processes::Owners};
use domain::device::DeviceId;
use nvml_wrapper::{Nvml, error::NvmlError};
use std::{collections::BTreeSet, time::Duration};

/// So often, it is asked what is there.
const INVENTORY_EVERY: Duration = Duration::from_mins(1);

/// So often while a GPU does not answer: it may have been reset.
const INVENTORY_SOON: Duration = Duration::from_secs(10);

/// So often, it is asked what runs.
const PROCESSES_EVERY: Duration = Duration::from_secs(10);

/// What outlives a session.
pub(super) struct Memory {
    pub(super) identities: Identities,
    pub(super) owners: Owners,
    /// What was logged of GPUs that do not say what they are.
    pub(super) told: BTreeSet<String>,
}

/// The most that is remembered of what was logged.
const TOLD_MAX: usize = 256;

pub(super) struct Session<'n, 'm> {
    nvml: &'n Nvml,
    memory: &'m mut Memory,
    watch: &'m Watch,
    cards: Vec<Card<'n>>,
    count: Option<u32>,
    next_inventory: Duration,
    next_processes: Duration,
}

impl<'n, 'm> Session<'n, 'm> {
    pub(super) const fn new(nvml: &'n Nvml, memory: &'m mut Memory, watch: &'m Watch) -> Self {
        Self {
            nvml,
            memory,
            watch,
            cards: vec![],
            count: None,
            next_inventory: Duration::ZERO,
            next_processes: Duration::ZERO,
        }
    }

    /// Looks at every GPU once, in NVML's order.
    ///
    /// # Errors
    /// It can't be told which are there; whether the session is over, [`Refusal`] says.
    pub(super) fn look(&mut self, now: Duration) -> Result<Vec<Sighting>, NvmlError> {
        let count = self.nvml.device_count()?;
        if self.count != Some(count) || now >= self.next_inventory {
            self.inventory(count, now)?;
        }
        let processes = now >= self.next_processes;
        let mut sightings = Vec::with_capacity(self.cards.len());
        let mut newly_lost = false;
        for card in &mut self.cards {
            let was_lost = card.is_lost();
            sightings.push(card.look(now, processes.then_some(&mut self.memory.owners))?);
            newly_lost |= card.is_lost() && !was_lost;
        }
        if processes {
            self.memory.owners.forget();
            self.next_processes = now + PROCESSES_EVERY;
        }
        if newly_lost {
            self.next_inventory = now;
        }
        Ok(sightings)
    }

    fn inventory(&mut self, count: u32, now: Duration) -> Result<(), NvmlError> {
        let mut old = std::mem::take(&mut self.cards);
        let (mut lost, mut silent) = (vec![], vec![]);
        let (mut lost_numbers, mut silent_numbers) = (vec![], vec![]);
        for index in 0..count {
            match entry(self.nvml, index, &self.memory.identities)? {
                Entry::Present(device, identity) => {
                    self.memory.identities.note(&identity);
                    let known = old.iter().position(|card| card.identity.device == identity.device);
                    self.cards.push(match known {
                        Some(at) => old.swap_remove(at).renewed(identity, device),
                        None => Card::new(identity, Answering::Yes(device)),
                    });
                }
                Entry::Lost(slot) => match slot.and_then(|slot| self.memory.identities.at(slot)) {
                    Some(identity) => lost.push(identity.clone()),
                    None => lost_numbers.push(index),
                },
                Entry::Unreadable(slot, why) => {
                    self.tell(index, &why);
                    match slot.and_then(|slot| self.memory.identities.at(slot)) {
                        Some(identity) => silent.push(identity.clone()),
                        None => silent_numbers.push(index),
                    }
                }
            }
        }
        self.add(lost, &lost_numbers, || Answering::Lost);
        self.add(silent, &silent_numbers, || Answering::Silent);
        self.cards.sort_by_key(|card| (card.identity.index.is_none(), card.identity.index, card.identity.slot));
        let answering = |card: &&Card<'_>| matches!(card.answering, Answering::Yes(_));
        let all = self.cards.iter().all(|card| answering(&card));
        self.watch.these(self.cards.iter().filter(answering).map(|card| card.identity.slot).collect());
        self.count = Some(count);
        self.next_inventory = now + if all { INVENTORY_EVERY } else { INVENTORY_SOON };
        Ok(())
    }

    /// Adds those that do not answer: known ones, and those behind numbers.
    fn add(&mut self, mut known: Vec<Identity>, numbers: &[u32], answering: impl Fn() -> Answering<'n>) {
        let mut present: BTreeSet<DeviceId> = self.cards.iter().map(|card| card.identity.device).collect();
        present.extend(known.iter().map(|identity| identity.device));
        known.extend(self.memory.identities.behind(numbers, &present));
        self.cards.extend(known.into_iter().map(|identity| Card::new(identity, answering())));
    }

    /// Logs, once, why it can't be told what a GPU is.
    fn tell(&mut self, index: u32, why: &str) {
        if self.memory.told.len() < TOLD_MAX && self.memory.told.insert(format!("{index}: {why}")) {
            tracing::warn!(gpu.index = index, why, "a GPU does not say what it is");
        }
    }
}

/// Whether the error says that the session is over.
pub(super) fn is_over(error: &NvmlError) -> bool {
    Refusal::from(error) == Refusal::Ended
}
